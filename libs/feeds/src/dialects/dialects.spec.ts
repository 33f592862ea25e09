import fc from 'fast-check';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import { expect, test } from 'vitest';
import { feedColumns } from '#libs/vocabulary';
import { columnOf, Headers } from '../fields.js';
import { dialects, FeedRefusedError, type RawRow } from './index.js';

const headers = new Headers();
const unsettled = { headers, constants: new Map(), delimiter: undefined, sheet: undefined };
const header = 'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country';
const row = (number: string) => `${number},Zoë,Müller,EMPLOYEE,ACTIVE,2020-01-01,DE`;
const json = (number: unknown) => JSON.stringify({ worker_id: number, first_name: 'Zoë' });

type Kind = keyof typeof dialects;

async function read(kind: Kind, text: string | Buffer, chunkBytes = 65_536): Promise<RawRow[]> {
  const bytes = Buffer.from(text);
  async function* chunks() {
    for (let from = 0; from < bytes.length; from += chunkBytes) yield bytes.subarray(from, from + chunkBytes);
  }
  const rows: RawRow[] = [];
  for await (const chunk of dialects[kind](chunks(), unsettled)) rows.push(...chunk);
  return rows;
}

/** Each row as its line, and its number or what is wrong with it. */
async function told(kind: Kind, text: string | Buffer, chunkBytes?: number): Promise<string[]> {
  const rows = await read(kind, text, chunkBytes);
  return rows.map((one) => `${one.line} ${one.problem?.reason ?? String(one.values?.get('employeeNumber'))}`);
}

const csv = (text: string | Buffer, chunkBytes?: number) => told('csv', text, chunkBytes);
const ndjson = (text: string | Buffer, chunkBytes?: number) => told('ndjson', text, chunkBytes);
const array = (text: string | Buffer, chunkBytes?: number) => told('json', text, chunkBytes);
const refusedAs = (reason: string) => expect.objectContaining({ reason });

