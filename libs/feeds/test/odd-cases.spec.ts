import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { workbookOf } from '#libs/testing';
import { feedSourceSettingsSchema } from '#libs/vocabulary';
import { checkedRows } from '../src/checked-rows.js';
import { FeedRefusedError } from '../src/dialects/index.js';
import { fileInMemory } from '../src/files/stored-file.js';

/** The odd cases of HR feeds that one file shows by itself; what needs an earlier delivery is in `intake.spec.ts`. */
const workbookType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

interface Sent {
  readonly content: string | Buffer;
  readonly mediaType?: string;
  readonly gzip?: boolean;
  readonly file?: unknown;
}

/** What becomes of a file: why it is refused, or each row's line with what is said of it. */
async function outcome({ content, mediaType = 'text/csv', gzip = false, file = {} }: Sent): Promise<string[]> {
  const bytes = Buffer.from(content);
  const { file: settings, scim, authority } = feedSourceSettingsSchema.parse({ file });
  const feed = {
    mediaType,
    contentEncoding: gzip ? 'gzip' : null,
    settings,
    scim,
    authority,
    receivedAt: new Date('2026-11-25T12:00:00Z'),
  };
  const told: string[] = [];
  try {
    const stored = fileInMemory(bytes);
    for await (const rows of checkedRows(stored, feed, new AbortController().signal)) {
      for (const { line, record, problems } of rows) {
        const said = problems.map(({ field, reason }) => `${reason} ${field}`.trim());
        told.push([line, record === undefined ? 'reject' : 'accept', ...said].join(' '));
      }
    }
    return told;
  } catch (error) {
    if (!(error instanceof FeedRefusedError)) throw error;
    return [`refused ${error.reason}`];
  }
}

const columns = ['worker_id', 'legal_given_name', 'legal_family_name', 'worker_type', 'status', 'hire_date', 'country'];
const more = ['termination_date', 'department', 'manager_id', 'fte'];
const whole = {
  worker_id: '007',
  legal_given_name: 'Zoë',
  legal_family_name: 'Müller',
  worker_type: 'EMPLOYEE',
  status: 'ACTIVE',
  hire_date: '2020-01-31',
  country: 'DE',
};
type Row = Readonly<Record<string, string>>;

const quoted = (value: string) => `"${value.replaceAll('"', '""')}"`;
const line = (row: Row) => [...columns, ...more].map((column) => quoted({ ...whole, ...row }[column] ?? '')).join(',');
const header = [...columns, ...more].join(',');
const csv = (...rows: readonly Row[]) => `${[header, ...rows.map(line)].join('\n')}\n`;
const latin = (text: string) => Buffer.from(text, 'latin1');
const plain = `${header}\n${columns.map((column) => Object.entries(whole).find(([name]) => name === column)?.[1]).join(',')},,,,\n`;
const many = (count: number, row: (index: number) => Row) =>
  csv(...Array.from({ length: count }, (_, index) => row(index)));

const accepted = ['2 accept'];
const json = (row: Readonly<Record<string, unknown>>): Sent => ({
  content: JSON.stringify({ ...whole, ...row }),
  mediaType: 'application/x-ndjson',
});

