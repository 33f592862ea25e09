// The whole way on one machine, against a simulated Workspace: a generated HR feed pushed over HTTP, plan, approval, start,
// live progress, a check of every account, report, and a second plan that finds nothing to do. Called by scripts/demo.
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { parse as parseYaml } from 'yaml';
import { dyingWithUs, freePort, stopProcess } from './services/processes.mjs';
import { verify } from './demo-parts/verify.mjs';

const { values } = parseArgs({
  options: {
    employees: { type: 'string', default: '1000' },
    profile: { type: 'string', default: 'demo' },
    'time-scale': { type: 'string' },
    workers: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
  },
});
const finalFailures = values.profile === 'final-failures';
/** Real quota ratios, faster: amounts are multiplied, waits on Google divided. */
const timeScale = values['time-scale'] ?? (finalFailures ? '60' : '20');
const home = '.bascule/demo';
const profileFile = `config/simulator/${values.profile}.yaml`;
const children = [];
const startedAt = performance.now();

const say = (text) => console.log(`\n\u001b[1m${text}\u001b[0m`);

function launch(name, args, environment = {}) {
  const [command, ...rest] = [...dyingWithUs('TERM'), process.execPath, ...args];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...environment } });
  children.push(child);
  return child;
}

async function firstLine(child, name) {
  for await (const line of createInterface({ input: child.stdout })) {
    child.stdout.resume();
    return line;
  }
  throw new Error(`${name} ended before it was ready`);
}

/** Runs the command line as an admin would, showing what it shows; with `json` gives back its answer. */
async function bascule(environment, args, { json = false, allowFailure = false } = {}) {
  if (!json) console.log(`$ bascule ${args.join(' ')}`);
  const child = spawn(process.execPath, ['dist/apps/cli/src/main.js', ...(json ? ['--json'] : []), ...args], {
    stdio: ['ignore', json ? 'pipe' : 'inherit', 'inherit'],
    env: { ...process.env, ...environment },
  });
  const chunks = [];
  child.stdout?.on('data', (chunk) => chunks.push(chunk));
  const [code] = await once(child, 'close');
  if (code !== 0 && !allowFailure) throw new Error(`bascule ${args[0]} ended with ${code}`);
  return json ? JSON.parse(Buffer.concat(chunks).toString()) : code;
}

async function makeFeed() {
  const file = `${home}/feed.csv`;
  const generator = spawn(process.execPath, [
    'scripts/generate-feed.mjs',
    '--employees',
    values.employees,
    '--seed',
    values.seed,
  ]);
  generator.stdout.pipe(createWriteStream(file));
  await once(generator, 'close');
  return file;
}

/** Peak memory of every process below this one, from the kernel's own accounts. */
function peaks(names) {
  const found = [];
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const name = names.find(([, part]) => command.includes(part))?.[0];
      if (name === undefined || command.startsWith('setpriv')) continue;
      const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      if (peak !== undefined) found.push([name, Math.round(Number(peak) / 1024)]);
    } catch {
      // The process ended while we looked.
    }
  }
  return found;
}

async function createAndPlan(cli, name) {
  const args = ['create', name, '--blueprint', 'Bascule Retail', '--everyone'];
  const { id } = await bascule(cli, args, { json: true });
  await bascule(cli, ['plan', id]);
  return id;
}

const keyFile = `${home}/service-account.json`;

async function startSimulator() {
  say(`1. A simulated Google Workspace (${values.profile}, ${timeScale} times as fast as the real one)`);
  const options = { profile: profileFile, 'time-scale': timeScale, seed: values.seed, 'key-file': keyFile };
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const simulator = launch('simulator', ['dist/apps/simulator/src/main.js', ...words]);
  const { apiRoot } = JSON.parse(await firstLine(simulator, 'the simulator'));
  console.log(`Google's API is at ${apiRoot}`);
  return apiRoot;
}

