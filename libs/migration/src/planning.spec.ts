import { expect, test } from 'vitest';
import { evaluate, parseBlueprint } from '#libs/blueprint';
import type { EmployeeToPlan } from '#libs/ledger';
import { employeeRecordSchema, type DesiredAccount, type EmployeeRecord, type ObservedAccount } from '#libs/vocabulary';
import { planOne } from './planning.js';

const today = '2026-11-25';
const parsed = parseBlueprint(`
blueprint: 1
name: Small
domains: [shop.example]
password: sso
orgUnit: /
licence:
  - when: employee.department == "Office"
    value: { assignment: assign, productId: Google-Apps, skuId: '1010020026' }
  - value: none
leavers: { graceDays: 14 }
profile: { organization: { title: "{{ employee.jobTitle }}" } }
`);
if (!('blueprint' in parsed)) throw new Error('the blueprint of this spec is wrong');
const { blueprint } = parsed;

const address = 'ada.one@shop.example';
const employeeId = '0b6a7f0e-6b4e-4c0a-9d27-2f2d8c3a1e55';
const seller = employeeRecordSchema.parse({
  employeeNumber: '1',
  status: 'active',
  workerType: 'employee',
  legalName: { givenName: 'Ada', familyName: 'One' },
  hireDate: '2020-01-01',
  country: 'GB',
  jobTitle: 'Seller',
});
const terminated: EmployeeRecord = { ...seller, status: 'terminated' };

function accountFor(record: EmployeeRecord): DesiredAccount {
  const evaluation = evaluate(blueprint, { record, address, today });
  if ('reason' in evaluation) throw new Error(evaluation.reason);
  return evaluation.account;
}

/** The seller's account at Google. */
const observed: ObservedAccount = {
  googleId: 'g1',
  primaryEmail: address,
  name: { givenName: 'Ada', familyName: 'One' },
  orgUnitPath: '/',
  suspended: false,
  archived: false,
  isAdmin: false,
  isDelegatedAdmin: false,
  isMailboxSetup: true,
  aliases: [],
  nonEditableAliases: [],
  externalIds: [
    { type: 'custom', customType: 'bascule', value: employeeId },
    { type: 'organization', value: '1' },
  ],
  organizations: [{ primary: true, title: 'Seller', description: 'employee' }],
  relations: [],
  phones: [],
  languages: [],
};

const plan = (record: EmployeeRecord, changes: Partial<EmployeeToPlan> = {}) =>
  planOne(
    blueprint,
    {
      employeeId,
      source: 'hr',
      version: 1,
      record,
      wave: 1,
      address,
      problem: null,
      matchProblem: null,
      managerAddress: null,
      googleId: 'g1',
      matchedBy: 'ledger',
      namedByAdmin: false,
      addressAsked: false,
      formerAddresses: [],
      aliasesLeftOut: [],
      observed,
      origin: 'created',
      suspendedByUs: false,
      archivedByUs: false,
      terminatedOn: null,
      gmailHash: null,
      calendarHash: null,
      groups: [],
      groupsMade: [],
      writtenLately: false,
      freshlyWritten: null,
      confirmedLicence: null,
      ...changes,
    },
    { orgUnits: new Set(), groups: new Set() },
    today,
  );
const manager = { ...seller, jobTitle: 'Manager' };
const lately = (freshlyWritten: DesiredAccount | null) => ({ writtenLately: true, freshlyWritten });

test('what was written just now and is wanted still is not written again, whatever the listing shows', () => {
  expect(plan(seller)).toMatchObject({ action: 'nothing' });
  expect(plan(manager)).toMatchObject({ action: 'update' });
  expect(plan(manager, lately(accountFor(manager)))).toMatchObject({ action: 'nothing' });
});

test('of what was written just now, wholly or in part, and is not wanted any more, all is written again', () => {
  for (const written of [accountFor(manager), null]) {
    expect(plan(seller, lately(written))).toMatchObject({ action: 'update', steps: ['account', 'confirm'] });
    expect(plan(seller, { ...lately(written), observed: null })).toMatchObject({ action: 'update' });
  }
});

test('of what is written again without a comparison, the licence and the suspension are told: a round’s guard counts them', () => {
  const licence = { field: 'licence', from: null, to: '1010020026' };
  const inOffice = { ...seller, department: 'Office' };
  const barred = { field: 'suspended', from: false, to: true };
  const prehire: EmployeeRecord = { ...inOffice, status: 'prehire' };
  for (const seen of [observed, null]) {
    const written = { ...lately(accountFor(seller)), observed: seen };
    if (seen === null) {
      expect(plan(inOffice, written).changes).toEqual([licence]);
      expect(plan(prehire, written).changes).toEqual([barred, licence]);
    }
    const { licence: confirmedLicence } = accountFor(inOffice);
    // What the listing shows is compared as ever.
    const compared = seen === null ? [] : [{ field: 'organization.department', from: null, to: 'Office' }];
    expect(plan(inOffice, { ...written, confirmedLicence }).changes).toEqual(compared);
  }
});

test('who leaves is suspended though the account, written just now, is not listed yet, or as it was before', () => {
  const suspends = { action: 'suspend', changes: [{ field: 'suspended', to: true }] };
  for (const written of [accountFor(seller), null]) {
    expect(plan(terminated, { ...lately(written), observed: null })).toMatchObject(suspends);
    const asBefore = { observed: { ...observed, suspended: true } };
    expect(plan(terminated, { ...lately(written), ...asBefore })).toMatchObject(suspends);
  }
  expect(plan(terminated, { observed: null })).toMatchObject({ action: 'skip', reason: 'left' });
});

test('of a leaver no account is suspended that may be somebody else’s; a problem of their address stands in no way', () => {
  const unmarked = { observed: { ...observed, externalIds: [{ type: 'organization', value: '1' }] }, origin: null };
  for (const [matchedBy, problem] of [
    ['number', 'employee_number_ambiguous'],
    ['list', 'account_claimed_twice'],
  ] as const) {
    const uncertain = { ...unmarked, matchedBy, problem, matchProblem: problem, namedByAdmin: matchedBy === 'list' };
    expect(plan(terminated, uncertain)).toMatchObject({ action: 'conflict', reason: problem, steps: [] });
  }
  const certain = { ...unmarked, matchedBy: 'number', problem: 'address_held_by_colleague' } as const;
  expect(plan(terminated, certain)).toMatchObject({ action: 'suspend' });
});

test('during the days of grace nothing is planned, and nothing is said of what the account is like', () => {
  const plannedFor = plan({ ...manager, endDate: '2026-11-20' });
  expect(plannedFor).toEqual({ action: 'nothing', steps: [], changes: [] });
});

test('an account of ours that was given no licence is given the one that the record now asks for', () => {
  const inOffice = { ...seller, department: 'Office' };
  const licence = { field: 'licence', from: null, to: '1010020026' };
  expect(plan(inOffice)).toMatchObject({ action: 'update', changes: expect.arrayContaining([licence]) });
  const { licence: held } = accountFor(inOffice);
  expect(plan(inOffice, { confirmedLicence: held }).changes).not.toContainEqual(
    expect.objectContaining({ field: 'licence' }),
  );
});
