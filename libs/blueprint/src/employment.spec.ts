import { expect, test } from 'vitest';
import { employeeRecordSchema, type EmployeeRecord } from '#libs/vocabulary';
import { hasLeft } from './leaving.js';
import { isBarred, isHiredLater, isYetToBegin, nextDay } from './employment.js';

const record = (changes: Partial<EmployeeRecord>): EmployeeRecord =>
  employeeRecordSchema.parse({
    employeeNumber: '1',
    status: 'active',
    workerType: 'employee',
    legalName: { givenName: 'Ada', familyName: 'One' },
    hireDate: '2020-01-01',
    country: 'FR',
    ...changes,
  });
const plain = { leadDays: undefined, graceDays: 0 };
const patient = { leadDays: 7, graceDays: 14 };

test('a first day that is ahead is waited for, whatever the status says', () => {
  const joiner = record({ hireDate: '2026-12-01' });
  expect(isYetToBegin(joiner, '2026-11-30')).toBe(true);
  expect(isYetToBegin(joiner, '2026-12-01')).toBe(false);
  expect(isYetToBegin(record({ status: 'prehire' }), '2026-11-30')).toBe(true);
});

test('the account is made so many days before, and the day is known in advance', () => {
  const joiner = record({ hireDate: '2026-12-08' });
  expect(isHiredLater(joiner, '2026-11-30', patient)).toBe(true);
  expect(isHiredLater(joiner, '2026-12-01', patient)).toBe(false);
  expect(isHiredLater(joiner, '2026-01-01', plain)).toBe(false);
  expect(nextDay(joiner, '2026-11-25', undefined, patient)).toBe('2026-12-01');
  expect(nextDay(joiner, '2026-12-01', undefined, patient)).toBe('2026-12-08');
  expect(nextDay(joiner, '2026-12-08', undefined, patient)).toBeNull();
});

test('an end is reached the day after the last day, and the account is barred when the grace is over', () => {
  const leaver = record({ endDate: '2026-11-30' });
  expect(hasLeft(leaver, '2026-11-30')).toBe(false);
  expect(nextDay(leaver, '2026-11-25', undefined, plain)).toBe('2026-12-01');
  expect(isBarred(leaver, '2026-12-01', undefined, plain)).toBe(true);
  expect(isBarred(leaver, '2026-12-01', undefined, patient)).toBe(false);
  expect(nextDay(leaver, '2026-12-01', undefined, patient)).toBe('2026-12-15');
  expect(isBarred(leaver, '2026-12-15', undefined, patient)).toBe(true);
});

test('a termination counts from the day on which it was told, and never from later than the last day', () => {
  const told = record({ status: 'terminated' });
  expect(isBarred(told, '2026-11-25', '2026-11-25', plain)).toBe(true);
  expect(isBarred(told, '2026-11-25', '2026-11-25', patient)).toBe(false);
  expect(isBarred(told, '2026-12-09', '2026-11-25', patient)).toBe(true);
  const after = record({ status: 'terminated', endDate: '2026-10-31' });
  expect(isBarred(after, '2026-11-25', '2026-11-25', patient)).toBe(true);
  const early = record({ status: 'terminated', endDate: '2027-01-31' });
  expect(isBarred(early, '2026-11-25', '2026-11-25', plain)).toBe(true);
});
