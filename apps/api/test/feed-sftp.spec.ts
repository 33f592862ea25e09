import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type SFTPWrapper } from 'ssh2';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { startSftpServer, type TestSftpServer } from '#libs/testing';
import { sftpSettingsSchema } from '#libs/vocabulary';
import { SftpPlace } from '../src/feed-drop/sftp-place.js';
import { startApi, type TestApi } from './setup.js';

const header = 'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country';
const row = (number: string | number, status = 'ACTIVE') => `${number},Zoë,Müller,EMPLOYEE,${status},2020-01-01,DE`;
const csv = (...rows: string[]) => `${[header, ...rows].join('\n')}\n`;

const resultSchema = z.looseObject({ id: z.string(), state: z.string(), rows: z.record(z.string(), z.number()) });
const dropsSchema = z.array(
  z.object({
    place: z.string(),
    lookedAt: z.string(),
    fault: z.string().nullable(),
    faultSince: z.string().nullable(),
    lastTakenAt: z.string().nullable(),
  }),
);

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 40_000, interval: 100 });

let server: TestSftpServer;
beforeAll(async () => {
  server = await startSftpServer();
}, 120_000);
afterAll(() => server.stop());

/** What HR's own SFTP client does. */
async function asHr<T>(work: (sftp: SFTPWrapper) => Promise<T>): Promise<T> {
  const client = new ssh2.Client();
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve).once('error', reject);
      client.connect({ host: '127.0.0.1', port: server.port, username: server.user, privateKey: server.privateKey });
    });
    return await work(
      await new Promise<SFTPWrapper>((resolve, reject) => {
        client.sftp((error, sftp) => (error === undefined ? resolve(sftp) : reject(error)));
      }),
    );
  } finally {
    client.end();
  }
}

const done = (ask: (done: (error?: Error | null) => void) => void) =>
  new Promise<void>((resolve, reject) => {
    ask((error) => (error instanceof Error ? reject(error) : resolve()));
  });

/** Uploads under a passing name and renames, as integrators are told to. */
const leave = (path: string, content: string) =>
  asHr(async (sftp) => {
    await done((finish) => sftp.writeFile(`${path}.part`, content, finish));
    await done((finish) => sftp.rename(`${path}.part`, path, finish));
  });

const readResult = (name: string) =>
  asHr(async (sftp) => {
    const entries = await new Promise<string[]>((resolve, reject) => {
      sftp.readdir('taken', (error, list) =>
        error === undefined ? resolve(list.map(({ filename }) => filename)) : reject(error),
      );
    });
    const found = entries.find((entry) => entry.endsWith(`-${name}.result.json`));
    if (found === undefined) throw new Error('nothing is told yet');
    const bytes = await new Promise<Buffer>((resolve, reject) => {
      sftp.readFile(`taken/${found}`, (error, content) => (error === undefined ? resolve(content) : reject(error)));
    });
    return resultSchema.parse(JSON.parse(bytes.toString()));
  });

const told = async (name: string) => {
  let result: z.infer<typeof resultSchema> | undefined;
  await until(async () => {
    result = await readResult(name);
  });
  return result;
};

async function startWatching(environment: Record<string, string>): Promise<TestApi> {
  const api = await startApi({ BASCULE_FEED_LOOK_SECONDS: '0.2', ...environment });
  onTestFinished(() => api.stop());
  return api;
}

