// The whole way on one machine, against a simulated Workspace: a generated HR feed pushed over HTTP, plan, approval, start,
// live progress, a check of every account, report, and a second plan that finds nothing to do. Called by scripts/demo.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { Laboratory, peakMegabytes } from './laboratory/index.mjs';
import { verify } from './demo-parts/verify.mjs';
import { dyingWithUs } from './services/processes.mjs';

const { values } = parseArgs({
  options: {
    employees: { type: 'string', default: '1000' },
    profile: { type: 'string', default: 'demo' },
    'time-scale': { type: 'string' },
    workers: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
  },
});
/** Real quota ratios, faster: amounts are multiplied, waits on Google divided. */
const timeScale = Number(values['time-scale'] ?? (values.profile === 'final-failures' ? 60 : 20));
const lab = new Laboratory('.bascule/demo');
const startedAt = performance.now();

const say = (text) => console.log(`\n\u001b[1m${text}\u001b[0m`);

/** Runs the command line as an admin would, showing what it shows; with `json` gives back its answer. */
async function bascule(args, { json = false, allowFailure = false } = {}) {
  if (!json) console.log(`$ bascule ${args.join(' ')}`);
  const [command, ...rest] = [...dyingWithUs('TERM'), process.execPath, 'dist/apps/cli/src/main.js'];
  const child = spawn(command, [...rest, ...(json ? ['--json'] : []), ...args], {
    stdio: ['ignore', json ? 'pipe' : 'inherit', 'inherit'],
    env: { ...process.env, BASCULE_API: lab.address, BASCULE_TOKEN: lab.token },
  });
  const chunks = [];
  child.stdout?.on('data', (chunk) => chunks.push(chunk));
  const [code] = await once(child, 'close');
  if (code !== 0 && !allowFailure) throw new Error(`bascule ${args[0]} ended with ${code}`);
  return json ? JSON.parse(Buffer.concat(chunks).toString()) : code;
}

async function createAndPlan(name) {
  const args = ['create', name, '--blueprint', 'Bascule Retail', '--everyone'];
  const { id } = await bascule(args, { json: true });
  await bascule(['plan', id]);
  return id;
}

/** Starts both sides; gives back the known final failures of the profile, by kind. */
async function bringUp() {
  say(`1. A simulated Google Workspace (${values.profile}, ${timeScale} times as fast as the real one)`);
  const { poison = {} } = await lab.startSimulator({ profile: values.profile, timeScale, seed: values.seed });
  console.log(`Google's API is at ${lab.apiRoot}`);
  say('2. Bascule: the API and the workers, on private PostgreSQL and Redis servers');
  await lab.startBascule({ workers: values.workers, quotas: { timeScale } });
  console.log(`The dashboard is at ${lab.address}/ (sign in with the token in ${lab.home}/admin-token)`);
  return poison;
}

async function migrate() {
  say(`3. HR pushes ${Number(values.employees).toLocaleString('en-US')} employees`);
  await bascule(['feed', 'push', 'hr', await lab.makeFeed(values.employees, values.seed)]);
  say('4. The blueprint, the plan, the decision');
  await bascule(['google', 'check']);
  await bascule(['blueprint', 'push', 'config/blueprints/retailer.yaml']);
  const id = await createAndPlan('The big move');
  await bascule(['approve', id]);
  await bascule(['start', id]);
  say('5. The run');
  await bascule(['watch', id], { allowFailure: true });
  return id;
}

/** What a second plan would still do; after a run without failures that is nothing. */
async function leftToDo() {
  say('7. The plan again: nothing is left to do');
  const id = await createAndPlan('Once more');
  const { summary } = await lab.call('GET', `/v1/migrations/${id}/plan?limit=1`);
  const { nothing: _nothing, skip: _skip, ...rest } = summary.actions;
  return Object.values(rest).reduce((sum, count) => sum + count, 0);
}

async function report() {
  say('Report');
  console.log(`${values.employees} employees in ${Math.round((performance.now() - startedAt) / 1000)} s, all included`);
  const { postgres: _shared, ...peaks } = peakMegabytes(lab.children);
  const memory = Object.entries(peaks).map(([name, megabytes]) => `${name} ${megabytes.join(' and ')} MB`);
  console.log(`peak memory: ${memory.join(', ')}`);
  const { quotas, memory: use, heapAtStart, users } = await lab.stats({ collect: true });
  for (const [quota, { accepted, rejected, limit }] of Object.entries(quotas)) {
    console.log(`  ${quota}: ${accepted} used, ${rejected} refused (limit ${limit})`);
  }
  console.log(
    `simulator: ${users} users, ${Math.round((use.heapUsed - heapAtStart) / Math.max(1, users))} bytes of heap a user`,
  );
}

async function run() {
  const poison = await bringUp();
  const migrationId = await migrate();
  say('6. Is every account as the blueprint says? Asked of Google, not of Bascule');
  const wrong = await verify({ lab, migrationId, poison });
  const left = await leftToDo();
  const expected = Object.values(poison).reduce((sum, numbers) => sum + numbers.length, 0);
  await report();
  if (wrong > 0) console.log(`${wrong} employees are not as they should be`);
  if (left !== expected) console.log(`the second plan still has ${left} to do, not ${expected}`);
  return wrong === 0 && left === expected ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void lab.stop().then(() => process.exit(130)));

let code = 1;
try {
  code = await run();
} catch (error) {
  console.error(`demo: ${error.message}`);
} finally {
  await lab.stop();
}
console.log(code === 0 ? '\nEverything is as it should be.' : `\nSomething is wrong; the logs are in ${lab.home}/log`);
process.exit(code);
