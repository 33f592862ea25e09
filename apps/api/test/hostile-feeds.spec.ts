import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startApi, type TestApi } from './setup.js';

/** The same files at every run, few enough for a busy machine. */
const bounds = { seed: 20_261_125, numRuns: 60, interruptAfterTimeLimit: 240_000, endOnFailure: true };
const testMs = 400_000;

const deliverySchema = z.looseObject({
  id: z.string(),
  state: z.enum(['done', 'held', 'refused']),
  cause: z.string().nullable(),
  rows: z.record(z.string(), z.number()),
});
const recordsSchema = z.looseObject({
  records: z.array(
    z.object({
      row: z.number(),
      line: z.number(),
      employeeNumber: z.string().nullable(),
      outcome: z.string(),
      problems: z.array(z.object({ field: z.string(), reason: z.string().min(1), message: z.string().min(1) })),
    }),
  ),
});

let api: TestApi;
let url: string;
let headers: Record<string, string>;

beforeAll(async () => {
  api = await startApi();
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  url = await api.app.getUrl();
  headers = { authorization: `Bearer ${await api.token('operator')}` };
  await push('hr', Buffer.from(csvOf(bystanders.map(rowOf), '\n')), 'text/csv');
});
afterAll(() => api.stop());

const columns = ['worker_id', 'legal_given_name', 'legal_family_name', 'worker_type', 'status', 'hire_date', 'country'];
const rowOf = (number: string) => [number, 'Zoë', 'Müller', 'EMPLOYEE', 'ACTIVE', '2020-01-01', 'DE'];
/** People whom no file of the tests names: whatever is sent, nothing of theirs may change. */
const bystanders = ['BYSTANDER-1', 'BYSTANDER-2', 'BYSTANDER-3'];

const quoted = (cell: string) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
const csvOf = (rows: readonly (readonly string[])[], end: string) =>
  [columns, ...rows].map((row) => `${row.map(quoted).join(',')}${end}`).join('');

let sources = 0;

/** Pushes a file as a delta and gives the delivery at rest: an answer of 5xx, or none, fails. */
async function push(source: string, body: Uint8Array, mediaType: string, encoding = '') {
  const response = await fetch(`${url}/v1/feeds/${source}/deliveries?mode=delta`, {
    method: 'POST',
    headers: { ...headers, 'content-type': mediaType, 'content-encoding': encoding, prefer: 'wait=60' },
    body: new Uint8Array(body),
  });
  expect(response.status).toBe(202);
  return deliverySchema.parse(await response.json());
}

async function recordsOf(source: string, id: string) {
  const response = await fetch(`${url}/v1/feeds/${source}/deliveries/${id}/records?limit=1000`, { headers });
  expect(response.status).toBe(200);
  return recordsSchema.parse(await response.json()).records;
}

async function bystandersNow(): Promise<unknown> {
  const { rows } = await api.foundation.ledger.pool.query(
    `select employee_number, employee.version, status, fingerprint, record from employee
       join employee_version on employee_id = id and employee_version.version = employee.version
     where source = 'hr' and employee_number = any($1) order by employee_number`,
    [bystanders],
  );
  expect(rows).toHaveLength(bystanders.length);
  return rows;
}

/** What holds of every delivery, however broken: the sums, an outcome for each row, a reason for each rejection. */
async function expectWhole(source: string, delivery: z.infer<typeof deliverySchema>) {
  const { new: added = 0, updated = 0, unchanged = 0, rejected = 0, total = -1 } = delivery.rows;
  expect(added + updated + unchanged + rejected).toBe(total);
  const records = await recordsOf(source, delivery.id);
  if (delivery.state === 'refused') {
    expect(delivery.cause).toMatch(/^[a-z0-9_]+: The file .+/);
    expect([total, records.length]).toEqual([0, 0]);
    return records;
  }
  expect(records.map(({ row }) => row)).toEqual(Array.from({ length: total }, (_, index) => index + 1));
  expect(records.filter(({ outcome }) => outcome === 'rejected')).toHaveLength(rejected);
  let before = 0;
  for (const { outcome, problems, line } of records) {
    expect(line).toBeGreaterThanOrEqual(before);
    before = line;
    if (outcome === 'rejected') expect(problems).not.toEqual([]);
  }
  return records;
}

