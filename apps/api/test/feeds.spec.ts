import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { workbookOf, zipOf } from '#libs/testing';
import { startApi, type TestApi } from './setup.js';

let api: TestApi;
let url: string;
let token: string;

beforeAll(async () => {
  api = await startApi();
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  url = await api.app.getUrl();
  token = await api.token('feed');
});
afterAll(() => api.stop());

const header = 'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country';
const row = (number: string | number, status = 'ACTIVE') => `${number},Zoë,Müller,EMPLOYEE,${status},2020-01-01,DE`;
const csv = (...rows: string[]) => `${[header, ...rows].join('\n')}\n`;

interface Delivery {
  readonly id: string;
  readonly state: string;
  readonly cause: string | null;
  readonly rows: Readonly<Record<string, number>>;
  readonly records: readonly {
    row: number;
    line: number;
    outcome: string;
    problems: { field: string; reason: string }[];
  }[];
  readonly cursor: number | null;
  readonly type: string;
  readonly detail: string;
  readonly errors: readonly { field: string; message: string }[];
}

let sources = 0;
const newSource = () => `source-${(sources += 1)}`;

async function push(
  body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>,
  { source = newSource(), query = '?mode=full', ...headers }: Record<string, string> = {},
) {
  const response = await fetch(`${url}/v1/feeds/${source}/deliveries${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'text/csv', prefer: 'wait=60', ...headers },
    body,
    ...(body instanceof ReadableStream && { duplex: 'half' }),
  });
  const answer: Delivery = JSON.parse(await response.text());
  return { response, answer, status: response.status, source };
}

async function get(path: string): Promise<Delivery> {
  const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } });
  expect(response.status).toBe(200);
  return JSON.parse(await response.text());
}

test('a delivery is answered 202 with its address, where its counts are found', async () => {
  const { response, status } = await push(csv(row(1), row(2, 'FIRED')), { prefer: '' });
  expect(status).toBe(202);
  const location = response.headers.get('location') ?? '';
  expect(location).toMatch(/^\/v1\/feeds\/source-\d+\/deliveries\/[0-9a-f-]{36}$/);
  expect(response.headers.get('preference-applied')).toBeNull();
  await vi.waitFor(async () => expect((await get(location)).state).toBe('done'), { timeout: 30_000, interval: 100 });
  expect((await get(location)).rows).toMatchObject({
    total: 2,
    new: 1,
    updated: 0,
    unchanged: 0,
    leaver: 0,
    rejected: 1,
  });
});

test('Prefer: wait waits for the outcome and says so', async () => {
  const { response, answer } = await push(csv(row(1)), { prefer: 'respond-async, wait=30' });
  expect(response.headers.get('preference-applied')).toBe('wait=30');
  expect(answer).toMatchObject({ state: 'done', rows: { new: 1 } });
  const longest = await push(csv(row(1)), { prefer: 'wait="9999"' });
  expect(longest.response.headers.get('preference-applied')).toBe('wait=300');
});

test('records come in the order of the file, page by page and by outcome, each with line, field and reason', async () => {
  const rows = Array.from({ length: 250 }, (_, index) => row(index, index % 5 === 0 ? 'FIRED' : 'ACTIVE'));
  const { response, answer } = await push(csv(...rows));
  const location = response.headers.get('location') ?? '';
  const pages = async (query: string) => {
    const seen: number[] = [];
    for (let cursor: number | null = 0; cursor !== null;) {
      const page = await get(`${location}/records?limit=50&cursor=${cursor}${query}`);
      seen.push(...page.records.map((record) => record.row));
      ({ cursor } = page);
    }
    return seen;
  };
  expect(await pages('')).toEqual(rows.map((_, index) => index + 1));
  expect(await pages('&outcome=')).toHaveLength(250);
  const rejected = await pages('&outcome=rejected');
  expect(rejected).toEqual(rows.flatMap((_, index) => (index % 5 === 0 ? [index + 1] : [])));
  expect(answer.rows).toMatchObject({ new: 200, rejected: 50 });
  const { records } = await get(`${location}/records?outcome=rejected&limit=1`);
  expect(records).toMatchObject([{ row: 1, line: 2, problems: [{ field: 'status', reason: 'status_unknown' }] }]);
});

test.each([
  ['', 'mode', 'mode=full'],
  ['?mode=', 'mode', 'mode=delta'],
  ['?mode=full&dryRun=true', '', 'dryRun'],
])('the query %j is answered 400 with field and fix', async (query, field, fix) => {
  const { status, answer } = await push(csv(row(1)), { query });
  expect([status, answer.type]).toEqual([400, 'urn:bascule:problem:invalid-field']);
  expect(answer.errors[0]?.field).toBe(field);
  expect(answer.errors[0]?.message).toContain(fix);
});

test('another media type, charset or encoding is answered 415 with what is taken', async () => {
  for (const headers of [
    { 'content-type': 'application/xml' },
    { 'content-type': 'multipart/form-data; boundary=x' },
    { 'content-type': '' },
  ]) {
    const { status, answer, response } = await push(csv(row(1)), headers);
    expect(status).toBe(415);
    for (const type of ['text/csv', 'application/x-ndjson', 'application/json']) {
      expect(answer.detail).toContain(type);
      expect(response.headers.get('accept')).toContain(type);
    }
  }
  const unknown = await push(csv(row(1)), { 'content-type': 'text/csv; charset=ebcdic' });
  expect([unknown.status, unknown.answer.detail]).toEqual([415, expect.stringContaining('windows-1252')]);
  const brotli = await push(csv(row(1)), { 'content-encoding': 'br' });
  expect([brotli.status, brotli.response.headers.get('accept-encoding')]).toEqual([415, 'gzip, identity']);
});

test('media types are told without case and with parameters, and JSON comes as a stream too', async () => {
  const json = JSON.stringify([{ worker_id: '1' }]);
  for (const type of ['TEXT/CSV; header=present; charset="UTF-8"', 'text/csv;charset=utf-8']) {
    expect((await push(csv(row(1)), { 'content-type': type })).answer.rows).toMatchObject({ new: 1 });
  }
  const { answer } = await push(json, { 'content-type': 'application/json; charset=utf-8' });
  expect(answer.rows).toMatchObject({ total: 1, rejected: 1 });
  const packed = await push(gzipSync(csv(row(1), row(2))), { 'content-encoding': 'gzip' });
  expect(packed.answer.rows).toMatchObject({ new: 2 });
});

test('a file is read in the charset that it declares, and ISO 8859-1 as Windows-1252', async () => {
  const source = newSource();
  const named = csv(row(1));
  await push(named, { source });
  for (const charset of ['iso-8859-1', 'Windows-1252', '"latin1"']) {
    const bytes = Buffer.from(named, 'latin1');
    const { answer } = await push(bytes, { source, 'content-type': `text/csv; charset=${charset}` });
    expect(answer.rows).toMatchObject({ total: 1, unchanged: 1 });
  }
  const wide = await push(Buffer.from(named, 'utf16le'), { source, 'content-type': 'text/csv; charset=utf-16' });
  expect(wide.answer.rows).toMatchObject({ total: 1, unchanged: 1 });
  const contradicted = await push(named, { source, 'content-type': 'text/csv; charset=iso-8859-1' });
  expect(contradicted.answer.cause).toMatch(/^encoding_contradicted: /);
});

test('a workbook, a zip and a table with tabs give the same people as the CSV', async () => {
  const source = newSource();
  await push(csv(row(1), row(2)), { source });
  const cells = csv(row(1), row(2))
    .trim()
    .split('\n')
    .map((line) => line.split(','));
  const workbook = workbookOf([{ name: 'People', rows: cells }]);
  const zip = zipOf([{ name: 'people.xlsx', content: workbook }]);
  const tabs = cells.map((line) => line.join('\t')).join('\r\n');
  const workbookType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
  for (const [type, body] of [
    [workbookType, workbook],
    ['application/zip', zip],
    ['text/tab-separated-values', tabs],
    ['text/plain', tabs],
  ] as const) {
    const { answer } = await push(body, { source, 'content-type': type });
    expect([type, answer.state, answer.rows]).toEqual([
      type,
      'done',
      expect.objectContaining({ total: 2, unchanged: 2 }),
    ]);
  }
  const cut = await push(workbook.subarray(0, 500), { source, 'content-type': workbookType });
  expect([cut.answer.state, cut.answer.cause]).toEqual(['refused', expect.stringMatching(/^workbook_broken: /)]);
});

test('without a body a delivery is recorded and refused as empty', async () => {
  for (const body of ['', new ReadableStream<Uint8Array>({ start: (controller) => controller.close() })]) {
    const { status, answer } = await push(body);
    expect([status, answer.state, answer.cause]).toEqual([202, 'refused', expect.stringMatching(/^empty_file: /)]);
  }
});

test('a body that says it is too large is answered 413 before it is read', async () => {
  const answer = await new Promise<number | undefined>((resolve, reject) => {
    const sent = request(`${url}/v1/feeds/hr/deliveries?mode=full`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'text/csv', 'content-length': 600_000_000 },
    });
    sent.on('response', (response) => {
      resolve(response.statusCode);
      sent.destroy();
    });
    sent.on('error', reject);
    sent.flushHeaders();
  });
  expect(answer).toBe(413);
});

test('the same key with the same bytes gives the first answer, quoted or bare, and applies nothing again', async () => {
  const source = newSource();
  const first = await push(csv(row(1)), { source, 'idempotency-key': 'night-1' });
  for (const key of ['night-1', '"night-1"']) {
    const again = await push(csv(row(1)), { source, 'idempotency-key': key });
    expect([again.status, again.answer]).toEqual([202, first.answer]);
    expect(again.response.headers.get('location')).toBe(first.response.headers.get('location'));
  }
  const elsewhere = await push(csv(row(1)), { 'idempotency-key': 'night-1' });
  expect(elsewhere.answer.id).not.toBe(first.answer.id);
});

test('the same key with other bytes, mode or media type is answered 422', async () => {
  const source = newSource();
  await push(csv(row(1)), { source, 'idempotency-key': 'k' });
  expect((await push(csv(row(2)), { source, 'idempotency-key': 'k' })).status).toBe(422);
  expect((await push(csv(row(1)), { source, 'idempotency-key': 'k', query: '?mode=delta' })).status).toBe(422);
  const asJson = { source, 'idempotency-key': 'k', 'content-type': 'application/json' };
  expect((await push(csv(row(1)), asJson)).status).toBe(422);
  const tooLong = await push(csv(row(1)), { source, 'idempotency-key': 'x'.repeat(256) });
  expect([tooLong.status, tooLong.answer.errors[0]?.field]).toEqual([400, 'Idempotency-Key']);
});

/** An upload that stops after its first bytes, until it is told to go on or to break off. */
function slowUpload(source: string, key: string) {
  const sent = request(`${url}/v1/feeds/${source}/deliveries?mode=full`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'text/csv', 'idempotency-key': key },
  });
  sent.on('error', () => undefined);
  sent.write(header);
  return sent;
}

const uploading = async (source: string) => {
  const { rowCount } = await api.foundation.ledger.pool.query(
    "select from feed_delivery where source = $1 and state = 'uploading'",
    [source],
  );
  return rowCount;
};
const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 50 });

test('while a key’s first upload runs the key is answered 409; when it breaks off nothing stays and the key is free', async () => {
  const source = newSource();
  const upload = slowUpload(source, 'k');
  await until(async () => expect(await uploading(source)).toBe(1));
  expect((await push(csv(row(1)), { source, 'idempotency-key': 'k' })).status).toBe(409);
  upload.destroy();
  await until(async () => expect(await uploading(source)).toBe(0));
  const again = await push(csv(row(1)), { source, 'idempotency-key': 'k' });
  expect([again.status, again.answer.rows['new']]).toEqual([202, 1]);
});

test('an upload whose process died gives its key free', async () => {
  const source = newSource();
  await api.foundation.ledger.pool.query(
    `insert into feed_delivery (source, mode, media_type, idempotency_key, received_by, state, touched_at)
     values ($1, 'full', 'text/csv', 'k', 'test', 'uploading', now() - interval '3 minutes')`,
    [source],
  );
  expect((await push(csv(row(1)), { source, 'idempotency-key': 'k' })).answer.rows).toMatchObject({ new: 1 });
});

test('one push at a time or many at once: every delivery of many sources comes to its end', async () => {
  const pushes = Array.from({ length: 24 }, (_, index) =>
    push(csv(row(index)), { source: `many-${index % 3}`, query: '?mode=delta' }),
  );
  const answers = await Promise.all(pushes);
  expect(answers.map(({ answer }) => `${answer.state} ${answer.rows['new']}`)).toEqual(answers.map(() => 'done 1'));
});

test('what a process received and did not apply before it died is taken up by another', async () => {
  const source = newSource();
  const { rows } = await api.foundation.ledger.pool.query<{ id: string }>(
    `insert into feed_delivery (source, mode, media_type, received_by, state, payload_sha256, attempts)
     values ($1, 'full', 'text/csv', 'test', 'uploading', 'x', 1) returning id`,
    [source],
  );
  const id = rows[0]?.id ?? '';
  const store = 'insert into feed_payload (delivery_id, piece, bytes) values ($1, 0, $2)';
  await api.foundation.ledger.pool.query(store, [id, Buffer.from(csv(row(1)))]);
  await api.foundation.ledger.pool.query("update feed_delivery set state = 'checking' where id = $1", [id]);
  await until(async () => expect((await get(`/v1/feeds/${source}/deliveries/${id}`)).state).toBe('done'));
});

test('a delivery of another source, or none, is not found', async () => {
  const { answer, source } = await push(csv(row(1)));
  for (const path of [
    `other/deliveries/${answer.id}`,
    `${source}/deliveries/none`,
    `${source}/deliveries/${answer.id}x`,
  ]) {
    const response = await fetch(`${url}/v1/feeds/${path}`, { headers: { authorization: `Bearer ${token}` } });
    expect(response.status).toBe(404);
  }
  expect((await push(csv(row(1)), { source: 'a%20b' })).answer.errors[0]?.field).toBe('source');
});

test('whatever is sent, the answer is never a fault, and every row that was read has its outcome', async () => {
  const piece = fc.oneof(
    fc.constantFrom(
      `${header}\n`,
      `${row(1)}\n`,
      `${row(2)}\n`,
      '[{"worker_id":"1"},',
      ']',
      '{"worker_id":1e5}\n',
      '"',
      '\u0000',
    ),
    fc.uint8Array({ maxLength: 30 }),
  );
  const type = fc.constantFrom('text/csv', 'application/x-ndjson', 'application/json');
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece),
      type,
      fc.constantFrom('', 'gzip'),
      fc.boolean(),
      async (pieces, media, coding, pack) => {
        const bytes = Buffer.concat(pieces.map((one) => Buffer.from(one)));
        const body = Uint8Array.from(pack ? gzipSync(bytes) : bytes);
        const { status, answer, response } = await push(body, { 'content-type': media, 'content-encoding': coding });
        expect(status).toBe(202);
        if (answer.state === 'refused') {
          expect(answer.cause).toMatch(/^[a-z0-9_]+: The file .+: .+\.( \(.+\))?$/);
          return;
        }
        expect(answer.state).toBe('done');
        const { new: added = 0, updated = 0, unchanged = 0, rejected = 0, total } = answer.rows;
        expect(added + updated + unchanged + rejected).toBe(total);
        const { records } = await get(`${response.headers.get('location')}/records?limit=1000`);
        expect(records).toHaveLength(total ?? -1);
        for (const { outcome, problems } of records) if (outcome === 'rejected') expect(problems).not.toEqual([]);
      },
    ),
    { numRuns: 60 },
  );
});
