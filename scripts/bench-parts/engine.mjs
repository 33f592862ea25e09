// How fast the engine is when Google sets no limit, beside a bare loop that makes the same calls on the same machine.
import { writeFileSync } from 'node:fs';
import { cpuSeconds, watchIdle } from '../laboratory/index.mjs';
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

async function engineRun(employees) {
  return inLaboratory('engine', async (lab) => {
    await lab.startSimulator({ profile: 'quiet', timeScale });
    await lab.startBascule({ workers, quotas: unlimited });
    await lab.pushFeed(employees);
    const id = await lab.plan();
    const items = [];
    for await (const { employeeId, desired } of lab.planned(id)) items.push({ employeeId, desired });
    const before = { calls: callsOf(await lab.stats()), cpu: cpuSeconds(lab.children), idle: watchIdle() };
    const startedAt = performance.now();
    await lab.begin(id);
    const { migration } = await lab.watch(id, (progress) => progress.migration.state !== 'running');
    const seconds = (performance.now() - startedAt) / 1_000;
    if (migration.state !== 'completed') throw new Error(`the run is ${migration.state}`);
    const after = cpuSeconds(lab.children);
    return {
      items,
      seconds,
      calls: callsOf(await lab.stats()) - before.calls,
      idle: before.idle(),
      cpu: Object.fromEntries(Object.entries(after).map(([kind, spent]) => [kind, spent - (before.cpu[kind] ?? 0)])),
    };
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
  const seconds = Math.max(...results.map((result) => result.seconds));
  return { calls: sum('calls'), seconds, cpu: sum('cpuSeconds') };
}

/** Calls a second of the engine, of the bare loop and of Google's own client in that loop, and the CPU of each. */
export async function engine({ quick, employees = quick ? 2_000 : 20_000 }) {
  const { items, ...run } = await engineRun(employees);
  const ours = await bareRun('ours', items);
  const stock = await bareRun('stock', items);
  const rate = ({ calls, seconds }) => calls / seconds;
  const milliseconds = (seconds) => (1_000 * seconds) / employees;
  const engineCpu = ['worker', 'api', 'postgres', 'redis'].reduce((sum, kind) => sum + (run.cpu[kind] ?? 0), 0);
  const row = (name, value, unit, note = '') => ({ name, value, unit, note });
  return [
    row(
      'engine, quotas off',
      rate(run),
      'calls/s',
      `${employees} employees, ${workers} workers, ledger and queue included`,
    ),
    row('bare loop, our client', rate(ours), 'calls/s', `the same calls, ${workers} processes`),
    row('bare loop, stock client', rate(stock), 'calls/s', 'Google’s transport, our tokens'),
    row('engine : bare loop', rate(run) / rate(ours), '', 'to be at least 0.5'),
    row('engine : stock loop', rate(run) / rate(stock), ''),
    row('idle CPU in the engine’s run', run.idle * 100, '%'),
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
