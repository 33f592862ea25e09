import { expect, test } from 'vitest';
import { numberOf, startCompany, type TestPlanItem } from '#libs/testing';

const kindNames = ['nobody', 'own', 'stranger', 'unmanaged', 'suspended', 'admin', 'deleted', 'alias'] as const;
type Kind = (typeof kindNames)[number];

const counts: Record<Kind, number> = {
  nobody: 360,
  own: 480,
  stranger: 240,
  unmanaged: 120,
  suspended: 120,
  admin: 120,
  deleted: 120,
  alias: 120,
};
/** What is at Google before, person by person: at their wanted address, or with their number elsewhere. */
const kinds = kindNames.flatMap((kind) => Array<Kind>(counts[kind]).fill(kind));
/** With these, 3,000 accounts are there before. */
const unrelated = 3_000 - (kinds.length - counts.nobody);

const expected: Record<Kind, { action: string; reason: string | null; state: string }> = {
  nobody: { action: 'create', reason: null, state: 'done' },
  own: { action: 'adopt', reason: null, state: 'done' },
  stranger: { action: 'conflict', reason: 'maybe_same_person', state: 'conflict' },
  unmanaged: { action: 'conflict', reason: 'address_held_by_unmanaged', state: 'conflict' },
  suspended: { action: 'conflict', reason: 'suspended_by_another', state: 'conflict' },
  admin: { action: 'skip', reason: 'google_admin', state: 'skipped' },
  deleted: { action: 'conflict', reason: 'address_held_by_deleted', state: 'conflict' },
  alias: { action: 'conflict', reason: 'address_held_by_alias', state: 'conflict' },
};

const badge = { type: 'custom', customType: 'badge', value: 'B-1' };
const phone = { type: 'home', value: '+33 1 00 00 00 00' };
const desk = { type: 'desk', area: 'B4' };

/** Whatever another tool or the person wrote there. */
const theirs = (more: readonly unknown[] = []) => ({
  externalIds: [badge, ...more],
  phones: [phone],
  locations: [desk],
});

function planted({ address, employeeNumber }: TestPlanItem, kind: Kind): Record<string, unknown>[] {
  const user = { kind: 'user', givenName: 'Former', familyName: `Name ${employeeNumber}` };
  const numbered = theirs([{ type: 'organization', value: employeeNumber }]);
  const elsewhere = `kept.${employeeNumber}@bascule-retail.example`;
  const old = `old.${employeeNumber}@bascule-retail.example`;
  switch (kind) {
    case 'nobody':
      return [];
    case 'own':
      return [{ ...user, primaryEmail: elsewhere, aliases: [old], lists: numbered }];
    case 'stranger':
      return [{ ...user, primaryEmail: address, lists: theirs() }];
    case 'unmanaged':
      return [{ kind: 'unmanaged', address }];
    case 'suspended':
      return [{ ...user, primaryEmail: elsewhere, suspended: true, lists: numbered }];
    case 'admin':
      return [{ ...user, primaryEmail: elsewhere, isAdmin: true, lists: numbered }];
    case 'deleted':
      return [{ ...user, primaryEmail: address, deleted: true }];
    case 'alias':
      return [{ ...user, primaryEmail: elsewhere, aliases: [address], lists: theirs() }];
  }
}

test('3,000 accounts from before end as they should, and nothing of theirs that the blueprint does not own is changed', async () => {
  await using company = await startCompany({ profile: 'demo', feed: kinds.length });
  const { admin, simulator } = company;
  const kindOf = new Map(kinds.map((kind, index) => [numberOf(index), kind]));
  const id = await admin.create();
  // The plan for an empty Google tells the wanted addresses; the one that counts is made anew.
  await admin.plan(id);
  const wanted = await admin.planItems(id);
  await simulator.plant([
    ...wanted.flatMap((item) => planted(item, kindOf.get(item.employeeNumber) ?? 'nobody')),
    ...Array.from({ length: unrelated }, (_, index) => ({
      kind: 'user',
      primaryEmail: `somebody.else${index}@bascule-retail.example`,
      lists: theirs(),
    })),
  ]);
  const before = await simulator.accounts();
  const plan = await admin.plan(id);
  expect(plan.state).toBe('ready');
  const items = await admin.planItems(id);
  expect(items.map(({ employeeNumber, action, reason }) => ({ employeeNumber, action, reason }))).toEqual(
    items.map(({ employeeNumber }) => {
      const { action, reason } = expected[kindOf.get(employeeNumber) ?? 'nobody'];
      return { employeeNumber, action, reason };
    }),
  );

  await admin.act(id, 'approve');
  await admin.act(id, 'start');
  const { migration, employees } = await admin.untilRest(id);
  expect(migration).toMatchObject({ state: 'completedWithIssues', cause: null });
  expect(employees).toMatchObject({
    total: kinds.length,
    done: counts.nobody + counts.own,
    conflict: counts.stranger + counts.unmanaged + counts.suspended + counts.deleted + counts.alias,
    skipped: counts.admin,
    failed: 0,
  });
  const report = new Map((await admin.report(id)).map((row) => [row.employeeNumber, row]));
  for (const [number, kind] of kindOf) expect(report.get(number)).toMatchObject({ state: expected[kind].state });
  expect(await company.faults(id)).toEqual([]);

  const after = new Map((await simulator.accounts()).map((account) => [account.id, account]));
  const adopted = new Set(items.filter(({ action }) => action === 'adopt').map(({ employeeNumber }) => employeeNumber));
  for (const account of before) {
    const now = after.get(account.id);
    const number = account.externalIds.find(({ type }) => type === 'organization')?.value ?? '';
    if (!adopted.has(number)) {
      expect(now).toEqual(account);
      continue;
    }
    expect(now).toMatchObject({ primaryEmail: account.primaryEmail, phones: [phone], locations: [desk] });
    expect(now?.externalIds).toEqual(expect.arrayContaining([badge, { type: 'organization', value: number }]));
    expect(now?.aliases).toEqual(expect.arrayContaining(account.aliases));
    // Settings of the kind "once" are the person's own on an account that was there before; the signature is enforced.
    expect(now?.gmail).toMatchObject({ signature: expect.stringContaining('<b>') });
    expect(now?.gmail.imap).toEqual(account.gmail.imap);
    expect(now?.calendar).toEqual(account.calendar);
  }
  // Everybody who was there is still there, who had nothing is new, and no private account lost its address.
  expect(after.size).toBe(before.length + counts.nobody);
  expect((await simulator.stats())['evicted'] ?? 0).toBe(0);
}, 300_000);
