import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { workbookOf, zipOf, type PackedFile, type SheetCell, type WrittenSheet } from '#libs/testing';
import { feedSourceSettingsSchema } from '#libs/vocabulary';
import { fileRows, readingOf } from '../src/files/index.js';
import { fileInMemory, type StoredFile } from '../src/files/stored-file.js';
import { columnOf } from '../src/fields.js';
import { sheetRows } from '../src/workbooks/index.js';

const workbookType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
const header = ['worker_id', 'legal_family_name', 'worker_type', 'status', 'hire_date', 'country', 'department'];
const hired = new Date('2020-01-31T00:00:00Z');
const row = (number: SheetCell, department?: SheetCell): SheetCell[] => [
  number,
  'Müller',
  'EMPLOYEE',
  'ACTIVE',
  hired,
  'DE',
  department,
];

interface Options {
  readonly mediaType?: string;
  readonly contentEncoding?: string;
  readonly sheet?: string;
  readonly unpackedBytes?: number;
}

async function read(file: StoredFile | Buffer, options: Options = {}) {
  const { mediaType = workbookType, contentEncoding = null, sheet, unpackedBytes = 50_000_000 } = options;
  const bounds = { signal: new AbortController().signal, unpackedBytes };
  const stored = Buffer.isBuffer(file) ? fileInMemory(file) : file;
  const { file: settings, scim } = feedSourceSettingsSchema.parse({ file: { sheet } });
  const reading = readingOf(settings, scim);
  const rows = [];
  for await (const chunk of fileRows(stored, { mediaType, contentEncoding }, reading, bounds)) rows.push(...chunk);
  return rows;
}

/** Each row as its line, and its number and department or what is wrong with it. */
async function told(file: StoredFile | Buffer, options?: Options): Promise<string[]> {
  const rows = await read(file, options);
  return rows.map(({ line, values, problem }) =>
    problem === undefined
      ? [line, values?.get('employeeNumber'), values?.get('department')].join(' ').trim()
      : `${line} ${problem.reason} ${problem.field}`.trim(),
  );
}

const people = (...rows: readonly (readonly SheetCell[])[]): WrittenSheet => ({
  name: 'People',
  rows: [header, ...rows],
});
const refusedAs = (reason: string) => expect.objectContaining({ reason });

test('rows are named by their number in the sheet, whatever is empty before, between or within them', async () => {
  const sheet = {
    name: 'People',
    rows: [[], ['', ' '], header, row('007', 'IT'), [], [undefined, ' '], row('008'), []],
  };
  expect(await told(workbookOf([sheet]))).toEqual(['4 007 IT', '7 008']);
});

test.each<[string, SheetCell, unknown]>([
  ['a text', '007', '007'],
  ['a text with what XML cannot hold', 'a\r<&>_x0041_', 'a\r<&>A'],
  ['a whole number', 7, '7'],
  ['a whole number shown with eight digits', { xml: '<c s="3"><v>123</v></c>' }, '00000123'],
  ['a number written with an exponent', { xml: '<c><v>1.5E3</v></c>' }, '1500'],
  ['a share', 0.8, 0.8],
  ['a share with a colour and a text', { xml: '<c s="4"><v>0.8</v></c>' }, 0.8],
  ['a number beyond all digits', 1e21, 1e21],
  ['a truth value', { xml: '<c t="b"><v>1</v></c>' }, true],
  [
    'a text of its own',
    { xml: '<c t="inlineStr"><is><r><t>I</t></r><rPh><t>x</t></rPh><r><t>T</t></r></is></c>' },
    'IT',
  ],
  ['what a formula gave', { xml: '<c t="str"><f>"I"&amp;"T"</f><v>IT</v></c>' }, 'IT'],
  ['a date of the locale', { xml: '<c s="1"><v>43861</v></c>' }, hired],
  ['a date with a time', { xml: '<c s="2"><v>43861.99</v></c>' }, hired],
  ['a date in ISO 8601', { xml: '<c t="d"><v>2020-01-31T10:00:00</v></c>' }, hired],
])('%s is read as what the cell shows', async (_name, cell, value) => {
  const [only] = await read(workbookOf([people(row('1', cell))]));
  expect(only?.values?.get('department')).toEqual(value);
});