test.each<[string, Sent, string[]]>([
  ['0 bytes', { content: '' }, ['refused empty_file']],
  [
    'header without a required column',
    { content: plain.replace('country', 'land') },
    ['refused header_missing_column'],
  ],
  ['same header twice', { content: plain.replace('department', 'Country') }, ['refused header_duplicate_column']],
  ['quote never closed', { content: `${csv({}, {})}"8` }, ['refused row_unbalanced_quote']],
  ['last record cut, too few columns', { content: plain.slice(0, -4) }, ['refused file_cut']],
  ['last record cut within quotes', { content: csv({}).slice(0, -2) }, ['refused row_unbalanced_quote']],
  ['last record whole, without end of line', { content: csv({}).trimEnd() }, accepted],
  ['BOM UTF-8', { content: `\uFEFF${csv({})}` }, accepted],
  ['BOM UTF-16LE', { content: Buffer.from(`\uFEFF${csv({})}`, 'utf16le') }, accepted],
  ['BOM UTF-16BE', { content: Buffer.from(`\uFEFF${csv({})}`, 'utf16le').swap16() }, accepted],
  ['semicolons', { content: plain.replaceAll(',', ';') }, accepted],
  ['tabs', { content: plain.replaceAll(',', '\t') }, accepted],
  ['bars', { content: plain.replaceAll(',', '|') }, accepted],
  ['CRLF', { content: csv({}).replaceAll('\n', '\r\n') }, accepted],
  ['CR', { content: csv({}).replaceAll('\n', '\r') }, accepted],
  ['newlines, quotes, delimiters in quoted fields', { content: csv({ department: 'A "B",\nC' }) }, accepted],
  [
    'undecodable bytes in a single record',
    { content: latin(csv({})) },
    ['2 reject row_invalid_encoding legal_family_name row_invalid_encoding legal_given_name'],
  ],
  ['undecodable bytes in more than 1 %', { content: latin(many(20, () => ({}))) }, ['refused encoding_undecodable']],
  [
    'declared windows-1252 with bytes 80 to 9F',
    { content: latin(plain.replace(',DE,,,', ',DE,,\u0080\u009C\u0092,')), mediaType: 'text/csv; charset=iso-8859-1' },
    accepted,
  ],
  ['too many columns', { content: `${plain.trimEnd()},\n` }, ['2 reject row_column_count']],
  ['too few columns', { content: `${header}\n007,Zoë\n` }, ['2 reject row_column_count']],
  ['NUL in a field', { content: csv({ department: 'I\0T' }) }, ['2 reject row_nul_byte department']],
  ['worker_id empty', { content: csv({ worker_id: ' ' }) }, ['2 reject worker_id_missing worker_id']],
  ['status unknown', { content: csv({ status: 'GONE' }) }, ['2 reject status_unknown status']],
  ['type unknown', { content: csv({ worker_type: 'BOSS' }) }, ['2 reject worker_type_unknown worker_type']],
  ['country unknown', { content: csv({ country: 'ZZ' }) }, ['2 reject country_unknown country']],
  [
    'both names empty',
    { content: csv({ legal_given_name: '', legal_family_name: '' }) },
    ['2 reject name_missing legal_family_name'],
  ],
  [
    'field over 255 characters',
    { content: csv({ department: 'x'.repeat(256) }) },
    ['2 reject field_too_long department'],
  ],
  [
    'name over 60',
    { content: csv({ legal_family_name: 'x'.repeat(61) }) },
    ['2 accept name_truncated legal_family_name'],
  ],
  [
    'date not in the declared format',
    { content: csv({ hire_date: '31/01/2020' }) },
    ['2 reject date_invalid hire_date'],
  ],
  [
    'month for day under dd/mm',
    { content: csv({ hire_date: '01/31/2020' }), file: { dates: 'dd/mm/yyyy' } },
    ['2 reject date_invalid hire_date'],
  ],
  ['no real day', { content: csv({ hire_date: '2023-02-29' }) }, ['2 reject date_invalid hire_date']],
  ['spreadsheet number as a date', { content: csv({ hire_date: '43861' }) }, ['2 reject date_invalid hire_date']],
  ['spreadsheet number where settled', { content: csv({ hire_date: '43861' }), file: { dates: 'serial' } }, accepted],
  ['other digits', { content: csv({ hire_date: '٢٠٢٠-٠١-٣١' }) }, ['2 reject date_invalid hire_date']],
  ['ISO date-time where a date is due', { content: csv({ hire_date: '2020-01-31T23:59:59-11:00' }) }, accepted],
  ['termination 9999, or blank', { content: csv({ termination_date: '9999-12-31' }, {}) }, ['2 accept', '3 accept']],
  [
    'termination 31.12.9999 and 00.00.0000 of SAP',
    {
      content: csv(
        { hire_date: '31.01.2020', termination_date: '31.12.9999' },
        { hire_date: '31.01.2020', termination_date: '00.00.0000' },
      ),
      file: { dates: 'dd.mm.yyyy' },
    },
    ['2 accept', '3 accept'],
  ],
  ['hire before 1940', { content: csv({ hire_date: '1939-12-31' }) }, ['2 reject date_out_of_range hire_date']],
  [
    'hire more than 366 days ahead',
    { content: csv({ hire_date: '2027-11-28' }) },
    ['2 reject date_out_of_range hire_date'],
  ],
  ['no hire date', { content: csv({ hire_date: '' }) }, ['2 reject hire_date_missing hire_date']],
  ['end before hire', { content: csv({ termination_date: '2020-01-30' }) }, ['2 reject date_order termination_date']],
  ['manager himself', { content: csv({ manager_id: '007' }) }, ['2 accept manager_self manager_id']],
  [
    'zero-width in a name',
    { content: csv({ legal_given_name: 'Zo\u200Be' }) },
    ['2 accept name_cleaned legal_given_name'],
  ],
  [
    'bidi control in a name',
    { content: csv({ legal_given_name: '\u202EZoe\u202C' }) },
    ['2 accept name_cleaned legal_given_name'],
  ],
  ['emoji in a name', { content: csv({ legal_given_name: 'Chloé 🌸' }) }, ['2 accept name_cleaned legal_given_name']],
  ['< and > in a name', { content: csv({ legal_given_name: '<Zoe>' }) }, ['2 accept name_cleaned legal_given_name']],
  ['cell starting with =', { content: csv({ department: '=1+1' }) }, ['2 accept formula_like_text department']],
  [
    'cell starting with + - @',
    { content: csv({ department: '+1' }, { department: '-1' }, { department: '@a' }) },
    [2, 3, 4].map((at) => `${at} accept formula_like_text department`),
  ],
  [
    'Null, True and N/A as names',
    { content: csv({ legal_family_name: 'Null', legal_given_name: 'True' }, { legal_family_name: 'N/A' }) },
    ['2 accept', '3 accept'],
  ],
  ['one name only', { content: csv({ legal_given_name: '' }) }, ['2 accept name_single legal_given_name']],
  ['leading zeros kept by a number in JSON', json({ worker_id: 7 }), ['1 accept']],
  ['a share in JSON whatever mark texts have', { ...json({ fte: 0.8 }), file: { decimal: ',' } }, ['1 accept']],
  [
    'a number with an exponent in JSON',
    { content: '{"worker_id":1e5}', mediaType: 'application/x-ndjson' },
    [expect.stringContaining('field_invalid worker_id')],
  ],
  ['one member twice in JSON', json({ surname: 'X' }), ['1 reject field_duplicate legal_family_name']],
  [
    'data that accounts do not need',
    { content: plain.replace('department', 'Geburtsdatum') },
    ['refused header_unwanted_column'],
  ],
  [
    'the same, settled as ignored',
    { content: plain.replace('department', 'Geburtsdatum'), file: { columns: { Geburtsdatum: null } } },
    accepted,
  ],
  ['gzip that was cut', { content: gzipSync(plain).subarray(0, 30), gzip: true }, ['refused gzip_broken']],
  ['gzip whole', { content: gzipSync(plain), gzip: true }, accepted],
  [
    'a date in a cell of a workbook that is a cost centre',
    {
      content: workbookOf([
        {
          name: 'A',
          rows: [
            [...columns, 'cost_centre'],
            [...Object.values(whole), new Date('2020-04-03')],
          ],
        },
      ]),
      mediaType: workbookType,
    },
    ['2 reject field_invalid cost_centre'],
  ],
])('%s', async (_case, sent, told) => {
  expect(await outcome(sent)).toEqual(told);
});