async function send(api: TestApi, method: 'GET' | 'PUT', url: string, payload?: object) {
  const headers = { authorization: `Bearer ${await api.token('admin')}` };
  const response = await api.app.inject({ method, url, headers, ...(payload !== undefined && { payload }) });
  if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}: ${response.body}`);
  return response.json<unknown>();
}

const sftpSettings = () => ({
  host: '127.0.0.1',
  port: server.port,
  user: server.user,
  hostKeys: [server.hostKey],
  key: server.keyName,
  everySeconds: 1,
});

const settle = (api: TestApi, sftp: Readonly<Record<string, unknown>> = {}, source = 'hr') =>
  send(api, 'PUT', `/v1/feeds/${source}/settings`, {
    drop: { settleSeconds: 0 },
    sftp: { ...sftpSettings(), ...sftp },
  });

const dropsOf = async (api: TestApi, source = 'hr') =>
  dropsSchema.parse(await send(api, 'GET', `/v1/feeds/${source}/drops`));

const faultOf = async (api: TestApi) => {
  await until(async () => expect((await dropsOf(api))[0]?.fault).toEqual(expect.any(String)));
  return (await dropsOf(api))[0]?.fault;
};

/** The server's folder is shared by the tests of this file: each uses names of its own. */
const fetching = () => startWatching({ BASCULE_SFTP_KEYS: server.keyFolder });

beforeEach(() => {
  for (const mode of ['full', 'delta']) expect(readdirSync(join(server.folder, mode))).toEqual([]);
});

test('what HR uploads to an SFTP server that writes into the watched folder is taken, and HR reads there what became of it', async () => {
  const api = await startWatching({ BASCULE_FEED_FOLDER: join(server.folder, '..') });
  await send(api, 'PUT', '/v1/feeds/hr/settings', { drop: { settleSeconds: 0 } });
  await leave('full/uploaded.csv', csv(row(1), row(2, 'FIRED')));
  expect(await told('uploaded.csv')).toMatchObject({ state: 'done', rows: { total: 2, new: 1, rejected: 1 } });
  expect(await dropsOf(api)).toMatchObject([{ place: 'folder', fault: null, lastTakenAt: expect.any(String) }]);
});

test('files are fetched from the company’s own SFTP server, moved aside there, and told of there', async () => {
  const api = await fetching();
  await settle(api);
  await leave('full/fetched.csv', csv(row(1), row(2), row('@3', 'FIRED')));
  const result = await told('fetched.csv');
  expect(result).toMatchObject({ state: 'done', rows: { total: 3, new: 2, rejected: 1 } });
  const taken = readdirSync(join(server.folder, 'taken')).filter((name) => name.includes('fetched.csv'));
  expect(taken).toHaveLength(3);
  const [bytes = '', rows = ''] = taken.map((name) => readFileSync(join(server.folder, 'taken', name), 'utf8'));
  expect(bytes).toBe(csv(row(1), row(2), row('@3', 'FIRED')));
  expect(rows.split('\n')[1]).toMatch(/^3,4,'@3,rejected,status,status_unknown,/);
  expect(readdirSync(join(server.folder, 'full'))).toEqual([]);
  expect(await dropsOf(api)).toMatchObject([{ place: 'sftp', fault: null, lastTakenAt: expect.any(String) }]);
});

test('what was told is written anew where it stands already', async () => {
  const api = await fetching();
  await settle(api);
  await leave('delta/again.csv', csv(row(1)));
  const first = await told('again.csv');
  const { pool } = api.foundation.ledger;
  await pool.query('update dropped_file set told_state = null');
  await until(async () => {
    const { rows } = await pool.query("select told_state from dropped_file where told_state = 'done'");
    expect(rows).toHaveLength(1);
  });
  expect(await readResult('again.csv')).toEqual(first);
  expect(readdirSync(join(server.folder, 'taken')).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('a server that shows another key than the settled one gets nothing from us, and the key that it shows is told', async () => {
  const api = await fetching();
  const hostKeys = [`SHA256:${'A'.repeat(43)}`];
  await settle(api, { hostKeys });
  await leave('full/other-key.csv', csv(row(1)));
  const fault = await faultOf(api);
  expect(fault).toContain(server.hostKey);
  expect(fault).toContain('sftp.hostKeys');
  expect(readdirSync(join(server.folder, 'full'))).toEqual(['other-key.csv']);
  await settle(api);
  expect(await told('other-key.csv')).toMatchObject({ state: 'done' });
  await until(async () => expect((await dropsOf(api))[0]).toMatchObject({ fault: null, faultSince: null }));
});

test('a key that the server does not know, one that is not there, and one that is none are told apart', async () => {
  const api = await fetching();
  writeFileSync(join(server.keyFolder, 'stranger'), ssh2.utils.generateKeyPairSync('ed25519').private);
  writeFileSync(join(server.keyFolder, 'letter'), 'not a key');
  for (const [key, sentence] of [
    ['stranger', 'does not let the user in'],
    ['nowhere', 'The key nowhere cannot be read in BASCULE_SFTP_KEYS (ENOENT)'],
    ['letter', 'The file letter in BASCULE_SFTP_KEYS is no private key'],
  ] as const) {
    await settle(api, { key });
    await until(async () => expect((await dropsOf(api))[0]?.fault).toContain(sentence));
  }
});

test('without a folder of keys no server is asked', async () => {
  const api = await startWatching({});
  await settle(api);
  expect(await faultOf(api)).toContain('BASCULE_SFTP_KEYS is not set');
});

test('a server that cannot be reached, or falls silent, is told of and holds up no other source', async () => {
  const api = await fetching();
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => {
    silent.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    silent.close();
  });
  const address = silent.address();
  await settle(api, { port: typeof address === 'object' && address !== null ? address.port : 0 }, 'silent');
  await settle(api, { port: 1 });
  expect(await faultOf(api)).toContain('127.0.0.1:1 cannot be reached (ECONNREFUSED)');
  await settle(api, {}, 'other');
  await leave('full/other.csv', csv(row(1)));
  expect(await told('other.csv')).toMatchObject({ source: 'other', state: 'done' });
});

test('a folder that the server does not have is told of', async () => {
  const api = await fetching();
  await settle(api, { folder: 'elsewhere' });
  expect(await faultOf(api)).toContain('neither a folder full nor delta');
  expect(existsSync(join(server.folder, 'elsewhere'))).toBe(false);
});

test('a fetched file lies on this machine under no name, and is told from another that took its place over there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bascule-fetching-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  vi.stubEnv('TMPDIR', folder);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const settings = sftpSettingsSchema.parse(sftpSettings());
  const { signal } = new AbortController();
  await leave('delta/fetched.csv', csv(row(1)));
  await SftpPlace.visit(settings, Buffer.from(server.privateKey), signal, async (place) => {
    const opened = await place.open('delta/fetched.csv');
    expect(readdirSync(folder)).toEqual([]);
    const chunks = await opened.read().toArray();
    expect(Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))).toString()).toBe(csv(row(1)));
    expect(await opened.liesAt('delta/fetched.csv')).toBe(true);
    await place.move('delta/fetched.csv', 'taken/moved.csv');
    expect([await opened.liesAt('delta/fetched.csv'), await opened.liesAt('taken/moved.csv')]).toEqual([false, true]);
    await place.putBack('taken/moved.csv', 'delta/fetched.csv');
    expect(await opened.liesAt('delta/fetched.csv')).toBe(true);
    await leave('delta/newer.csv', csv(row(1), row(2)));
    await place.putBack('delta/fetched.csv', 'delta/newer.csv');
    expect(await opened.liesAt('delta/newer.csv')).toBe(false);
    await place.remove('delta/fetched.csv');
    await place.remove('delta/newer.csv');
    await opened.close();
  });
});