test.each([',', ';', '\t', '|'])('CSV is read with %j as its separator, which the header tells', async (separator) => {
  const text = [header, row('1'), '2,"a, b; c | d\t",Müller,EMPLOYEE,ACTIVE,2020-01-01,DE'].join('\n');
  const other = stringify(
    text.split('\n').map((line) => [...line.matchAll(/("[^"]*")|[^,]+/g)].map(([cell]) => cell.replaceAll('"', ''))),
    { delimiter: separator },
  );
  expect(await csv(other)).toEqual(['2 1', '3 2']);
  const [, second] = await read('csv', other);
  expect(second?.values?.get('legalGivenName')).toBe('a, b; c | d\t');
});

test.each(['\n', '\r\n', '\r'])(
  'CSV lines may end in %j, and rows are named by the line on which they begin',
  async (end) => {
    const text = `\uFEFF${[header, '', row('1'), `2,"Zo${end}ë",Müller,EMPLOYEE,ACTIVE,2020-01-01,DE`, row('3')].join(end)}`;
    for (const chunkBytes of [1, 2, 7, 1_000]) expect(await csv(text, chunkBytes)).toEqual(['3 1', '4 2', '6 3']);
  },
);

test('a separator within a quoted header does not count', async () => {
  expect(await csv(`"note;;;;;;;",${header}\nx,${row('1')}\n`)).toEqual(['2 1']);
});

test('a CSV row with more or fewer columns is reported with the number that stands in it, and the rest is read', async () => {
  const rows = await read('csv', `${header}\n${row('1')},\n2,short\n${row('3')}\n`);
  expect(rows.map(({ problem }) => problem?.reason)).toEqual(['row_column_count', 'row_column_count', undefined]);
  expect(rows.map((one) => ('employeeNumber' in one ? one.employeeNumber : undefined))).toEqual(['1', '2', undefined]);
});

test('who stands in a row with quotes inside its values is told once, with the number', async () => {
  const rows = await read('csv', `${header}\n${row('A 1').replace('Zoë', 'Zoë "Zo" X')}\n${row('2')},\n${row('3')}\n`);
  expect(rows.map((one) => [one.line, one.problem?.reason, 'employeeNumber' in one && one.employeeNumber])).toEqual([
    [2, 'row_unbalanced_quote', 'A 1'],
    [3, 'row_column_count', '2'],
    [4, undefined, false],
  ]);
});

test('records of many lines are read wherever the network cuts them', async () => {
  for (const lines of [2, 3, 5, 7]) {
    const record = (number: number) =>
      `${number},"Zoë${'\nx y'.repeat(lines - 1)}",Müller,EMPLOYEE,ACTIVE,2020-01-01,DE\n`;
    const text = `${header}\n${Array.from({ length: 30_000 }, (_, index) => record(index)).join('')}`;
    const rows = await read('csv', text);
    expect(rows).toHaveLength(30_000);
    expect(rows.at(-1)?.line).toBe(2 + 29_999 * lines);
  }
});

test('a quote inside an unquoted value is that row’s trouble', async () => {
  const broken = row('2').replace('Zoë', 'Zo"ë');
  expect(await csv([header, row('1'), broken, row('3'), ''].join('\n'))).toEqual([
    '2 1',
    '3 row_unbalanced_quote',
    '4 3',
  ]);
});

/** The rows of a CSV as the parser reads all of it at once: its values, or that a quote is in the way. */
function parsedAtOnce(text: string): string[] {
  const rows: string[] = [];
  let skippedLine: unknown;
  parse(text, {
    recordDelimiter: ['\r\n', '\n', '\r'],
    relaxColumnCount: true,
    skipEmptyLines: true,
    skipRecordsWithError: true,
    onRecord: (record: string[]) => {
      rows.push(record.length === 7 ? JSON.stringify(record) : 'row_column_count');
      return null;
    },
    onSkip: (error) => {
      const line = error !== undefined && 'lines' in error ? error.lines : undefined;
      // The parser tells of each such quote, a row is a line.
      if (error?.code !== 'INVALID_OPENING_QUOTE') rows.push('refused');
      else if (line !== skippedLine) rows.push('row_unbalanced_quote');
      skippedLine = line;
      return undefined;
    },
  });
  const refused = rows.indexOf('refused');
  return refused < 0 ? rows.slice(1) : ['refused'];
}

test('whatever a CSV holds and however it is cut into pieces, its rows are those of the parser that reads it at once', async () => {
  const fields = header.split(',').map((name) => headers.fieldOf(name));
  const value = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('a', 'Zoë', '1', '', ' ') },
    fc.constantFrom('"b, c"', '"d\r\ne"', '"f""g"', '"\n"', '""', 'h"i', '"j', 'k"', '"l"m', '\r'),
  );
  const line = fc.oneof(
    { weight: 5, arbitrary: fc.array(value, { minLength: 7, maxLength: 7 }).map((values) => values.join(',')) },
    fc.array(value, { maxLength: 3 }).map((values) => values.join(',')),
  );
  const text = fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(text, fc.constantFrom(1, 3, 10, 65_536), async (lines, chunkBytes) => {
      const whole = `${header}\n${lines.map((parts) => parts.join('')).join('')}`;
      const rows = await read('csv', whole, chunkBytes).then(
        (found) =>
          found.map(({ values, problem }) =>
            values === undefined ? problem.reason : JSON.stringify(fields.map((field) => field && values.get(field))),
          ),
        (error: unknown) => {
          expect(error).toBeInstanceOf(FeedRefusedError);
          return ['refused'];
        },
      );
      expect(rows).toEqual(parsedAtOnce(whole));
    }),
    { numRuns: 500 },
  );
});

