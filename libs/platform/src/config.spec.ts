import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ConfigError, environmentVariables, loadConfig } from './config.js';

const folder = mkdtempSync(join(tmpdir(), 'bascule-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const complete = { BASCULE_DATABASE_URL: 'postgres://127.0.0.1/bascule', BASCULE_REDIS_URL: 'redis://127.0.0.1' };

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

function keyFile(content: unknown): string {
  const file = join(folder, `${Math.random()}.json`);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = {
  type: 'service_account',
  client_email: 'mover@project.iam.gserviceaccount.com',
  private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
};

test('two URLs are enough, the rest has defaults', () => {
  const config = loadConfig(complete);
  expect(config).toMatchObject({ host: '127.0.0.1', port: 8080, redisPrefix: 'bascule', logLevel: 'info' });
  expect(config.google).toEqual({
    apiRoot: undefined,
    credentialsFile: undefined,
    admins: [],
    customer: 'my_customer',
    canary: undefined,
  });
  expect(Object.isFrozen(config)).toBe(true);
  expect(readFileSync(join(config.projectFolder, 'package.json'), 'utf8')).toContain('"bascule"');
});

test('every wrong variable gets one line that names it, and no line repeats a value', () => {
  const wrong = {
    BASCULE_DATABASE_URL: 'mysql://root:hunter2@db',
    BASCULE_REDIS_URL: 'http://hunter2',
    BASCULE_REDIS_PREFIX: 'hunter2 {}',
    BASCULE_PORT: 'hunter2',
    BASCULE_GOOGLE_API_ROOT: 'http://hunter2.example',
    BASCULE_GOOGLE_CREDENTIALS: '/nowhere/hunter2.json',
    BASCULE_GOOGLE_ADMINS: 'hunter2',
    BASCULE_GOOGLE_CANARY: 'hunter2',
    BASCULE_QUOTAS: '/nowhere/hunter2.yaml',
    BASCULE_FEED_FOLDER: '/nowhere/hunter2',
    BASCULE_FEED_LOOK_SECONDS: 'hunter2',
    BASCULE_SFTP_KEYS: '/nowhere/hunter2',
    BASCULE_BOOTSTRAP_TOKEN: 'hunter2',
    BASCULE_LOG_LEVEL: 'hunter2',
  };
  const problems = problemsOf(wrong);
  expect(problems).toHaveLength(Object.keys(wrong).length);
  expect(new Set(problems.map((line) => line.split(' ')[0]))).toEqual(new Set(Object.keys(wrong)));
  for (const line of problems) {
    expect(line).not.toContain('hunter2');
    expect(line).not.toContain('\n');
  }
});

test('a missing or empty URL is named as not set', () => {
  expect(problemsOf({ ...complete, BASCULE_DATABASE_URL: '' })).toEqual(['BASCULE_DATABASE_URL is not set']);
});

test.each(['http://127.0.0.1:9000', 'http://localhost:9000/', 'https://workspace.example'])(
  'the API root %s is taken',
  (BASCULE_GOOGLE_API_ROOT) => {
    expect(problemsOf({ ...complete, BASCULE_GOOGLE_API_ROOT })).toEqual([]);
  },
);

test.each(['https://workspace.example/path', 'http://10.0.0.1', 'workspace.example'])(
  'the API root %s is refused: paths are dropped by the client library, and tokens do not travel unencrypted',
  (BASCULE_GOOGLE_API_ROOT) => {
    expect(problemsOf({ ...complete, BASCULE_GOOGLE_API_ROOT })).toHaveLength(1);
  },
);

test('a service account’s key is checked at start, and needs an admin to impersonate', () => {
  const withKey = { ...complete, BASCULE_GOOGLE_CREDENTIALS: keyFile(key) };
  expect(problemsOf(withKey)).toEqual(['BASCULE_GOOGLE_ADMINS is not set: name at least one admin to impersonate']);
  const config = loadConfig({ ...withKey, BASCULE_GOOGLE_ADMINS: 'a@example.com, b@example.com' });
  expect(config.google.admins).toEqual(['a@example.com', 'b@example.com']);
});

test.each([
  ['not JSON', '{'],
  ['of a person', { ...key, type: 'authorized_user' }],
  ['without its key', { ...key, private_key: '-----BEGIN PRIVATE KEY-----' }],
])('a key file that is %s is refused', (_name, content) => {
  const environment = {
    ...complete,
    BASCULE_GOOGLE_ADMINS: 'a@example.com',
    BASCULE_GOOGLE_CREDENTIALS: keyFile(content),
  };
  expect(problemsOf(environment)).toEqual([
    'BASCULE_GOOGLE_CREDENTIALS names a file that is not the JSON key of a Google service account',
  ]);
});

test('the operations page has a row for each variable, with its default', () => {
  const page = readFileSync(join(loadConfig(complete).projectFolder, 'docs', 'operations.md'), 'utf8');
  const rows = environmentVariables().map(({ name, description, isRequired, default: value }) => {
    const fallback = value === undefined ? (isRequired ? 'required' : '') : `\`${value}\``;
    return `${name} | ${fallback} | ${description}`;
  });
  const documented = page
    .split('\n')
    .filter((line) => line.startsWith('| `BASCULE_'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, name = '', fallback, ...words]) => `${name.replaceAll('`', '')} | ${fallback} | ${words[0]}`);
  expect(documented).toEqual(rows);
});