/** A cell of anything at all: quotes, separators, ends of line, control characters, half of a pair, long ones. */
const anyCell = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
  fc.string({
    unit: fc.constantFrom('"', ',', ';', '\n', '=', ' ', '\t', "'", 'ü', '\u0000', '\ufeff', '\u202e'),
    maxLength: 8,
  }),
  fc.constantFrom('', 'ACTIVE', '2023-02-29', '44927', 'NULL', '9999-12-31', 'x'.repeat(300), '🌸', 'Лucie'),
);
/** Mostly good rows with some cells replaced, so that every check is reached. */
const anyRow = fc
  .tuple(
    fc.nat({ max: 12 }),
    fc.dictionary(fc.constantFrom('0', '1', '2', '3', '4', '5', '6'), anyCell, { maxKeys: 3 }),
  )
  .map(([number, changes]) => rowOf(`n${number}`).map((cell, index) => changes[index] ?? cell));
const anyRows = fc.array(anyRow, { minLength: 1, maxLength: 20 });

test(
  'of a well-formed CSV every row has its outcome and its line, whatever its cells hold',
  async () => {
    const property = fc.asyncProperty(anyRows, fc.constantFrom('\n', '\r\n'), async (cells, end) => {
      // An end of line within a value is part of it: a lone CR would be one more way to count lines.
      const rows = cells.map((row) => row.map((cell) => cell.toWellFormed().replaceAll('\r', '')));
      const source = `cells-${(sources += 1)}`;
      const delivery = await push(source, Buffer.from(csvOf(rows, end)), 'text/csv');
      expect(delivery.state).toBe('done');
      const records = await expectWhole(source, delivery);
      expect(records).toHaveLength(rows.length);
      let line = 2;
      for (const [index, row] of rows.entries()) {
        expect(records[index]?.line).toBe(line);
        line += 1 + row.join('').split('\n').length - 1;
      }
    });
    await fc.assert(property, bounds);
  },
  testMs,
);

test(
  'of NDJSON every line that is not blank has its outcome, and of JSON every value of the array',
  async () => {
    const value = fc.oneof(
      anyRow.map((row) => JSON.stringify(Object.fromEntries(columns.map((column, index) => [column, row[index]])))),
      fc.json({ maxDepth: 3 }).map((text) => JSON.stringify(JSON.parse(text))),
      fc.constantFrom(
        '{"worker_id":"1","worker_id":"2"}',
        '{"__proto__":{"worker_id":"1"}}',
        '{"constructor":1}',
        '1e999',
      ),
    );
    const broken = fc.constantFrom('{', '{"worker_id":}', 'null null', '"', '\u0000', '{"a":"\\ud800"', "{'a':1}");
    const property = fc.asyncProperty(
      fc.array(value, { minLength: 1, maxLength: 15 }),
      fc.array(broken, { maxLength: 3 }),
      async (values, garbage) => {
        const source = `json-${(sources += 1)}`;
        const lines = [...values, ...garbage];
        const asLines = await push(source, Buffer.from(`${lines.join('\n\n')}\n`), 'application/x-ndjson');
        expect(asLines.state).toBe('done');
        const records = await expectWhole(source, asLines);
        expect(records.map(({ line }) => line)).toEqual(lines.map((_, index) => index * 2 + 1));
        const asArray = await push(`${source}-array`, Buffer.from(`[${values.join(',')}]`), 'application/json');
        expect(asArray.state).toBe('done');
        expect(await expectWhole(`${source}-array`, asArray)).toHaveLength(values.length);
      },
    );
    await fc.assert(property, { ...bounds, numRuns: 40 });
  },
  testMs,
);

const mediaTypes = ['text/csv', 'application/x-ndjson', 'application/json', 'text/csv; charset=utf-16'] as const;

/** A good file that came to harm: bytes cut off, put in, turned over, repeated. */
const harm = fc.array(
  fc.record({
    kind: fc.constantFrom('cut', 'put', 'turn', 'repeat'),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    bytes: fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 6 }),
      fc.constantFrom(
        ...['"', '\u0000', '\r', '\n', '\r\n', '\ufeff', ',,,', ';', '[', '{"', '\\'].map((text) => Buffer.from(text)),
      ),
    ),
  }),
  { minLength: 1, maxLength: 4 },
);

function harmed(file: Buffer, { kind, at, bytes }: { kind: string; at: number; bytes: Uint8Array }): Buffer {
  const place = Math.floor(at * file.length);
  const [head, tail] = [file.subarray(0, place), file.subarray(place)];
  if (kind === 'cut') return head;
  if (kind === 'put') return Buffer.concat([head, bytes, tail]);
  if (kind === 'repeat') return Buffer.concat([head, tail, tail]);
  return Buffer.concat([head, bytes, tail.subarray(bytes.length)]);
}

