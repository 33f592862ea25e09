import { expect, test } from 'vitest';
import { numberOf, retailBlueprint, retailFeed, startCompany } from '#libs/testing';

test('five pilots go the whole way first; the rest follow with the addresses that one plan for all would have given', async () => {
  const feed = retailFeed(160, 7);
  const options = { profile: 'demo', timeScale: 60, feed, blueprint: retailBlueprint };
  await using company = await startCompany(options);
  await using twin = await startCompany({ ...options, workers: 0 });
  const { admin } = company;
  const atOnce = await twin.admin.create({ blueprint: 'Bascule Retail' });
  await twin.admin.plan(atOnce);
  const together = addressesOf(await twin.admin.planItems(atOnce));
  // Homonyms, or the comparison would say little.
  expect([...together.values()].filter((address) => /\d@/.test(address ?? '')).length).toBeGreaterThan(3);

  // The last of the homonyms, so that those before them are not in the pilots' plan.
  const numbered = [...together].filter(([, address]) => /\d@/.test(address ?? '')).map(([number]) => number);
  const pilots = [...numbered.slice(-3), numberOf(0), numberOf(1)];
  const first = await admin.launch({
    blueprint: 'Bascule Retail',
    selection: { kind: 'list', employeeNumbers: pilots },
  });
  expect(await admin.untilRest(first)).toMatchObject({
    migration: { state: 'completed' },
    employees: { total: 5, done: 5 },
    percent: 100,
  });
  expect(await company.faults(first)).toEqual([]);

  const rest = await admin.launch({ blueprint: 'Bascule Retail' });
  expect(await admin.untilRest(rest)).toMatchObject({
    migration: { state: 'completed' },
    employees: { total: 160, done: 160 },
    failures: [],
  });
  expect(await company.faults(rest)).toEqual([]);
  expect(addressesOf(await admin.planItems(rest))).toEqual(together);
}, 300_000);

const addressesOf = (items: readonly { employeeNumber: string; address: string | null }[]) =>
  new Map(items.map(({ employeeNumber, address }) => [employeeNumber, address]));
