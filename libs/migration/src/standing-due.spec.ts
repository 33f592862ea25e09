import { expect, test } from 'vitest';
import { evaluate, parseBlueprint } from '#libs/blueprint';
import type { DuePerson } from '#libs/ledger';
import { employeeRecordSchema, type DesiredAccount, type EmployeeRecord } from '#libs/vocabulary';
import { judgePerson } from './standing-due.js';

const today = '2026-11-25';
const now = new Date(`${today}T12:00:00Z`);
const parsed = parseBlueprint(`
blueprint: 1
name: Small
domains: [shop.example]
password: sso
orgUnit: /
licence: none
profile: { organization: { title: "{{ employee.jobTitle }}" } }
`);
if (!('blueprint' in parsed)) throw new Error('the blueprint of this spec is wrong');
const { blueprint } = parsed;

const record = employeeRecordSchema.parse({
  employeeNumber: '1',
  status: 'active',
  workerType: 'employee',
  legalName: { givenName: 'Ada', familyName: 'One' },
  hireDate: '2020-01-01',
  country: 'GB',
  jobTitle: 'Seller',
});
const address = 'ada.one@shop.example';
function accountFor(of: EmployeeRecord): DesiredAccount {
  const evaluation = evaluate(blueprint, { record: of, address, today });
  if ('reason' in evaluation) throw new Error(evaluation.reason);
  return evaluation.account;
}
const terminated = { ...record, status: 'terminated' } as const;

const asks = (person: Partial<DuePerson>) =>
  judgePerson(
    blueprint,
    ({ status }) => status === 'active',
    {
      employeeId: '1',
      version: 2,
      record,
      confirmed: accountFor(record),
      isUnsure: false,
      isWatched: true,
      issuedAddress: address,
      managerAddress: null,
      terminatedOn: null,
      ...person,
    },
    now,
  ).asks;

test('asks for an account only when the record gives another one than the confirmed one', () => {
  expect(asks({})).toBe(false);
  expect(asks({ record: { ...record, jobTitle: 'Manager' } })).toBe(true);
  expect(asks({ record: terminated })).toBe(true);
  expect(asks({ confirmed: null })).toBe(true);
  expect(asks({ confirmed: null, record: terminated })).toBe(false);
});

test('an account of which nobody knows what was written is looked into, a leaver’s too', () => {
  expect(asks({ confirmed: null, isUnsure: true })).toBe(true);
  expect(asks({ confirmed: null, isUnsure: true, record: terminated })).toBe(true);
});

test('who is selected no more is watched as long as the standing migration had to do with them, and nobody else is', () => {
  expect(asks({ record: terminated, isWatched: true })).toBe(true);
  expect(asks({ record: terminated, isWatched: false })).toBe(false);
});

test('another address than the confirmed one that was issued asks for the account', () => {
  expect(asks({ issuedAddress: 'countess@shop.example' })).toBe(true);
});
