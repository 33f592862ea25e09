import { expect, test } from 'vitest';
import { retailBlueprint, retailFeed, startCompany, until, type TestCompany } from '#libs/testing';

/** Every call that reached Google so far, whatever became of it. */
async function callsAtGoogle({ simulator }: TestCompany): Promise<number> {
  const { calls } = await simulator.stats();
  return Object.values(calls).reduce((sum, count) => sum + count, 0);
}

async function flushWhenDone(company: TestCompany, migrationId: string, share: number): Promise<void> {
  await company.admin.untilProgress(migrationId, ({ employees, steps }) => {
    const done = steps.reduce((sum, step) => sum + step.done, 0);
    return done >= share * employees.total * steps.length;
  });
  expect(await company.redis.flush()).toBeGreaterThan(0);
}

test('a run whose Redis is flushed again and again completes, and stays paused while it is paused', async () => {
  await using company = await startCompany({
    profile: 'demo',
    timeScale: 40,
    workers: 2,
    feed: retailFeed(250),
    blueprint: retailBlueprint,
  });
  const { admin, redis, simulator } = company;
  const migrationId = await admin.launch({ blueprint: 'Bascule Retail' });
  // In the middle of the shared actions, of the accounts, and of what follows them.
  await until('some org units', async () => (Number((await simulator.stats())['orgUnits']) > 5 ? true : undefined));
  expect(await redis.flush()).toBeGreaterThan(0);
  for (const share of [0.05, 0.2, 0.35]) await flushWhenDone(company, migrationId, share);

  await admin.act(migrationId, 'pause');
  await admin.untilProgress(migrationId, ({ migration }) => migration.state === 'paused');
  await redis.flush();
  const before = await callsAtGoogle(company);
  for (let look = 0; look < 20; look += 1) {
    const { migration } = await admin.progress(migrationId);
    expect(migration).toMatchObject({ state: 'paused', cause: { reason: 'paused_by_admin' } });
    // Longer than the dispatcher's ticks and a batch's second offer take.
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  expect(await callsAtGoogle(company)).toBe(before);

  await admin.act(migrationId, 'resume');
  await flushWhenDone(company, migrationId, 0.6);
  const { migration, failures } = await admin.untilRest(migrationId);
  expect({ state: migration.state, failures }).toEqual({ state: 'completed', failures: [] });
  expect(await company.faults(migrationId)).toEqual([]);
  const { quotas } = await simulator.stats();
  const refused = Object.entries(quotas).filter(([, { accepted, rejected }]) => rejected > accepted / 1_000);
  expect(refused).toEqual([]);
  // A batch that breaks off stands still until its lease is over.
  const logs = [company.bascule.api, ...company.bascule.workers].map((started) => started.output()).join('');
  expect(logs).not.toContain('broke off');
}, 180_000);