test.each([
  ['', 'empty_file'],
  ['\n\n', 'empty_file'],
  [`${header},surname\n`, 'header_duplicate_column'],
  [`${header},Date of Birth\n`, 'header_unwanted_column'],
  [header.replace('country', 'land'), 'header_missing_column'],
  [`${header}\n"1,never closed\n${row('2')}\n${row('3')}\n`, 'row_unbalanced_quote'],
  [`${header}\n1,"Zo"ë,Müller,EMPLOYEE,ACTIVE,2020-01-01,DE\n`, 'row_unbalanced_quote'],
  [`${header}\n1,"${'x'.repeat(1_100_000)}`, 'row_unbalanced_quote'],
  [`${header}\n${row('1')}\n2,Zoë,Mül`, 'file_cut'],
])('CSV case %# is refused for its reason', async (text, reason) => {
  await expect(csv(text)).rejects.toThrow(FeedRefusedError);
  await expect(csv(text)).rejects.toEqual(refusedAs(reason));
});

test('NDJSON rows are read whatever ends a line, blank lines are none, and a broken line is that row’s trouble', async () => {
  for (const end of ['\n', '\r\n', '\r']) {
    const text = `\uFEFF${[json('1'), '', 'nonsense', '[1]', 'null', json('6'), json('7')].join(end)}`;
    for (const chunkBytes of [1, 3, 1_000]) {
      const expected = ['1 1', '3 row_not_json', '4 row_not_object', '5 row_not_object', '6 6', '7 7'];
      expect(await ndjson(text, chunkBytes)).toEqual(expected);
    }
  }
});

test('a line without end is reported without being held in memory', async () => {
  expect(await ndjson(`{"worker_id":"${'x'.repeat(2_000_000)}"}\n${json('2')}\n`)).toEqual(['1 row_too_long', '2 2']);
  expect(await array(`[{"worker_id":"${'x'.repeat(2_000_000)}"},\n${json('2')}]`)).toEqual(['1 row_too_long', '2 2']);
});

test('numbers keep the digits that the feed wrote, and one that is not written plainly is told from a text', async () => {
  const numbers = ['12345678901234567890', '1e5', '-1', '10.50'];
  const rows = await read('ndjson', numbers.map((number) => `{"worker_id":${number}}`).join('\n'));
  expect(rows.map((one) => one.values?.get('employeeNumber'))).toEqual([
    '12345678901234567890',
    100_000,
    '-1',
    '10.50',
  ]);
});

test('two names for one field are that row’s trouble, unwanted data the whole file’s', async () => {
  expect(await ndjson('{"worker_id":"1","employee_number":"2"}')).toEqual(['1 field_duplicate']);
  await expect(ndjson('{"worker_id":"1","birth_date":"2000-01-01"}')).rejects.toEqual(
    refusedAs('header_unwanted_column'),
  );
});

test.each<[Kind, string, string]>([
  ['ndjson', '', 'empty_file'],
  ['ndjson', `${json('1')}\n{"worker_id":"2","first`, 'file_cut'],
  ['json', ' ', 'empty_file'],
  ['json', '"text"', 'json_broken'],
  ['json', '{"count": 0}', 'json_no_array'],
  ['json', '{"a": [], "b": []}', 'json_several_arrays'],
  ['json', `[${json('1')}, ${json('2')}`, 'file_cut'],
  ['json', `[${json('1')}, {"worker_id": "2`, 'file_cut'],
  ['json', `{"employees": [${json('1')}]`, 'file_cut'],
  ['json', `[${json('1')}] []`, 'json_broken'],
])('%s case %# is refused for its reason', async (kind, text, reason) => {
  await expect(told(kind, text)).rejects.toEqual(refusedAs(reason));
});

test('the array is found among an object’s members, whatever these hold', async () => {
  const text = `{"note": "a [ { \\" ]", "page": {"of": [1, {"x": []}]}, "employees": [\n${json('1')},\n${json('2')}], "more": false}`;
  for (const chunkBytes of [1, 5, 1_000]) expect(await array(text, chunkBytes)).toEqual(['2 1', '3 2']);
});

