import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTestDatabase } from './database.js';
import { launch, type TestProcess } from './processes.js';
import { testServices } from './services.js';
import type { TestSimulator } from './simulator.js';

/** Bascule as it runs: the API and its workers as processes, over a database and a Redis prefix of one test's own. */
export interface TestDeployment {
  readonly address: string;
  readonly token: string;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly redisPrefix: string;
  readonly api: TestProcess;
  readonly workers: TestProcess[];
  /** Kills the API at once, and starts it again on the same address when told so. */
  killApi(): Promise<{ startAgain(): Promise<void> }>;
  /** Starts one more worker. */
  addWorker(): TestProcess;
  /** One request as the admin; rejects with the problem's text unless the answer is a success. */
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<unknown>;
  stop(): Promise<void>;
}

const readyPatienceMs = 60_000;

export async function startDeployment(
  google: Pick<TestSimulator, 'apiRoot' | 'keyFile'>,
  options: {
    workers?: number;
    timeScale?: number;
    /** YAML merged over config/quotas.yaml; the time scale is set by itself. */
    quotas?: string;
    environment?: Readonly<Record<string, string>>;
  } = {},
): Promise<TestDeployment> {
  const [database, services] = await Promise.all([createTestDatabase(), testServices()]);
  const folder = mkdtempSync(join(tmpdir(), 'bascule-deployment-'));
  const quotasFile = join(folder, 'quotas.yaml');
  writeFileSync(quotasFile, `timeScale: ${options.timeScale ?? 20}\n${options.quotas ?? ''}`);
  const token = `bsc_${randomBytes(32).toString('base64url')}`;
  const redisPrefix = `test-${randomBytes(6).toString('hex')}`;
  const port = await freePort();
  const environment = {
    BASCULE_DATABASE_URL: database.url,
    BASCULE_REDIS_URL: services.redisUrl,
    BASCULE_REDIS_PREFIX: redisPrefix,
    BASCULE_GOOGLE_API_ROOT: google.apiRoot,
    BASCULE_GOOGLE_CREDENTIALS: google.keyFile,
    BASCULE_GOOGLE_ADMINS: 'admin1@bascule-retail.example,admin2@bascule-retail.example',
    BASCULE_GOOGLE_CANARY: 'admin@bascule-retail.example',
    BASCULE_QUOTAS: quotasFile,
    BASCULE_PORT: String(port),
    BASCULE_BOOTSTRAP_TOKEN: token,
    BASCULE_LOG_LEVEL: 'warn',
    ...options.environment,
  };
  const address = `http://127.0.0.1:${port}`;
  const startApi = async () => {
    const started = launch('api', [], environment);
    started.keepOutput();
    await untilReady(started, address);
    return started;
  };
  let api = await startApi();
  const workers: TestProcess[] = [];
  const addWorker = () => {
    const worker = launch('worker', [], environment);
    worker.keepOutput();
    workers.push(worker);
    return worker;
  };
  for (let count = 0; count < (options.workers ?? 2); count += 1) addWorker();
  return {
    address,
    token,
    databaseUrl: database.url,
    redisUrl: services.redisUrl,
    redisPrefix,
    get api() {
      return api;
    },
    workers,
    addWorker,
    killApi: async () => {
      api.kill('SIGKILL');
      await api.ended;
      return {
        startAgain: async () => {
          api = await startApi();
        },
      };
    },
    call: (method, path, body, headers = {}) => send(`${address}${path}`, token, method, body, headers),
    stop: async () => {
      await Promise.all([...workers, api].map((started) => started.stop()));
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function untilReady(api: TestProcess, address: string): Promise<void> {
  const ended = new AbortController();
  void api.ended.finally(() => ended.abort());
  const deadline = performance.now() + readyPatienceMs;
  while (performance.now() < deadline && !ended.signal.aborted) {
    const answer = await fetch(`${address}/readyz`).catch(() => undefined);
    if (answer?.ok === true) return;
    await sleep(50);
  }
  throw new Error(`the API was not ready in time: ${api.errors()}`);
}

async function send(
  url: string,
  token: string,
  method: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<unknown> {
  const raw = typeof body === 'string' || body instanceof Uint8Array;
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && !raw && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: bytesOf(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${new URL(url).pathname} answered ${response.status}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

function bytesOf(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === 'string') return body;
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
