import pg from 'pg';
import { expect, test } from 'vitest';
import { numberOf, progressFaults, startCompany, type TestProgress } from '#libs/testing';

test('states, steps and waves add up at every moment of a run with faults, a drained worker, a pause and failures', async () => {
  await using company = await startCompany({
    profile: 'demo',
    timeScale: 60,
    workers: 2,
    feed: 200,
    google: {
      faults: { lostReply: 200, unavailable: 200, throttled: 50 },
      poison: { invalidInsert: [numberOf(5)], calendarForbidden: [numberOf(9), numberOf(50)] },
    },
  });
  const { admin, bascule } = company;
  const migrationId = await admin.launch();
  const wrong: string[] = [];
  let looks = 0;
  const look = (progress: TestProgress) => {
    looks += 1;
    wrong.push(...progressFaults(progress));
    if (progress.percent === 100) wrong.push('100 % with failures');
  };
  const someDone = (share: number) => (progress: TestProgress) =>
    progress.steps.reduce((sum, step) => sum + step.done, 0) > share * progress.employees.total * progress.steps.length;
  await admin.untilProgress(migrationId, someDone(0.15), look);

  bascule.workers[0]?.kill('SIGTERM');
  bascule.addWorker();
  await admin.untilProgress(migrationId, someDone(0.4), look);

  await admin.act(migrationId, 'pause');
  await admin.untilProgress(migrationId, ({ migration }) => migration.state === 'paused', look);
  await admin.act(migrationId, 'resume');

  const end = await admin.untilRest(migrationId, look);

  expect(wrong).toEqual([]);
  expect(looks).toBeGreaterThan(10);
  expect(end).toMatchObject({
    migration: { state: 'completedWithIssues' },
    employees: { total: 200, done: 197, failed: 3 },
    percent: 98,
  });
  expect(end.failures.map(({ reason, step, count }) => ({ reason, step, count }))).toEqual(
    expect.arrayContaining([
      { reason: 'invalid_field', step: 'account', count: 1 },
      { reason: 'forbidden_for_account', step: 'calendar', count: 2 },
    ]),
  );
  expect(await company.faults(migrationId)).toEqual([]);
  // Who is drained or paused gives back what it holds: nothing stood still until a lease was over.
  const client = new pg.Client({ connectionString: bascule.databaseUrl });
  await client.connect();
  const { rows } = await client.query('select kind, fence from batch where fence > 1');
  await client.end();
  expect(rows).toEqual([]);
}, 300_000);