test('days count from 1904 where the workbook says so', async () => {
  const sheet = people(row('1', { xml: '<c s="1"><v>42399</v></c>' }));
  const [only] = await read(workbookOf([sheet], { from1904: true }));
  expect(only?.values?.get('department')).toEqual(hired);
});

test.each([
  '<c t="e"><v>#N/A</v></c>',
  '<c><f>A1+1</f></c>',
  '<c t="s"><v>999</v></c>',
  '<c t="s"><v>0.5</v></c>',
  '<c><f>A1+1</f><v/></c>',
  '<c s="1"><v>12</v></c>',
  '<c><v>seven</v></c>',
])('the cell %s rejects its row with the column, and the worker counts as present', async (xml) => {
  const rows = await read(workbookOf([people(row('1', { xml }), row('2'))]));
  expect(rows[0]).toMatchObject({
    line: 2,
    employeeNumber: '1',
    problem: { reason: 'cell_error', field: columnOf('department') },
  });
  expect(rows[1]?.values?.get('employeeNumber')).toBe('2');
});

test('an error in a column that nobody uses does not matter, a cell beyond the header does', async () => {
  const error = { xml: '<c t="e"><v>#REF!</v></c>' };
  const rows = [
    [...header, 'note'],
    [...row('1', 'IT'), error],
    [...row('2', 'IT'), 'x', 'y'],
  ];
  expect(await told(workbookOf([{ name: 'People', rows }]))).toEqual(['2 1 IT', '3 row_column_count']);
});

test('a row that is too long is that row’s trouble', async () => {
  const long = { xml: `<c t="inlineStr"><is>${`<t>${'x'.repeat(100_000)}</t>`.repeat(11)}</is></c>` };
  expect(await told(workbookOf([people(row('1', long), row('2'))]))).toEqual(['2 row_too_long', '3 2']);
});

