import { hash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { employeeRecordSchema, feedColumns, rejections, warnings, type FeedField } from '#libs/vocabulary';
import { columnOf, Headers } from './fields.js';
import { checkRow, latestHireDateAt, rowRules } from './rows.js';

const headers = new Headers();
const bounds = { latestHireDate: latestHireDateAt(new Date('2026-11-25T12:00:00Z')), countries: new Set<string>() };

const whole = {
  worker_id: '007',
  legal_given_name: 'Zoë',
  legal_family_name: 'Müller',
  worker_type: 'EMPLOYEE',
  status: 'ACTIVE',
  hire_date: '2020-02-29',
  country: 'DE',
};

function check(changes: Readonly<Record<string, unknown>> = {}) {
  const values = new Map<FeedField, unknown>();
  for (const [header, value] of Object.entries({ ...whole, ...changes })) {
    const field = headers.fieldOf(header);
    if (field === undefined) throw new Error(`no such column: ${header}`);
    values.set(field, value);
  }
  return checkRow(values, bounds);
}

const said = (changes: Readonly<Record<string, unknown>>) => {
  const { record, problems } = check(changes);
  return [record === undefined ? 'rejected' : 'taken', ...problems.map(({ field, reason }) => `${field} ${reason}`)];
};

test('a whole row becomes a record whose empty fields are absent', () => {
  const { record, problems } = check({ department: ' ', cost_centre: null, work_language: 'de_de', fte: '0,8' });
  expect(problems).toEqual([]);
  expect(JSON.parse(JSON.stringify(record))).toEqual({
    country: 'DE',
    employeeNumber: '007',
    fte: 0.8,
    hireDate: '2020-02-29',
    legacyEmails: [],
    legalName: { familyName: 'Müller', givenName: 'Zoë' },
    status: 'active',
    workLanguage: 'de-DE',
    workerType: 'employee',
  });
});

test('a record’s members stand in the order of the alphabet, so that its fingerprint never depends on the feed', () => {
  const sorted = (value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([name, one]) => [name, sorted(one)]),
        )
      : value;
  const changes = Object.fromEntries(Object.values(feedColumns).map(([column]) => [column, 'A1']));
  const full = { ...changes, ...whole, fte: '1', termination_date: '2030-01-01', work_email: 'a@b.example' };
  const { record } = check({
    ...full,
    legacy_emails: 'c@b.example',
    work_language: 'fr',
    mobile_phone: '1',
    work_phone: '2',
  });
  expect(Object.values(record ?? {}).filter((value) => value === undefined)).toEqual([]);
  expect(JSON.stringify(record)).toBe(JSON.stringify(sorted(record)));
});

test.each([
  [{ worker_id: '  ' }, 'worker_id worker_id_missing'],
  [{ worker_id: 'x'.repeat(65) }, 'worker_id field_too_long'],
  [{ worker_id: 1e21 }, 'worker_id field_invalid'],
  [{ worker_id: true }, 'worker_id field_invalid'],
  [{ legal_given_name: ' ', legal_family_name: '—' }, 'legal_family_name name_missing'],
  [{ status: 'GONE' }, 'status status_unknown'],
  [{ status: ['ACTIVE'] }, 'status status_unknown'],
  [{ worker_type: 'constructor' }, 'worker_type worker_type_unknown'],
  [{ country: 'XX' }, 'country country_unknown'],
  [{ country: 'FRA' }, 'country country_unknown'],
  [{ hire_date: '' }, 'hire_date hire_date_missing'],
  [{ hire_date: '2023-02-29' }, 'hire_date date_invalid'],
  [{ hire_date: '01/02/2023' }, 'hire_date date_invalid'],
  [{ hire_date: '45123' }, 'hire_date date_invalid'],
  [{ hire_date: '٢٠٢٣-٠١-٠١' }, 'hire_date date_invalid'],
  [{ hire_date: '2023-01-01Tomorrow' }, 'hire_date date_invalid'],
  [{ hire_date: '1939-12-31' }, 'hire_date date_out_of_range'],
  [{ hire_date: '2027-11-27' }, 'hire_date date_out_of_range'],
  [{ termination_date: '2019-01-01' }, 'termination_date date_order'],
  [{ department: 'x'.repeat(256) }, 'department field_too_long'],
  [{ department: { name: 'IT' } }, 'department field_invalid'],
  [{ department: 'I\0T' }, 'department row_nul_byte'],
  [{ department: 'I\uFFFDT' }, 'department row_invalid_encoding'],
  [{ legal_family_name: 'M\uD800' }, 'legal_family_name row_invalid_encoding'],
  [{ work_email: 'zoe@' }, 'work_email address_invalid'],
  [{ legacy_emails: 'a@b.example; nobody' }, 'legacy_emails address_invalid'],
  [{ legacy_emails: [1] }, 'legacy_emails field_invalid'],
  [{ legacy_emails: Array.from({ length: 31 }, (_, n) => `a${n}@b.example`) }, 'legacy_emails addresses_too_many'],
  [{ fte: '80' }, 'fte number_invalid'],
  [{ fte: '0x1' }, 'fte number_invalid'],
])('case %#: the row is rejected for its reason', (changes, problem) => {
  expect(said(changes)).toContain('rejected');
  expect(said(changes)).toContain(problem);
});

