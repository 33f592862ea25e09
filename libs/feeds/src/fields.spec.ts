import { expect, test } from 'vitest';
import { feedColumns } from '#libs/vocabulary';
import { Headers } from './fields.js';

const headers = new Headers();

const whole = ['worker_id', 'legal_family_name', 'worker_type', 'status', 'hire_date', 'country'];

test('headers are told without case, spaces, dashes and underscores, by their documented name or another', () => {
  for (const header of ['worker_id', ' Worker ID ', 'WORKER-ID', 'employeeNumber', 'Personnel Number']) {
    expect(headers.fieldOf(header)).toBe('employeeNumber');
  }
  expect(headers.fieldOf('shoe_size')).toBeUndefined();
  expect(headers.fieldOf('constructor')).toBeUndefined();
});

test('no header name means two fields', () => {
  const names = Object.values(feedColumns).flat();
  expect(new Set(names).size).toBe(names.length);
});

test('a header row with the required columns is taken, whatever else stands in it', () => {
  expect(headers.fault([...whole, 'shoe_size', 'shoe_size', ''])).toBeUndefined();
});

test.each(whole)('a file without %s is refused by that name', (column) => {
  const fault = headers.fault(whole.filter((one) => one !== column));
  expect(fault).toEqual({ reason: 'header_missing_column', column });
});

test('one legal name is enough', () => {
  const givenOnly = whole.map((column) => (column === 'legal_family_name' ? 'first_name' : column));
  expect(headers.fault(givenOnly)).toBeUndefined();
});

test('two columns that mean the same are refused', () => {
  expect(headers.fault([...whole, 'surname'])).toEqual({
    reason: 'header_duplicate_column',
    column: 'legal_family_name',
  });
});

test.each(['Birth Date', 'date_of_birth', 'Salary', 'IBAN', 'national-id', 'ssn'])(
  'a file with %s is refused, for accounts do not need it',
  (header) => {
    expect(headers.fault([...whole, header])?.reason).toBe('header_unwanted_column');
  },
);

const german = { Personalnummer: 'worker_id', 'Eintritts-Datum': 'hire_date', Land: 'country', email: null } as const;
const germanRow = ['personal nummer', 'EINTRITTSDATUM', 'land', 'surname', 'worker_type', 'status'];

test('a mapped header goes before the documented names, which still mean what is not mapped', () => {
  const mapped = new Headers(german);
  expect(mapped.fault(germanRow)).toBeUndefined();
  expect(germanRow.map((header) => mapped.fieldOf(header))).toEqual([
    'employeeNumber',
    'hireDate',
    'country',
    'legalFamilyName',
    'workerType',
    'status',
  ]);
  expect(mapped.fieldOf('work_email')).toBe('workEmail');
  expect(mapped.fieldOf('e-mail')).toBeUndefined();
});

test('another column never slips into the place of a mapped one, and a file without the mapped one is refused', () => {
  const mapped = new Headers({ ...german, Abteilung: 'department' });
  expect(mapped.fieldOf('worker_id')).toBeUndefined();
  expect(mapped.fieldOf('department')).toBeUndefined();
  expect(mapped.fault([...germanRow, 'worker_id', 'Abteilung'])).toBeUndefined();
  expect(mapped.fault([...germanRow, 'department'])).toEqual({ reason: 'header_missing_column', column: 'department' });
});

test('a header may mean another field than its name does elsewhere', () => {
  const mapped = new Headers({ status: 'department', Zustand: 'status' });
  expect([mapped.fieldOf('Status'), mapped.fieldOf('zustand')]).toEqual(['department', 'status']);
});

test('what is the same in each row needs no column, and may have none', () => {
  const constant = new Headers({}, new Set(['country', 'workerType']));
  const row = ['worker_id', 'surname', 'status', 'hire_date'];
  expect(constant.fault(row)).toBeUndefined();
  expect(constant.fault([...row, 'country'])).toEqual({ reason: 'header_duplicate_column', column: 'country' });
});

test('unwanted data is refused in several languages, unless an admin settled that the column is ignored', () => {
  for (const name of ['Geburtsdatum', 'Date de naissance', 'numéro de sécurité sociale', 'codice fiscale', 'PESEL']) {
    expect(headers.fault([...whole, name])?.reason).toBe('header_unwanted_column');
    expect(new Headers({ [name]: null }).fault([...whole, name])).toBeUndefined();
    expect(new Headers({ [name]: 'department' }).fault([...whole, name])?.reason).toBe('header_unwanted_column');
  }
});