test('of a row in which one long shared text stands again and again, memory holds no more than a row may have', async () => {
  const long = 'x'.repeat(32_767);
  const again = { xml: '<c t="s"><v>1</v></c>' };
  const file = workbookOf([
    { name: 'People', rows: [['1', long, ...Array.from({ length: 500 }, () => again)], ['2']] },
  ]);
  const bounds = { signal: new AbortController().signal, unpackedBytes: 50_000_000 };
  const rows = [];
  for await (const chunk of sheetRows(fileInMemory(file), undefined, bounds)) rows.push(...chunk);
  expect(rows.map(({ line, isTooLong }) => [line, isTooLong])).toEqual([
    [1, true],
    [2, false],
  ]);
  const kept = rows[0]?.cells.filter((cell) => typeof cell === 'string') ?? [];
  expect(kept.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(1_000_000);
});

test('rows are handed on after a few of them, however many one piece of the sheet holds', async () => {
  const long = 'x'.repeat(32_767);
  const again = { xml: '<c t="s"><v>0</v></c>' };
  const rows = Array.from({ length: 1_000 }, (_, index) => [index === 0 ? long : again]);
  const bounds = { signal: new AbortController().signal, unpackedBytes: 50_000_000 };
  const sizes = [];
  for await (const chunk of sheetRows(fileInMemory(workbookOf([{ name: 'People', rows }])), undefined, bounds)) {
    sizes.push(chunk.length);
  }
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(1_000);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(150);
});

test.each([
  '<c><v/></c>',
  '<c><v></v></c>',
  '<c><v> </v></c>',
  '<c s="1"><v/></c>',
  '<c t="s"><v/></c>',
  '<c t="b"><v/></c>',
  '<c t="str"><v/></c>',
])('nothing stands in the cell %s', async (xml) => {
  expect(await told(workbookOf([people(row('1', { xml }))]))).toEqual(['2 1']);
});

test('the only visible sheet that holds something is read, or the one that is settled', async () => {
  const other = { name: 'Old', rows: [header, row('9')], hidden: true };
  const empty = { name: 'Sheet2', rows: [] };
  expect(await told(workbookOf([other, people(row('1')), empty]))).toEqual(['2 1']);
  expect(await told(workbookOf([other, people(row('1'))]), { sheet: ' OLD' })).toEqual(['2 9']);
  const both = workbookOf([people(row('1')), { ...other, hidden: false }]);
  expect(await told(both, { sheet: 'People' })).toEqual(['2 1']);
  await expect(read(both)).rejects.toEqual(refusedAs('workbook_several_sheets'));
  await expect(read(both, { sheet: 'New' })).rejects.toEqual(refusedAs('workbook_no_sheet'));
});

const part = (name: string, content: string): PackedFile => ({ name, content });
const relations = part('_rels/.rels', '<r><Relationship Type="x/officeDocument" Target="w.xml"/></r>');

test.each([
  ['nothing', Buffer.alloc(0), 'empty_file'],
  ['no zip', Buffer.from(header.join(',')), 'workbook_broken'],
  ['a workbook that was cut', workbookOf([people(row('1'))]).subarray(0, -30), 'workbook_broken'],
  ['a zip with other things', zipOf([part('people.csv', header.join(','))]), 'workbook_broken'],
  ['a workbook with a password', Buffer.from('d0cf11e0a1b11ae1', 'hex'), 'workbook_encrypted'],
  ['encrypted parts', zipOf([{ ...relations, encrypted: true }]), 'workbook_encrypted'],
  [
    'XML that is not well-formed',
    zipOf([relations, part('w.xml', '<workbook><sheets></workbook>')]),
    'workbook_broken',
  ],
  ['a document type', zipOf([relations, part('w.xml', '<!DOCTYPE w [<!ENTITY a "b">]><w>&a;</w>')]), 'workbook_broken'],
  ['no sheet', workbookOf([]), 'empty_file'],
  ['an empty sheet', workbookOf([{ name: 'People', rows: [[], ['']] }]), 'empty_file'],
  [
    'a header without status',
    workbookOf([{ name: 'People', rows: [header.toSpliced(3, 1)] }]),
    'header_missing_column',
  ],
  ['a cell of no column', workbookOf([people(row('1', { xml: '<c q="1" r="7"><v>1</v></c>' }))]), 'workbook_broken'],
])('%s is refused with its reason', async (_name, file, reason) => {
  await expect(read(file)).rejects.toEqual(refusedAs(reason));
});

test('a part that claims another size than it has, and one that unpacks to far more than any feed, are refused', async () => {
  const claims = zipOf([{ ...relations, claimedBytes: 5 }]);
  await expect(read(claims)).rejects.toEqual(refusedAs('workbook_broken'));
  const bomb = zipOf([{ name: 'people.csv', content: Buffer.alloc(20_000_000, 'a') }]);
  await expect(read(bomb, { mediaType: 'application/zip' })).rejects.toEqual(refusedAs('zip_bomb'));
  const large = zipOf([part('people.csv', `${header.join(',')}\n`.repeat(100))]);
  await expect(read(large, { mediaType: 'application/zip', unpackedBytes: 1_000 })).rejects.toEqual(
    refusedAs('file_too_large'),
  );
});

const csv = `${header.join(',')}\n1,Müller,EMPLOYEE,ACTIVE,2020-01-31,DE,IT\n`;

test.each([
  ['export/people.csv', csv],
  ['PEOPLE.TXT', csv.replaceAll(',', ';')],
  ['people.tsv', csv.replaceAll(',', '\t')],
  ['people.jsonl', '\n{"worker_id":"1","department":"IT"}'],
  ['people.json', '[\n{"worker_id":"1","department":"IT"}]'],
  ['people.xlsx', workbookOf([people(row('1', 'IT'))])],
])('a zip gives the rows of %s within it', async (name, content) => {
  const macOs = { name: `__MACOSX/._${name}`, content: 'x' };
  const folder = { name: 'export/', content: '' };
  const zip = zipOf([folder, { name, content }, macOs]);
  expect(await told(zip, { mediaType: 'application/zip' })).toEqual(['2 1 IT']);
  expect(await told(gzipSync(zip), { mediaType: 'application/zip', contentEncoding: 'gzip' })).toEqual(['2 1 IT']);
});

test.each([
  ['no zip', Buffer.from(csv), 'zip_broken'],
  ['a cut zip', zipOf([part('people.csv', csv)]).subarray(0, -5), 'zip_broken'],
  ['a zip of nothing', zipOf([]), 'zip_not_one_file'],
  ['a zip of two', zipOf([part('a.csv', csv), part('b.csv', csv)]), 'zip_not_one_file'],
  ['a zip within a zip', zipOf([part('a.zip', 'PK')]), 'zip_unknown_file'],
  ['a zip of something else', zipOf([part('a.pdf', 'x')]), 'zip_unknown_file'],
  ['a zip with a password', zipOf([{ ...part('a.csv', csv), encrypted: true }]), 'zip_encrypted'],
])('%s is refused with its reason, whoever packed it', async (_name, file, reason) => {
  await expect(read(file, { mediaType: 'application/zip' })).rejects.toEqual(refusedAs(reason));
});

const styled = (styles: string) =>
  zipOf([
    relations,
    part('w.xml', '<workbook><sheets><sheet name="People" id="s"/></sheets></workbook>'),
    part(
      '_rels/w.xml.rels',
      '<r><Relationship Id="s" Type="x/worksheet" Target="s.xml"/><Relationship Id="y" Type="x/styles" Target="y.xml"/></r>',
    ),
    part('s.xml', '<s><row><c t="inlineStr"><is><t>worker_id</t></is></c></row></s>'),
    part('y.xml', `<styleSheet><cellXfs>${styles}</cellXfs></styleSheet>`),
  ]);

test.each([
  ['a shared text longer than a cell', workbookOf([people(row('1', 'x'.repeat(32_768)))]), 'workbook_too_large'],
  ['more styles than any', styled('<xf numFmtId="0"/>'.repeat(65_537)), 'workbook_too_large'],
  ['a number format without end', styled(`<numFmt formatCode="${'0'.repeat(5_000)}"/>`), 'workbook_broken'],
  ['an honest part of styles', styled('<xf numFmtId="0"/>'), 'header_missing_column'],
])('%s does not fill the memory', async (_name, file, reason) => {
  await expect(read(file)).rejects.toEqual(refusedAs(reason));
});

test('a shared text of the greatest length is read, characters that are escaped included', async () => {
  const longest = `${'x'.repeat(30_000)}${'\r'.repeat(2_767)}`;
  const [only] = await read(workbookOf([people(row('1', longest))]));
  expect(only?.values?.get('department')).toBe(longest);
});

test('the parts of a workbook are bounded together, not each for itself', async () => {
  const empty = (name: string) => ({ name, rows: Array.from({ length: 2_000 }, () => [{ xml: '<c/>' }]) });
  const one = workbookOf([people(row('1'))]);
  const many = workbookOf([empty('A'), empty('B'), empty('C'), people(row('1'))]);
  expect(await told(one, { unpackedBytes: 100_000 })).toEqual(['2 1']);
  expect(await told(many, { unpackedBytes: 1_000_000 })).toEqual(['2 1']);
  await expect(read(many, { unpackedBytes: 100_000 })).rejects.toEqual(refusedAs('file_too_large'));
});

test('a store that fails is no fault of the file’s', async () => {
  const zip = zipOf([part('people.csv', csv)]);
  const failing = { ...fileInMemory(zip), piece: () => Promise.reject(new Error('the ledger is away')) };
  await expect(read(failing, { mediaType: 'application/zip' })).rejects.toThrow('the ledger is away');
});

test('a file that lies in pieces is read across their bounds', async () => {
  const bytes = workbookOf([people(row('1', 'IT'), row('2', 'HR'))]);
  for (const size of [7, 100, 1_000]) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
      bytes.subarray(index * size, (index + 1) * size),
    );
    const stored: StoredFile = {
      async *stream() {
        yield* pieces;
      },
      pieceSizes: async () => pieces.map(({ length }) => length),
      piece: async (index) => pieces[index] ?? Buffer.alloc(0),
    };
    expect(await told(stored)).toEqual(['2 1 IT', '3 2 HR']);
  }
});