const employee = fc.record(
  {
    worker_id: fc.string({ unit: 'binary', maxLength: 20 }),
    department: fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', '\n', 'é', '🌸', ':') }),
    work_phone: fc.constantFrom(null, true, 1.5, ''),
    deep: fc.jsonValue({ maxDepth: 4 }),
  },
  { requiredKeys: ['worker_id'] },
);
const chunkBytes = fc.integer({ min: 1, max: 40 });

const valuesOf = (rows: readonly RawRow[]) =>
  rows.map(({ values }) => ({ number: values?.get('employeeNumber'), department: values?.get('department') }));
const wanted = (employees: readonly { worker_id: string; department?: string | undefined }[]) =>
  employees.map(({ worker_id: number, department }) => ({ number, department }));

test('JSON is cut into the very objects that were sent, however deep and wherever the network cuts it', async () => {
  const indent = fc.constantFrom(undefined, 2, '\t');
  await fc.assert(
    fc.asyncProperty(fc.array(employee), indent, fc.boolean(), chunkBytes, async (employees, space, bare, size) => {
      const text = JSON.stringify(bare ? employees : { total: 1, employees }, undefined, space);
      expect(valuesOf(await read('json', text, size))).toEqual(wanted(employees));
    }),
  );
});

test('NDJSON gives the very objects that were sent, wherever the network cuts it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(employee, { minLength: 1 }), chunkBytes, async (employees, size) => {
      const text = employees.map((one) => JSON.stringify(one)).join('\n');
      expect(valuesOf(await read('ndjson', text, size))).toEqual(wanted(employees));
    }),
  );
});

const names = Object.values(feedColumns).map(([column]) => column);
const cell = fc.string({ unit: fc.constantFrom('a', 'é', '🌸', '"', ',', ';', '\n', '\r', '\t', ' ', "'") });

test('CSV gives the very values that were sent, however they are quoted and wherever the network cuts it', async () => {
  const record = fc.array(cell, { minLength: names.length, maxLength: names.length });
  const shape = fc.record({
    delimiter: fc.constantFrom(',', ';', '\t', '|'),
    record_delimiter: fc.constantFrom('\n', '\r\n', '\r'),
    bom: fc.boolean(),
    quoted: fc.constant(true),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(record), shape, chunkBytes, async (records, options, size) => {
      const rows = await read('csv', stringify([names, ...records], options), size);
      const read_ = rows.map(({ values }) => names.map((name) => values?.get(headers.fieldOf(name) ?? 'status')));
      expect(read_).toEqual(records);
    }),
  );
});

test('whatever bytes come, a file is read row by row with rising lines, or refused with a reason', async () => {
  const piece = fc.oneof(
    fc.constantFrom(header, row('1'), '\n', '\r', '"', ',', '{', '}', '[', ']', json('1'), '\\', '\u0000', '[{"a":'),
    fc.string({ unit: 'binary' }),
    fc.uint8Array({ maxLength: 20 }),
  );
  const kind = fc.constantFrom<Kind>('csv', 'tsv', 'ndjson', 'json');
  await fc.assert(
    fc.asyncProperty(kind, fc.array(piece), fc.boolean(), chunkBytes, async (type, pieces, headed, size) => {
      const bytes = Buffer.concat([headed ? `${header}\n` : '', ...pieces].map((one) => Buffer.from(one)));
      const rows = await read(type, bytes, size).catch((error: unknown) => {
        expect(error).toBeInstanceOf(FeedRefusedError);
        return [];
      });
      const lines = rows.map(({ line }) => line);
      expect(lines).toEqual([...lines].sort((a, b) => a - b));
      for (const one of rows) expect(one.problem === undefined).toBe(one.values !== undefined);
    }),
    { numRuns: 500 },
  );
});

test('the documented columns are those of the reports', () => {
  expect(names.map((name) => columnOf(headers.fieldOf(name) ?? 'status'))).toEqual(names);
});
