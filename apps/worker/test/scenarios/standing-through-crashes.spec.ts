import { expect, test } from 'vitest';
import { numberOf, people, progressFaults, startCompany, until } from '#libs/testing';

const blueprint = `
blueprint: 1
name: Small company
domains: [bascule-retail.example]
declare: { orgUnits: [{ path: /Stores }, { path: /Office }] }
password: sso
orgUnit:
  - when: employee.department == "Office"
    value: /Office
  - value: /Stores
licence: none
`;

test('workers that die in the middle of a round, and a flushed Redis, make no second round and lose nobody', async () => {
  const feed = people(24, () => ({ department: 'Stores' }));
  await using company = await startCompany({ profile: 'quiet', timeScale: 200, workers: 2, feed, blueprint });
  const { admin, bascule, redis } = company;
  const id = await admin.launch();
  await admin.untilRest(id);
  await admin.stand(id);

  const moved = feed.slice(0, 20).map((row) => ({ ...row, department: 'Office' }));
  const joiner = {
    ...feed[0],
    employeeNumber: '000900',
    legalGivenName: 'Ines',
    legalFamilyName: 'Neu',
    legacyEmails: [],
  };
  await admin.pushFeed([...moved, joiner], 'delta');
  // Whoever plans, starts or carries out the round at this moment dies.
  await until('a round', async () => ((await admin.rounds(id)).length > 0 ? true : undefined));
  for (const worker of bascule.workers.slice()) worker.kill('SIGKILL');
  await redis.flush();
  bascule.addWorker();
  bascule.addWorker();

  const round = await admin.untilRound(id, 1, 'completed');
  expect(round.people).toBe(21);
  const progress = await admin.progress(round.id);
  expect(progress.employees).toMatchObject({ total: 21, done: 21 });
  expect(progressFaults(progress)).toEqual([]);
  expect(await company.faults(round.id)).toEqual([]);
  const accounts = await company.simulator.accounts();
  const inOffice = accounts.filter(({ orgUnitPath }) => orgUnitPath === '/Office');
  const numbers = inOffice.map(({ externalIds }) => externalIds.find(({ type }) => type === 'organization')?.value);
  expect(new Set(numbers)).toEqual(new Set(Array.from({ length: 20 }, (_, index) => numberOf(index))));
  expect(numbers).toHaveLength(20);
  expect(accounts.filter(({ primaryEmail }) => primaryEmail === 'ines.neu@bascule-retail.example')).toHaveLength(1);
  expect(await admin.rounds(id)).toHaveLength(1);
}, 300_000);