function fileOf(rows: readonly (readonly string[])[], mediaType: string): Buffer {
  const objects = rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]])));
  if (mediaType === 'application/json') return Buffer.from(JSON.stringify(objects));
  if (mediaType.endsWith('ndjson')) return Buffer.from(objects.map((one) => `${JSON.stringify(one)}\n`).join(''));
  return Buffer.from(csvOf(rows, '\n'), mediaType.endsWith('utf-16') ? 'utf16le' : 'utf8');
}

test(
  'a file that came to harm on its way ends done or refused, its sums hold, and nobody whom it does not name changes',
  async () => {
    const before = await bystandersNow();
    const property = fc.asyncProperty(
      anyRows,
      fc.constantFrom(...mediaTypes),
      harm,
      fc.constantFrom('plain', 'packed', 'packed and harmed'),
      async (rows, mediaType, changes, packing) => {
        const file = fileOf(rows, mediaType);
        const isHarmedInside = packing !== 'packed and harmed';
        const inside = isHarmedInside ? changes.reduce(harmed, file) : file;
        const packed = packing === 'plain' ? inside : gzipSync(inside);
        const body = isHarmedInside ? packed : changes.reduce(harmed, packed);
        const delivery = await push('hr', body, mediaType, packing === 'plain' ? '' : 'gzip');
        await expectWhole('hr', delivery);
      },
    );
    await fc.assert(property, { ...bounds, numRuns: 100 });
    expect(await bystandersNow()).toEqual(before);
  },
  testMs,
);

test(
  'a packed file that was cut at any byte is refused whole',
  async () => {
    const whole = gzipSync(
      csvOf(
        Array.from({ length: 20 }, (_, index) => rowOf(`cut-${index}`)),
        '\n',
      ),
    );
    const property = fc.asyncProperty(fc.integer({ min: 1, max: whole.length - 1 }), async (length) => {
      const delivery = await push('cut', whole.subarray(0, length), 'text/csv', 'gzip');
      expect(delivery).toMatchObject({ state: 'refused', cause: expect.stringMatching(/^gzip_broken: /) });
    });
    await fc.assert(property, { ...bounds, numRuns: 25 });
    const { rows } = await api.foundation.ledger.pool.query("select from employee where source = 'cut'");
    expect(rows).toEqual([]);
  },
  testMs,
);

const deep = 200_000;

test.each<[string, string, () => Buffer]>([
  ['arrays in arrays', 'application/json', () => Buffer.from(`${'['.repeat(deep)}${']'.repeat(deep)}`)],
  ['arrays in arrays that never end', 'application/json', () => Buffer.from('['.repeat(deep))],
  ['objects in objects', 'application/json', () => Buffer.from(`[${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}]`)],
  [
    'a line of objects in objects',
    'application/x-ndjson',
    () => Buffer.from(`${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}\n`),
  ],
  ['a line without an end', 'application/x-ndjson', () => Buffer.alloc(3_000_000, 'x')],
  ['a quote without an end', 'text/csv', () => Buffer.from(`${columns.join(',')}\n"${'x\n'.repeat(1_500_000)}`)],
  ['a header of a hundred thousand columns', 'text/csv', () => Buffer.from(`${'a,'.repeat(100_000)}b\n1\n`)],
  ['nothing but ends of line', 'text/csv', () => Buffer.alloc(1_000_000, '\n')],
  ['nothing but separators', 'text/csv', () => Buffer.from(`${columns.join(',')}\n${','.repeat(900_000)}\n`)],
  ['nothing but zeros', 'text/csv', () => Buffer.alloc(1_000_000)],
  ['half of a UTF-16 pair', 'text/csv; charset=utf-16', () => Buffer.from([0xff, 0xfe, 0x00, 0xd8, 0x41])],
])(
  '%s ends the delivery, not the process',
  async (_name, mediaType, content) => {
    const source = `extreme-${(sources += 1)}`;
    await expectWhole(source, await push(source, content(), mediaType));
    expect((await push(`${source}-good`, Buffer.from(csvOf([rowOf('1')], '\n')), 'text/csv')).rows).toMatchObject({
      new: 1,
    });
  },
  testMs,
);

test(
  'a small file that unpacks to a huge one is refused before it fills the memory',
  async () => {
    const packed = gzipSync(Buffer.alloc(256 * 1024 * 1024, 'x'));
    expect(packed.length).toBeLessThan(500_000);
    const before = process.memoryUsage.rss();
    const delivery = await push('bomb', packed, 'text/csv', 'gzip');
    expect(delivery.state).toBe('refused');
    expect(process.memoryUsage.rss() - before).toBeLessThan(150 * 1024 * 1024);
  },
  testMs,
);
