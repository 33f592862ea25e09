import { expect, test } from 'vitest';
import { startCompany } from '#libs/testing';

test('tokens that are refused, mailboxes that lag, hidden accounts and stale reads fail nobody', async () => {
  await using company = await startCompany({
    profile: 'demo',
    timeScale: 30,
    feed: 150,
    // All of it worse than seen in the field.
    google: {
      delays: {
        visibleById: [5, 90],
        complete: [20, 90],
        staleReads: { share: 0.5, seconds: 90 },
        token: [60, 180],
        mailbox: [60, 300],
        mailboxSlow: { share: 0.05, seconds: 400 },
        calendar: [60, 200],
        member: [15, 90],
      },
    },
  });
  const { admin, simulator } = company;
  const migrationId = await admin.launch();
  const { migration, failures } = await admin.untilRest(migrationId);
  expect({ state: migration.state, cause: migration.cause, failures }).toEqual({
    state: 'completed',
    cause: null,
    failures: [],
  });
  expect(await company.faults(migrationId)).toEqual([]);
  const { calls } = await simulator.stats();
  // The traps were there: a new account's token, its aliases, its memberships.
  const refused = Object.keys(calls).filter((call) => !/ 20\d$/.test(call));
  expect(refused).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/token 40\d$/),
      expect.stringMatching(/aliases 412$/),
      expect.stringMatching(/members 404$/),
    ]),
  );
}, 300_000);
