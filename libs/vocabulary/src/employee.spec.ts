import { expect, test } from 'vitest';
import { displayedName, employeeRecordSchema } from './employee.js';

const record = {
  employeeNumber: '007',
  status: 'active' as const,
  workerType: 'employee' as const,
  legalName: { givenName: 'Elisabeth', familyName: 'Müller' },
  hireDate: '2020-02-29',
  country: 'DE',
  legacyEmails: [],
};

test('the preferred name wins part by part', () => {
  expect(displayedName(record)).toEqual({ givenName: 'Elisabeth', familyName: 'Müller' });
  const preferred = { ...record, preferredName: { givenName: 'Lilo' } };
  expect(displayedName(preferred)).toEqual({ givenName: 'Lilo', familyName: 'Müller' });
});

test('the canonical record knows real days and ISO codes only, and nothing that was not declared', () => {
  expect(employeeRecordSchema.parse(record)).toEqual(record);
  for (const wrong of [
    { hireDate: '2021-02-29' },
    { country: 'de' },
    { employeeNumber: '' },
    { status: 'gone' },
    { workEmail: 'nobody' },
    { birthDate: '2000-01-01' },
  ]) {
    expect(employeeRecordSchema.safeParse({ ...record, ...wrong }).success).toBe(false);
  }
});
