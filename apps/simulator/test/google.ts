import { createPrivateKey, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { profileSchema } from '../src/profile.js';
import { startServer } from '../src/server.js';

export const domain = 'bascule-retail.example';
export const admin = `admin@${domain}`;
export const sku = { productId: 'Google-Apps', skuId: '1010020026' };
export const skuPath = `/apps/licensing/v1/product/${sku.productId}/sku/${sku.skuId}`;
export const directory = '/admin/directory/v1';

const scope = (name: string) => `https://www.googleapis.com/auth/${name}`;
export const adminScopes = [
  'admin.directory.user',
  'admin.directory.orgunit',
  'admin.directory.group',
  'admin.directory.group.member',
  'admin.directory.domain.readonly',
  'admin.directory.customer.readonly',
  'apps.licensing',
  'apps.groups.settings',
  'cloud-identity.userinvitations.readonly',
].map(scope);
export const employeeScopes = [
  'gmail.settings.basic',
  'calendar.calendars',
  'calendar.calendarlist',
  'calendar.acls',
].map(scope);

const keySchema = z.object({ private_key: z.string(), client_email: z.string(), token_uri: z.string() });
const tokenSchema = z.object({ access_token: z.string() });

export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  /** The body as an object; empty when it is none. */
  readonly json: Record<string, unknown>;
  /** `errors[0].reason`. */
  readonly reason: string;
}

const objectSchema = z.record(z.string(), z.unknown());
const errorSchema = z.object({ error: z.object({ errors: z.array(z.object({ reason: z.string() })).min(1) }) });

export type Ask = (method: string, path: string, body?: unknown) => Promise<Reply>;

/** One simulated Google in this process, reached over HTTP. */
export interface TestGoogle {
  readonly apiRoot: string;
  readonly keyFile: string;
  /** Asks as somebody; a reply that is lost rejects. */
  as(subject: string, scopes?: readonly string[]): Promise<Ask>;
  /** Asks for a token; undefined claims leave those out that a good assertion has. */
  mint(subject: string, scopes: readonly string[], changes?: Readonly<Record<string, unknown>>): Promise<Reply>;
  send(method: string, path: string, options?: { token?: string; body?: string; form?: string }): Promise<Reply>;
  faults(change: Readonly<Record<string, unknown>>): Promise<void>;
  plant(...items: readonly Readonly<Record<string, unknown>>[]): Promise<void>;
  stats(): Promise<Record<string, unknown>>;
  rows(what: 'users' | 'groups' | 'calendars' | 'evictions'): Promise<Record<string, unknown>[]>;
  stop(): void;
}

/** Without quotas, delays and faults, but for what `changes` says. */
export async function startGoogle(
  changes: Readonly<Record<string, unknown>> = {},
  options: { timeScale?: number; seed?: number } = {},
): Promise<TestGoogle> {
  const folder = mkdtempSync(join(tmpdir(), 'simulator-'));
  const keyFile = join(folder, 'key.json');
  const server = await startServer({
    profile: profileSchema.parse(profileOf(changes)),
    timeScale: options.timeScale ?? 1,
    seed: options.seed ?? 1,
    keyFile,
    port: 0,
  });
  const { apiRoot } = server;
  const key = keySchema.parse(JSON.parse(readFileSync(keyFile, 'utf8')));
  const privateKey = createPrivateKey(key.private_key);

  const send: TestGoogle['send'] = async (method, path, { token, body, form } = {}) => {
    const sent = form ?? body;
    const response = await fetch(`${apiRoot}${path}`, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(sent !== undefined && {
          'content-type': form === undefined ? 'application/json' : 'application/x-www-form-urlencoded',
        }),
      },
      ...(sent !== undefined && { body: sent }),
    });
    return replyOf(response.status, await response.text(), response.headers);
  };
  const mint: TestGoogle['mint'] = (subject, scopes, claimChanges = {}) => {
    const now = Math.floor(Date.now() / 1_000);
    const claims = {
      iss: key.client_email,
      sub: subject,
      scope: scopes.join(' '),
      aud: key.token_uri,
      iat: now,
      exp: now + 3_600,
      ...claimChanges,
    };
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const unsigned = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`;
    const assertion = `${unsigned}.${sign('RSA-SHA256', Buffer.from(unsigned), privateKey).toString('base64url')}`;
    const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
    return send('POST', '/token', { form: new URLSearchParams({ grant_type: grantType, assertion }).toString() });
  };
  const control = async (path: string, body: string) => {
    const reply = await send('POST', `/_simulator/${path}`, { body });
    if (reply.status !== 200) throw new Error(reply.text);
  };
  return {
    apiRoot,
    keyFile,
    send,
    mint,
    as: async (subject, scopes) => {
      const wanted = scopes ?? (subject.startsWith('admin') ? adminScopes : employeeScopes);
      const token = tokenSchema.parse((await mint(subject, wanted)).json).access_token;
      return (method, path, body) =>
        send(method, path, { token, ...(body !== undefined && { body: JSON.stringify(body) }) });
    },
    faults: (change) => control('faults', JSON.stringify(change)),
    plant: (...items) => control('seed', items.map((item) => JSON.stringify({ kind: 'user', ...item })).join('\n')),
    stats: async () => (await send('GET', '/_simulator/stats')).json,
    rows: async (what) =>
      (await send('GET', `/_simulator/${what}`)).text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => objectSchema.parse(JSON.parse(line))),
    stop: () => {
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function replyOf(status: number, text: string, headers: Headers): Reply {
  const isJson = text !== '' && headers.get('content-type')?.startsWith('application/json') === true;
  const parsed = objectSchema.safeParse(isJson ? JSON.parse(text) : {});
  const json = parsed.success ? parsed.data : {};
  const error = errorSchema.safeParse(json);
  return { status, text, headers, json, reason: error.success ? (error.data.error.errors[0]?.reason ?? '') : '' };
}

const quiet = objectSchema.parse(
  parse(readFileSync(new URL('../../../config/simulator/quiet.yaml', import.meta.url), 'utf8')),
);

function profileOf(changes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const profile = { ...quiet };
  for (const [key, value] of Object.entries(changes)) {
    const present = objectSchema.safeParse(profile[key]);
    const change = objectSchema.safeParse(value);
    profile[key] = present.success && change.success ? { ...present.data, ...change.data } : value;
  }
  return profile;
}

/** A body that users.insert takes. */
export const account = (name: string, more: Readonly<Record<string, unknown>> = {}) => ({
  primaryEmail: `${name}@${domain}`,
  name: { givenName: name, familyName: 'Probe' },
  password: 'f'.repeat(40),
  hashFunction: 'SHA-1',
  ...more,
});
