import { gzipSync } from 'node:zlib';
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { workbookOf, zipOf } from '#libs/testing';
import { dateFormats, fileEncodings, feedSourceSettingsSchema, type DateFormat } from '#libs/vocabulary';
import { checkedRows } from '../src/checked-rows.js';
import { FeedRefusedError } from '../src/dialects/index.js';
import { mediaTypes, type StoredFile } from '../src/files/index.js';

interface Sent {
  readonly content: Buffer;
  readonly mediaType: string;
  readonly gzip?: boolean;
  readonly file?: unknown;
  readonly pieceBytes?: number;
}

/** A file in pieces, as the ledger holds it. */
function inPieces(bytes: Buffer, size: number): StoredFile {
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
  return {
    async *stream() {
      yield* pieces;
    },
    pieceSizes: async () => pieces.map(({ length }) => length),
    piece: async (index) => pieces[index] ?? Buffer.alloc(0),
  };
}

async function read({ content, mediaType, gzip = false, file = {}, pieceBytes = 100_000 }: Sent) {
  const { file: settings, scim, authority } = feedSourceSettingsSchema.parse({ file });
  const feed = {
    mediaType,
    contentEncoding: gzip ? 'gzip' : null,
    settings,
    scim,
    authority,
    receivedAt: new Date('2026-11-25T12:00:00Z'),
  };
  const rows = [];
  const limits = { rows: 1_000, unpackedBytes: 5_000_000 };
  for await (const chunk of checkedRows(inPieces(content, pieceBytes), feed, new AbortController().signal, {
    limits,
  })) {
    rows.push(...chunk);
  }
  return rows;
}

const workbookType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
const header = 'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country';
const row = '007,Zoë,Müller,EMPLOYEE,ACTIVE,2020-01-31,DE';
const workbook = workbookOf([{ name: 'A', rows: [header.split(','), row.split(',')] }]);
const seeds = [
  Buffer.from(`${header}\n${row}\n`),
  Buffer.from(`${header}\r\n${row}\r\n`, 'utf16le'),
  Buffer.from(`${header}\n${row}\n`, 'latin1'),
  Buffer.from('[{"worker_id":"1"},{"worker_id":2}]'),
  Buffer.from('{"worker_id":"1"}\n{"worker_id":2}\n'),
  workbook,
  zipOf([{ name: 'a.csv', content: `${header}\n${row}\n` }]),
  zipOf([{ name: 'a.xlsx', content: workbook }]),
  gzipSync(`${header}\n${row}\n`),
];

/** A good file with some of its bytes changed, left out or put in. */
const damaged = fc
  .tuple(
    fc.constantFrom(...seeds),
    fc.array(fc.tuple(fc.nat(), fc.nat(20), fc.uint8Array({ maxLength: 8 })), { maxLength: 4 }),
  )
  .map(([seed, changes]) =>
    changes.reduce((bytes, [at, length, put]) => {
      const from = at % (bytes.length + 1);
      return Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(from + length)]);
    }, seed),
  );

test('whatever comes as whatever type, each row is taken or told with line and reason, or the file is refused with one', async () => {
  const sent = fc.record({
    content: fc.oneof(
      damaged,
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    ),
    mediaType: fc
      .tuple(fc.constantFrom(...mediaTypes), fc.constantFrom('', ...fileEncodings))
      .map(([type, charset]) => (charset === '' ? type : `${type}; charset=${charset}`)),
    gzip: fc.boolean(),
    file: fc.record({ encoding: fc.constantFrom('utf-8', 'detect'), dates: fc.constantFrom(...dateFormats) }),
    pieceBytes: fc.integer({ min: 1, max: 300 }),
  });
  await fc.assert(
    fc.asyncProperty(sent, async (one) => {
      try {
        const rows = await read(one);
        expect(rows.map((each) => each.row)).toEqual(rows.map((_, index) => index + 1));
        const lines = rows.map((each) => each.line);
        expect(lines).toEqual([...lines].sort((a, b) => a - b));
        for (const { record, problems } of rows) expect(record !== undefined || problems.length > 0).toBe(true);
      } catch (error) {
        if (!(error instanceof FeedRefusedError)) throw error;
        expect(error.message).toMatch(/^[a-z_]+: The file .+: .+\./);
      }
    }),
    { numRuns: 600 },
  );
});

/** Letters that every encoding of the test has, and what has to be quoted. */
const text = fc
  .string({
    unit: fc.constantFrom('a', 'Z', 'é', 'ö', 'ß', ' ', '"', ',', ';', '\t', '|', "'", '.', '\n'),
    minLength: 1,
    maxLength: 12,
  })
  .map((value) => `x${value.trim()}`);