test.each([
  [{ legal_family_name: 'x'.repeat(61) }, ['legal_family_name name_truncated']],
  [{ legal_given_name: 'Chloé 🌸' }, ['legal_given_name name_cleaned']],
  [{ legal_given_name: 'Zo\u200Be' }, ['legal_given_name name_cleaned']],
  [{ legal_given_name: '' }, ['legal_given_name name_single']],
  [{ job_title: '=1+1' }, ['job_title formula_like_text']],
  [{ manager_id: '007' }, ['manager_id manager_self']],
  [{ work_language: 'Deutsch' }, ['work_language language_ignored']],
  [{ work_phone: 'ask Olga' }, ['work_phone phone_ignored']],
  [{ work_phone: '+33 (0)1 55-00.01 ext. 12' }, []],
  [{ legal_family_name: 'Null', legal_given_name: 'True' }, []],
  [{ country: 'uk', fte: 1, hire_date: '2020-01-31T23:59:59+14:00', status: ' active ' }, []],
  [{ termination_date: '9999-12-31' }, []],
])('case %#: the row is taken with its warning', (changes, problems) => {
  expect(said(changes)).toEqual(['taken', ...problems]);
});

test('what is not meant for the account is read as documented', () => {
  expect(check({ country: 'uk' }).record?.country).toBe('GB');
  expect(check({ termination_date: '9999-01-01' }).record?.endDate).toBeUndefined();
  expect(check({ hire_date: '2020-01-31 23:59' }).record?.hireDate).toBe('2020-01-31');
  expect(check({ manager_id: '007' }).record?.managerNumber).toBeUndefined();
  const addresses = { work_email: 'Z.M@Old.Example', legacy_emails: 'a@b.example|A@b.example z.m@old.example' };
  expect(check(addresses).record).toMatchObject({ workEmail: 'z.m@old.example', legacyEmails: ['a@b.example'] });
});

test('all that is wrong with a row is said at once', () => {
  expect(said({ worker_id: '', status: '', country: '', hire_date: 'soon' })).toHaveLength(5);
});

const anything = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom(
    '',
    ' ',
    'ACTIVE',
    '2020-01-01',
    '\0',
    'a@b.example',
    '=1',
    '0',
    'é',
    '\uD800',
    null,
    undefined,
    true,
  ),
  fc.double(),
  fc.array(fc.string(), { maxLength: 40 }),
  fc.object({ maxDepth: 1 }),
);

test('whatever a row holds, it becomes a record of the one shape, or is rejected by field', () => {
  const row = fc.dictionary(fc.constantFrom(...Object.values(feedColumns).map(([column]) => column)), anything);
  fc.assert(
    fc.property(row, (changes) => {
      const { record, problems } = check(changes);
      for (const { field, reason, message } of problems) {
        expect(field).not.toBe('');
        expect(Object.hasOwn(record === undefined ? rejections : warnings, reason)).toBe(true);
        expect(message).toMatch(/^[a-z_]+ .+: .+\.$/);
      }
      if (record === undefined) {
        expect(problems).not.toEqual([]);
        return;
      }
      expect(employeeRecordSchema.parse(record)).toEqual(record);
      expect(JSON.stringify(record)).not.toMatch(/\\u0000|\\ud[89a-f]/i);
    }),
    { numRuns: 1_000 },
  );
});

test('no message repeats what was sent', () => {
  const secret = fc.string({ unit: fc.constantFrom('Q', 'Ж', '7', '@', '='), minLength: 6, maxLength: 300 });
  const row = fc.dictionary(fc.constantFrom(...Object.values(feedColumns).map(([column]) => column)), secret);
  fc.assert(
    fc.property(row, (changes) => {
      const messages = JSON.stringify(check(changes).problems);
      for (const value of Object.values(changes)) expect(messages).not.toContain(value);
    }),
  );
});

test('every field is reported by its documented column', () => {
  for (const [field, [column]] of Object.entries(feedColumns)) {
    const known = headers.fieldOf(column);
    expect(known).toBe(field);
    expect(known === undefined ? undefined : columnOf(known)).toBe(column);
  }
});

test('whoever changes what a row means raises the number of the rules, so that known rows are read anew', () => {
  const many = [
    {},
    { status: 'terminated', termination_date: '2024-12-31', hire_date: '1999-01-04T00:00:00Z' },
    { legal_given_name: '', preferred_given_name: ' Zo\u00ad ', preferred_family_name: 'D’Angelo', fte: '0,75' },
    { country: 'Deutschland', worker_type: 'contractor', work_language: 'fr_ca', mobile_phone: '+49 30 1 x5' },
    { work_email: 'Zoe@Old.Example', legacy_emails: 'a@b.example; C@b.example,zoe@old.example', manager_id: '007' },
    { previous_worker_id: '7', cost_centre: '=1+1', company_code: ' 0100 ', termination_date: '9999-12-31' },
    { hire_date: '2020-02-30', status: 'away', work_phone: 'none', fte: '3' },
  ];
  const meaning = JSON.stringify(many.map((changes) => [check(changes).record, ...said(changes)]));
  // A new hash belongs to a new number.
  expect({ rules: rowRules, meaning: hash('sha256', meaning, 'hex') }).toEqual({
    rules: 1,
    meaning: '40b59bb0861c5e632f9fd29d016df75e435be8385510dfc07ab1e18782953f6b',
  });
});
