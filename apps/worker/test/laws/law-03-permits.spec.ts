import { expect, test } from 'vitest';
import { startCompany } from '#libs/testing';

const people = 450;

test('Google refuses no call for its quotas, tokens included, whatever the number of workers', async () => {
  await using company = await startCompany({
    profile: 'documented',
    timeScale: 8,
    workers: 1,
    feed: people,
    // Ours to keep: Google publishes no figure for its token endpoint.
    google: {
      quotas: { tokensPerSecond: 50 },
      delays: { mailbox: [5, 60], mailboxSlow: { share: 0, seconds: 0 }, calendar: [5, 40] },
    },
  });
  const { admin, bascule, simulator } = company;
  const thirds = ['employee.employeeNumber <= "000150"', 'employee.employeeNumber <= "000300"', 'true'];
  for (const [index, condition] of thirds.entries()) {
    const id = await admin.launch({ selection: { kind: 'condition', condition } });
    expect((await admin.untilRest(id)).migration.state).toBe('completed');
    expect(await company.faults(id)).toEqual([]);
    // One worker, then two, then four.
    for (let more = 0; more <= index; more += 1) bascule.addWorker();
  }
  const { quotas } = await simulator.stats();
  expect(quotas['userCreations']?.accepted).toBe(people);
  expect(quotas['tokens']?.accepted).toBeGreaterThan(people);
  const refused = Object.entries(quotas).filter(([, { accepted, rejected }]) => rejected > accepted / 1_000);
  expect(refused).toEqual([]);
}, 300_000);
