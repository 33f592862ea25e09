import pg from 'pg';
import { expect, test } from 'vitest';
import {
  googleError,
  numberOf,
  retailBlueprint,
  retailFeed,
  startCompany,
  startGateway,
  type GoogleGateway,
} from '#libs/testing';

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

const somebody = (address: string) => ({
  kind: 'user',
  primaryEmail: address,
  givenName: 'Some',
  familyName: 'Body',
});

test('an account without our mark that turns up at run time is a conflict and is left as it is', async () => {
  let gateway: GoogleGateway | undefined;
  await using company = await startCompany({
    feed: 40,
    workers: 0,
    through: async (simulator) => (gateway = await startGateway(simulator)),
  });
  const { admin, simulator, bascule } = company;
  const migrationId = await admin.launch();
  const addresses = new Map((await admin.planItems(migrationId)).map((item) => [item.employeeNumber, item.address]));
  // Two come between the start and the last look at the addresses, two between that look and the very insert.
  const early = [numberOf(3), numberOf(17)];
  const late = [numberOf(8), numberOf(30)];
  const addressOf = (number: string) => addresses.get(number) ?? '';
  await simulator.plant(early.map((number) => somebody(addressOf(number))));
  const coming = new Set(late.map(addressOf));
  const planting: Promise<void>[] = [];
  if (gateway === undefined) throw new Error('there is no gateway');
  gateway.intercept = ({ method, url, body }) => {
    if (method !== 'POST' || url.pathname !== '/admin/directory/v1/users') return undefined;
    const address = [...coming].find((one) => body.includes(`"${one}"`));
    if (address === undefined) return undefined;
    coming.delete(address);
    planting.push(simulator.plant([somebody(address)]));
    return googleError(409, 'duplicate', 'Entity already exists.');
  };
  bascule.addWorker();
  const { migration, employees } = await admin.untilRest(migrationId);
  await Promise.all(planting);
  expect(planting).toHaveLength(2);
  expect(migration.state).toBe('completedWithIssues');
  expect(employees).toMatchObject({ done: 36, conflict: 4, failed: 0 });
  const conflicts = (await admin.report(migrationId)).filter(({ state }) => state === 'conflict');
  expect(new Set(conflicts.map(({ employeeNumber }) => employeeNumber))).toEqual(new Set([...early, ...late]));
  for (const { employeeNumber, reason } of conflicts) {
    expect(reason).toBe(late.includes(employeeNumber) ? 'account_turned_up' : 'address_taken_since');
  }
  const held = new Map((await simulator.accounts()).map((account) => [account.primaryEmail, account]));
  for (const number of [...early, ...late]) {
    expect(held.get(addressOf(number))).toMatchObject({
      name: { givenName: 'Some', familyName: 'Body' },
      orgUnitPath: '/',
      externalIds: [],
      groups: [],
    });
  }
  expect(await company.faults(migrationId)).toEqual([]);
}, 300_000);
