import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { people, smallBlueprint, startCompany, type TestCompany } from '#libs/testing';

async function callsAtGoogle({ simulator }: TestCompany): Promise<number> {
  const { calls } = await simulator.stats();
  return Object.values(calls).reduce((sum, count) => sum + count, 0);
}

test('a pause stops every call within a second, a resume completes, and then nothing is left to do', async () => {
  const feed = people(120);
  await using company = await startCompany({
    profile: 'demo',
    timeScale: 30,
    feed,
    // Fifteen accounts a second: batches are long under way when the pause comes, and only the gate can stop their calls.
    quotas: 'buckets: { userCreations: { limit: 0.5 } }',
  });
  const { admin } = company;
  const id = await admin.launch();
  await admin.untilProgress(id, ({ steps }) => steps.some(({ step, done }) => step === 'account' && done > 15));
  await admin.act(id, 'pause');
  // The promise is a second; nothing else can be waited for.
  await sleep(1_000);
  const before = await callsAtGoogle(company);
  const paused = await admin.untilProgress(id, ({ migration }) => migration.state === 'paused');
  await sleep(2_000);
  expect(await callsAtGoogle(company)).toBe(before);
  expect(paused.employees.done).toBeLessThan(120);
  expect(paused.migration.cause).toMatchObject({ reason: 'paused_by_admin' });

  await admin.act(id, 'resume');
  expect(await admin.untilRest(id)).toMatchObject({ migration: { state: 'completed' }, employees: { done: 120 } });
  expect(await company.faults(id)).toEqual([]);

  expect(await admin.pushFeed(feed)).toMatchObject({ state: 'done', rows: { unchanged: 120, new: 0, updated: 0 } });
  const again = await admin.create({ name: 'Once more' });
  const plan = await admin.plan(again);
  expect(plan).toMatchObject({ state: 'ready', summary: { total: 120, actions: { nothing: 120 } } });
}, 300_000);

test('a cancelled run leaves what is done, skips the rest as cancelled, and frees everybody for the next migration', async () => {
  await using company = await startCompany({ profile: 'demo', timeScale: 30, feed: 120 });
  const { admin } = company;
  const id = await admin.launch();
  await admin.untilProgress(id, ({ steps }) => steps.some(({ step, done }) => step === 'calendar' && done > 10));
  await admin.act(id, 'cancel');
  const cancelled = await admin.progress(id);
  expect(cancelled.migration.state).toBe('cancelled');
  const { done, skipped, pending, inProgress, waiting } = cancelled.employees;
  expect({ finished: done + skipped, open: pending + inProgress + waiting }).toEqual({ finished: 120, open: 0 });
  expect(skipped).toBeGreaterThan(0);
  expect(await company.faults(id)).toEqual([]);

  await admin.pushBlueprint(smallBlueprint);
  const next = await admin.launch({ name: 'The rest' });
  expect(await admin.untilRest(next)).toMatchObject({ migration: { state: 'completed' }, employees: { done: 120 } });
  expect(await company.faults(next)).toEqual([]);
  expect((await company.simulator.stats()).users).toBe(120 + 3);
}, 300_000);
