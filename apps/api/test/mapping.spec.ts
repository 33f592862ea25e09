import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { workbookOf, zipOf } from '#libs/testing';
import { Writable } from 'node:stream';
import { startApi, type TestApi } from './setup.js';

let api: TestApi;
let url: string;
let token: string;
const logged: string[] = [];

beforeAll(async () => {
  const log = new Writable({
    write: (chunk, _encoding, done) => {
      logged.push(String(chunk));
      done();
    },
  });
  api = await startApi({ BASCULE_LOG_LEVEL: 'trace' }, log);
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  url = await api.app.getUrl();
  token = await api.token('feed');
});
afterAll(() => api.stop());

async function guess(body: string | Uint8Array<ArrayBuffer>, type: string, bearer = token) {
  const response = await fetch(`${url}/v1/feeds/hr/mapping/guess`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': type },
    body,
  });
  const answer: { file: unknown; missing: string[]; decisions: unknown[]; rows: number; detail: string; type: string } =
    JSON.parse(await response.text());
  return { status: response.status, answer };
}

const cells = [
  ['Personalnummer', 'Nachname', 'Status', 'Mitarbeitertyp', 'Eintritt', 'Land'],
  ['007', 'Geheimrat', 'aktiv', 'Angestellte', '13.04.2019', 'Deutschland'],
];
const csv = cells.map((row) => row.join(';')).join('\n');
const workbookType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

test('a file’s mapping is guessed whatever it is packed in, and nothing of it is stored or logged', async () => {
  const workbook = workbookOf([{ name: 'Personal', rows: cells }]);
  for (const [type, body] of [
    ['text/csv', csv],
    ['text/csv; charset=iso-8859-1', csv],
    [workbookType, workbook],
    ['application/zip', zipOf([{ name: 'personal.xlsx', content: workbook }])],
  ] as const) {
    const { status, answer } = await guess(body, type);
    expect([type, status, answer.missing, answer.decisions, answer.rows]).toEqual([type, 200, [], [], 1]);
    expect(answer.file).toMatchObject({
      columns: { Personalnummer: 'worker_id', Nachname: 'legal_family_name', Land: 'country' },
      dates: 'dd.mm.yyyy',
      words: { status: { aktiv: 'ACTIVE' }, worker_type: { Angestellte: 'EMPLOYEE' }, country: { Deutschland: 'DE' } },
    });
    expect(JSON.stringify(answer)).not.toContain('Geheimrat');
  }
  const { rowCount } = await api.foundation.ledger.pool.query(
    'select from feed_delivery union all select from feed_source',
  );
  expect(rowCount).toBe(0);
  expect(logged.join('')).not.toMatch(/Geheimrat|13\.04\.2019/);
});

test('a file that takes too long to look at is answered as such', async () => {
  const timeout = vi.spyOn(AbortSignal, 'timeout');
  onTestFinished(() => timeout.mockRestore());
  timeout.mockReturnValueOnce(AbortSignal.abort(new DOMException('', 'TimeoutError')));
  const { status, answer } = await guess(csv, 'text/csv');
  expect([status, answer.type]).toEqual([408, expect.stringMatching(/timed-out$/)]);
  expect((await guess(csv, 'text/csv')).status).toBe(200);
});

test('what is no table, no known type or nobody’s business is refused', async () => {
  expect((await guess('', 'text/csv')).answer.detail).toMatch(/^empty_file: /);
  const broken = await guess('PK', workbookType);
  expect([broken.status, broken.answer.detail]).toEqual([422, expect.stringMatching(/^workbook_broken: /)]);
  expect((await guess(csv, 'application/pdf')).status).toBe(415);
  expect((await guess(csv, 'text/csv', await api.token('viewer'))).status).toBe(403);
});
