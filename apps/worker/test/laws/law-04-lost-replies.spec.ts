import pg from 'pg';
import { expect, test } from 'vitest';
import { numberOf, retailBlueprint, retailFeed, startCompany } from '#libs/testing';

test('nobody is twice there, half done or reported as failed when many replies are lost after their effect', async () => {
  await using company = await startCompany({
    profile: 'demo',
    workers: 2,
    feed: retailFeed(200, 4),
    blueprint: retailBlueprint,
    google: {
      faults: { lostReply: 300, lostReply409: 200 },
      delays: { staleReads: { share: 0.4, seconds: 60 } },
    },
  });
  const { admin, simulator } = company;
  const migrationId = await admin.launch({ blueprint: 'Bascule Retail' });
  const { migration, failures } = await admin.untilRest(migrationId);
  expect({ state: migration.state, cause: migration.cause, failures }).toEqual({
    state: 'completed',
    cause: null,
    failures: [],
  });
  expect(await company.faults(migrationId)).toEqual([]);
  const stats = await simulator.stats();
  // The company's events and the holidays of sixteen countries: none of them twice.
  expect(stats['calendars']).toBe(17);
  expect(stats.users).toBe(200 + 3);
  const client = new pg.Client({ connectionString: company.bascule.databaseUrl });
  await client.connect();
  const { rows } = await client.query(`select count(*)::int as lost from event where reason = 'reply_lost'`);
  await client.end();
  expect(rows).toMatchObject([{ lost: expect.toSatisfy((lost: number) => lost > 20) }]);
}, 300_000);

test('an account without our mark that turns up at run time is a conflict and is left as it is', async () => {
  await using company = await startCompany({ feed: 40, workers: 0 });
  const { admin, simulator, bascule } = company;
  const migrationId = await admin.launch();
  const items = await admin.planItems(migrationId);
  const strangers = items.filter(({ employeeNumber }) => [numberOf(3), numberOf(17)].includes(employeeNumber));
  await simulator.plant(
    strangers.map(({ address }) => ({ kind: 'user', primaryEmail: address, givenName: 'Some', familyName: 'Body' })),
  );
  const before = await simulator.accounts();
  bascule.addWorker();
  const { migration, employees } = await admin.untilRest(migrationId);
  expect(migration.state).toBe('completedWithIssues');
  expect(employees).toMatchObject({ done: 38, conflict: 2, failed: 0 });
  const conflicts = (await admin.report(migrationId)).filter(({ state }) => state === 'conflict');
  expect(conflicts.map(({ employeeNumber }) => employeeNumber).toSorted()).toEqual([numberOf(3), numberOf(17)]);
  for (const { reason } of conflicts) expect(['account_turned_up', 'address_taken_since']).toContain(reason);
  const after = new Map((await simulator.accounts()).map((account) => [account.id, account]));
  for (const { address } of strangers) {
    const held = before.find(({ primaryEmail }) => primaryEmail === address);
    expect(after.get(held?.id ?? '')).toEqual(held);
  }
  expect(await company.faults(migrationId)).toEqual([]);
}, 300_000);