const day = fc
  .date({ min: new Date('1990-01-01'), max: new Date('2026-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10));
const person = fc.record({
  Nr: fc.stringMatching(/^0{0,3}[1-9][0-9]{0,5}$/),
  Vorname: text,
  Nachname: text,
  Stand: fc.constantFrom('aktiv', 'Ruhend'),
  Eintritt: day,
  Land: fc.constantFrom('Österreich', 'DE'),
  Stelle: text,
});
const headers = ['Nr', 'Vorname', 'Nachname', 'Stand', 'Eintritt', 'Land', 'Stelle'] as const;
const german = {
  columns: {
    Nr: 'worker_id',
    Vorname: 'legal_given_name',
    Nachname: 'legal_family_name',
    Stand: 'status',
    Eintritt: 'hire_date',
    Land: 'country',
    Stelle: 'job_title',
  },
  constants: { worker_type: 'EMPLOYEE' },
  words: { status: { Aktiv: 'ACTIVE', ruhend: 'LEAVE' }, country: { Österreich: 'AT' } },
};

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function written(iso: string, format: DateFormat): string {
  const [year = '', month = '', date = ''] = iso.split('-');
  if (format === 'iso') return iso;
  if (format === 'serial') return String(Date.parse(iso) / 86_400_000 + 25_569);
  return format
    .replace('yyyy', year)
    .replace('mmm', months[Number(month) - 1] ?? '')
    .replace('mm', month)
    .replace('dd', date);
}

type Person = Readonly<Record<(typeof headers)[number], string>>;
const cellsOf = (people: readonly Person[]) => people.map((one) => headers.map((name) => one[name]));

interface Shape {
  readonly dates: DateFormat;
  readonly delimiter: ',' | ';' | '\t' | '|';
  readonly end: '\n' | '\r\n' | '\r';
}

/** The same people in every kind of file, the texts as strings. */
function filesOf(people: readonly Person[], { dates, delimiter, end }: Shape) {
  const spelt = people.map((one) => ({ ...one, Eintritt: written(one.Eintritt, dates) }));
  const csv = stringify([headers, ...cellsOf(spelt)], { delimiter, record_delimiter: end, quoted: true });
  const tsv = stringify([headers, ...cellsOf(spelt)], { delimiter: '\t', quoted: true });
  const withDays = people.map((one) => headers.map((name) => (name === 'Eintritt' ? new Date(one[name]) : one[name])));
  const sheet = workbookOf([{ name: 'A', rows: [[...headers], ...withDays] }]);
  return {
    texts: [
      ['text/csv', csv],
      ['text/tab-separated-values', tsv],
      ['application/x-ndjson', spelt.map((one) => JSON.stringify(one)).join('\n')],
      ['application/json', JSON.stringify({ people: spelt })],
    ] as const,
    packed: [
      [workbookType, sheet],
      ['application/zip', zipOf([{ name: 'people.csv', content: csv }])],
      ['application/zip', zipOf([{ name: 'people.xlsx', content: sheet }])],
    ] as const,
  };
}

/** The bytes of a text in an encoding; the letters of the test stand in each Latin one where Latin-1 has them. */
function encoded(content: string, encoding: string): Buffer {
  if (encoding === 'utf-8') return Buffer.from(content);
  if (encoding === 'utf-16le') return Buffer.from(content, 'utf16le');
  return encoding === 'utf-16be' ? Buffer.from(content, 'utf16le').swap16() : Buffer.from(content, 'latin1');
}

test('the same people are the same records whatever the kind of file, its encoding, its dates and its packing', async () => {
  const shape = fc.record({
    dates: fc.constantFrom(...dateFormats),
    delimiter: fc.constantFrom(',', ';', '\t', '|'),
    end: fc.constantFrom('\n', '\r\n', '\r'),
  });
  const encoding = fc.constantFrom(
    'utf-8',
    'utf-16le',
    'utf-16be',
    'windows-1252',
    'windows-1250',
    'iso-8859-2',
    'iso-8859-15',
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(person, { minLength: 1, maxLength: 5 }),
      shape,
      encoding,
      async (people, how, charset) => {
        const file = { ...german, dates: how.dates, delimiter: how.delimiter };
        const recordsOf = async (sent: Omit<Sent, 'file'>) =>
          (await read({ ...sent, file, pieceBytes: 97 })).map(({ record, problems }) => record ?? problems);
        const { texts, packed } = filesOf(people, how);
        const json = Buffer.from(JSON.stringify(people));
        const expected = await recordsOf({ content: json, mediaType: 'application/json' });
        expect(expected).toHaveLength(people.length);
        expect(expected.map((one) => 'employeeNumber' in one && one.employeeNumber)).toEqual(
          people.map(({ Nr }) => Nr),
        );
        for (const [mediaType, content] of texts) {
          const isTable = mediaType === 'text/tab-separated-values';
          if (isTable && how.delimiter !== '\t') continue;
          const bytes = encoded(content, charset);
          const declared = `${mediaType}; charset=${charset}`;
          expect([mediaType, await recordsOf({ content: bytes, mediaType: declared })]).toEqual([mediaType, expected]);
          expect(await recordsOf({ content: gzipSync(bytes), mediaType: declared, gzip: true })).toEqual(expected);
        }
        for (const [mediaType, content] of packed) {
          expect([mediaType, await recordsOf({ content, mediaType })]).toEqual([mediaType, expected]);
        }
      },
    ),
    { numRuns: 40 },
  );
});
