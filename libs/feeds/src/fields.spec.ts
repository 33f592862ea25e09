import { expect, test } from 'vitest';
import { columns, fieldOf, headerFault } from './fields.js';

const whole = ['worker_id', 'legal_family_name', 'worker_type', 'status', 'hire_date', 'country'];

test('headers are told without case, spaces, dashes and underscores, by their documented name or another', () => {
  for (const header of ['worker_id', ' Worker ID ', 'WORKER-ID', 'employeeNumber', 'Personnel Number']) {
    expect(fieldOf(header)).toBe('employeeNumber');
  }
  expect(fieldOf('shoe_size')).toBeUndefined();
  expect(fieldOf('constructor')).toBeUndefined();
});

test('no header name means two fields', () => {
  const names = Object.values(columns).flat();
  expect(new Set(names).size).toBe(names.length);
});

test('a header row with the required columns is taken, whatever else stands in it', () => {
  expect(headerFault([...whole, 'shoe_size', 'shoe_size', ''])).toBeUndefined();
});

test.each(whole)('a file without %s is refused by that name', (column) => {
  const fault = headerFault(whole.filter((one) => one !== column));
  expect(fault).toEqual({ reason: 'header_missing_column', column });
});

test('one legal name is enough', () => {
  const givenOnly = whole.map((column) => (column === 'legal_family_name' ? 'first_name' : column));
  expect(headerFault(givenOnly)).toBeUndefined();
});

test('two columns that mean the same are refused', () => {
  expect(headerFault([...whole, 'surname'])).toEqual({
    reason: 'header_duplicate_column',
    column: 'legal_family_name',
  });
});

test.each(['Birth Date', 'date_of_birth', 'Salary', 'IBAN', 'national-id', 'ssn'])(
  'a file with %s is refused, for accounts do not need it',
  (header) => {
    expect(headerFault([...whole, header])?.reason).toBe('header_unwanted_column');
  },
);
