// How fast the engine is when Google sets no limit, beside a bare loop that makes the same calls on the same machine.
import { writeFileSync } from 'node:fs';
import { cpuSeconds, machineTicks, shareIdle } from '../laboratory/index.mjs';
import { inLaboratory } from './rooms.mjs';

const timeScale = 60;
const workers = 2;
const buckets = [
  'directoryQueriesPerUser',
  'userCreations',
  'orgUnitWrites',
  'licensingQueries',
  'gmailUnitsPerProject',
  'gmailUnitsPerUser',
  'calendarQueriesPerProject',
  'calendarQueriesPerUser',
  'groupsSettingsPerDay',
  'tokenMints',
  'invitationQueries',
];
const unlimited = { timeScale, buckets: Object.fromEntries(buckets.map((name) => [name, { limit: null }])) };

/** Calls to Google's APIs; token requests are counted apart by neither side. */
const callsOf = ({ calls }) => Object.values(calls).reduce((sum, count) => sum + count, 0);

/** The part of a run, by the share of its calls, that is neither its beginning nor its last people. */
const steady = { from: 0.15, to: 0.85 };
const sampleMs = 500;

/** Counts while a run lasts. The function returned ends that, and gives calls and seconds of the whole and of the steady part. */
async function countCalls(lab) {
  const samples = [];
  const sample = async () => {
    samples.push({ calls: callsOf(await lab.stats()), at: performance.now(), ticks: machineTicks() });
  };
  await sample();
  let sampled = Promise.resolve();
  const timer = setInterval(() => {
    sampled = sampled.then(sample);
  }, sampleMs);
  return async () => {
    clearInterval(timer);
    await sampled;
    await sample();
    const between = (from, to) => ({ calls: to.calls - from.calls, seconds: (to.at - from.at) / 1_000 });
    const [first, last] = [samples[0], samples.at(-1)];
    const whole = between(first, last);
    const reached = (share) => samples.find(({ calls }) => calls - first.calls >= share * whole.calls);
    const [from, to] = [reached(steady.from), reached(steady.to)];
    if (from === to) throw new Error('the run was too short to be measured: take more employees');
    return { ...whole, steady: { ...between(from, to), idle: shareIdle(from.ticks, to.ticks) } };
  };
}

async function engineRun(employees) {
  return inLaboratory('engine', async (lab) => {
    await lab.startSimulator({ profile: 'quiet', timeScale });
    await lab.startBascule({ workers, quotas: unlimited });
    await lab.pushFeed(employees);
    const id = await lab.plan();
    const items = [];
    for await (const { employeeId, desired } of lab.planned(id)) items.push({ employeeId, desired });
    const before = cpuSeconds(lab.children);
    const counted = await countCalls(lab);
    await lab.begin(id);
    const { migration } = await lab.watch(id, (progress) => progress.migration.state !== 'running');
    if (migration.state !== 'completed') throw new Error(`the run is ${migration.state}`);
    const after = cpuSeconds(lab.children);
    const cpu = Object.fromEntries(Object.entries(after).map(([kind, spent]) => [kind, spent - (before[kind] ?? 0)]));
    return { items, cpu, ...(await counted()) };
  });
}

/** Org units, groups and calendars are made by a run for one person; then Bascule stops, and the loop runs for the others. */
async function bareRun(client, items) {
  return inLaboratory(`bare-${client}`, async (lab) => {
    await lab.startSimulator({ profile: 'quiet', timeScale });
    await lab.startBascule({ workers: 1, quotas: unlimited });
    await lab.pushFeed(1);
    const id = await lab.plan();
    await lab.begin(id);
    await lab.watch(id, (progress) => progress.migration.state !== 'running');
    const { sharedActions } = await lab.call('GET', `/v1/migrations/${id}/plan?limit=1`);
    const calendars = Object.fromEntries(
      sharedActions.filter(({ kind }) => kind === 'calendar').map(({ key, googleId }) => [key, googleId]),
    );
    const made = new Set();
    for await (const { desired } of lab.planned(id)) made.add(desired.primaryEmail);
    await lab.stopBascule();
    const others = items.filter(({ desired }) => !made.has(desired.primaryEmail));
    return loopOver(lab, client, others, calendars);
  });
}

async function loopOver(lab, client, items, calendars) {
  const share = Math.ceil(items.length / workers);
  const counted = await countCalls(lab);
  const results = await Promise.all(
    Array.from({ length: workers }, async (_, index) => {
      const file = `${lab.home}/items-${index}.ndjson`;
      const lines = items.slice(index * share, (index + 1) * share).map((item) => JSON.stringify(item));
      writeFileSync(file, lines.join('\n'));
      const answer = await lab.output([
        'scripts/bench-parts/bare-loop.mjs',
        `--root=${lab.apiRoot}`,
        `--key=${lab.keyFile}`,
        `--items=${file}`,
        `--client=${client}`,
        `--calendars=${JSON.stringify(calendars)}`,
      ]);
      return JSON.parse(answer);
    }),
  );
  const sum = (figure) => results.reduce((total, result) => total + result[figure], 0);
  // The processes' own clock leaves out how long they took to start.
  const seconds = Math.max(...results.map((result) => result.seconds));
  return { ...(await counted()), calls: sum('calls'), seconds, cpu: sum('cpuSeconds') };
}

/** Calls a second of the engine, of the bare loop and of Google's own client in that loop, and the CPU of each. */
export async function engine({ quick, employees = quick ? 8_000 : 20_000 }) {
  const { items, ...run } = await engineRun(employees);
  const ours = await bareRun('ours', items);
  const stock = await bareRun('stock', items);
  const rate = ({ calls, seconds }) => calls / seconds;
  const milliseconds = (seconds) => (1_000 * seconds) / employees;
  const engineCpu = ['worker', 'api', 'postgres', 'redis'].reduce((sum, kind) => sum + (run.cpu[kind] ?? 0), 0);
  const row = (name, value, unit, note = '') => ({ name, value, unit, note });
  const idle = ({ steady: { idle: share } }) => `${Math.round(share * 100)} % of the CPU idle`;
  return [
    row('engine, quotas off', rate(run), 'calls/s', `${employees} employees, ${workers} workers, first call to last`),
    row('bare loop, our client', rate(ours), 'calls/s', `the same calls, ${workers} processes`),
    row('bare loop, stock client', rate(stock), 'calls/s', 'Google’s transport, our tokens'),
    row('engine : bare loop', rate(run) / rate(ours), '', 'to be at least 0.5'),
    row('engine : stock loop', rate(run) / rate(stock), ''),
    row('engine, steady part', rate(run.steady), 'calls/s', idle(run)),
    row('bare loop, steady part', rate(ours.steady), 'calls/s', idle(ours)),
    row('engine : bare loop, steady part', rate(run.steady) / rate(ours.steady), ''),
    row(
      'calls an employee, engine',
      run.calls / employees,
      'calls',
      `bare loop ${(ours.calls / employees).toFixed(1)}`,
    ),
    row('CPU an employee, engine', milliseconds(engineCpu), 'ms', 'workers, API, PostgreSQL, Redis'),
    ...['worker', 'api', 'postgres', 'redis', 'simulator'].map((kind) =>
      row(`CPU an employee, ${kind}`, milliseconds(run.cpu[kind] ?? 0), 'ms'),
    ),
    row(
      'CPU an employee, bare loop',
      milliseconds(ours.cpu),
      'ms',
      `stock client ${milliseconds(stock.cpu).toFixed(1)}`,
    ),
  ];
}