async function startBascule(apiRoot) {
  say('2. Bascule: the API and the workers, on private PostgreSQL and Redis servers');
  writeFileSync(`${home}/quotas.yaml`, `timeScale: ${timeScale}\n`);
  const start = launch('start', ['scripts/start.mjs', '--workers', values.workers, '--folder', home], {
    BASCULE_GOOGLE_API_ROOT: apiRoot,
    BASCULE_GOOGLE_CREDENTIALS: keyFile,
    BASCULE_GOOGLE_ADMINS: 'admin1@bascule-retail.example,admin2@bascule-retail.example',
    BASCULE_GOOGLE_CANARY: 'admin@bascule-retail.example',
    BASCULE_QUOTAS: `${home}/quotas.yaml`,
    BASCULE_DATABASE_URL: '',
    BASCULE_REDIS_URL: '',
    BASCULE_BOOTSTRAP_TOKEN: '',
    BASCULE_PORT: String(await freePort()),
  });
  const line = await firstLine(start, 'Bascule');
  const address = /http:[^ ]+/.exec(line)[0];
  console.log(`The dashboard is at ${address}/ (sign in with the token in ${home}/admin-token)`);
  return { BASCULE_API: address, BASCULE_TOKEN: readFileSync(`${home}/admin-token`, 'utf8').trim() };
}

async function migrate(cli) {
  say(`3. HR pushes ${Number(values.employees).toLocaleString('en-US')} employees`);
  await bascule(cli, ['feed', 'push', 'hr', await makeFeed()]);
  say('4. The blueprint, the plan, the decision');
  await bascule(cli, ['google', 'check']);
  await bascule(cli, ['blueprint', 'push', 'config/blueprints/retailer.yaml']);
  const id = await createAndPlan(cli, 'The big move');
  await bascule(cli, ['approve', id]);
  await bascule(cli, ['start', id]);
  say('5. The run');
  await bascule(cli, ['watch', id], { allowFailure: true });
  return id;
}

/** What a second plan would still do; after a run without failures that is nothing. */
async function leftToDo(cli) {
  say('7. The plan again: nothing is left to do');
  const id = await createAndPlan(cli, 'Once more');
  const { summary } = await bascule(cli, ['plan', id], { json: true });
  const { nothing: _nothing, skip: _skip, ...rest } = summary.actions;
  return Object.values(rest).reduce((sum, count) => sum + count, 0);
}

async function report(apiRoot) {
  const memory = peaks([
    ['simulator', 'apps/simulator/src/main.js'],
    ['api', 'apps/api/src/main.js'],
    ['worker', 'apps/worker/src/main.js'],
  ]);
  say('Report');
  console.log(`${values.employees} employees in ${Math.round((performance.now() - startedAt) / 1000)} s, all included`);
  console.log(`peak memory: ${memory.map(([name, megabytes]) => `${name} ${megabytes} MB`).join(', ')}`);
  const { quotas, memory: use, users } = await (await fetch(`${apiRoot}/_simulator/stats`)).json();
  for (const [quota, { accepted, rejected, limit }] of Object.entries(quotas)) {
    console.log(`  ${quota}: ${accepted} used, ${rejected} refused (limit ${limit})`);
  }
  console.log(`simulator: ${users} users, ${Math.round(use.heapUsed / Math.max(1, users))} bytes of heap a user`);
}

async function run() {
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const apiRoot = await startSimulator();
  const cli = await startBascule(apiRoot);
  const migrationId = await migrate(cli);
  say('6. Is every account as the blueprint says? Asked of Google, not of Bascule');
  const poison = finalFailures ? parseYaml(readFileSync(profileFile, 'utf8')).poison : {};
  const wrong = await verify({ apiRoot, cli, migrationId, poison });
  const left = await leftToDo(cli);
  const expected = Object.values(poison).reduce((sum, numbers) => sum + numbers.length, 0);
  await report(apiRoot);
  if (wrong > 0) console.log(`${wrong} employees are not as they should be`);
  if (left !== expected) console.log(`the second plan still has ${left} to do, not ${expected}`);
  return wrong === 0 && left === expected ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stop().then(() => process.exit(130)));

async function stop() {
  for (const child of children.toReversed()) await stopProcess(child, 'SIGTERM', 60_000);
}

let code = 1;
try {
  code = await run();
} catch (error) {
  console.error(`demo: ${error.message}`);
} finally {
  await stop();
}
console.log(code === 0 ? '\nEverything is as it should be.' : `\nSomething is wrong; the logs are in ${home}/log`);
process.exit(code);
