import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GoogleCallError, LeaseTooShortError, type Workspace } from '#libs/google';
import {
  admins,
  employee,
  freePermits,
  refusal,
  startScriptedGoogle,
  workspaceOf,
  type Answer,
  type ScriptedGoogle,
} from './scripted-google.js';

let google: ScriptedGoogle;
const opened: Workspace[] = [];

beforeEach(async () => {
  google = await startScriptedGoogle();
});
afterEach(async () => {
  google.onCall = () => ({ body: {} });
  await google.stop();
  await Promise.allSettled(opened.splice(0).map((one) => one.close()));
});

function open(more: Parameters<typeof workspaceOf>[1] = {}): Workspace {
  const workspace = workspaceOf(google, more);
  opened.push(workspace);
  return workspace;
}

async function refusalOf(call: Promise<unknown>): Promise<GoogleCallError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof GoogleCallError) return error;
  throw new Error('no refusal', { cause: error });
}

const account = { id: '1', primaryEmail: employee };
const writes: readonly [name: string, call: (workspace: Workspace) => Promise<unknown>][] = [
  ['POST', ({ directory }) => directory.insertUser({}, { primaryEmail: employee })],
  ['PUT', ({ directory }) => directory.updateUser({}, employee, { suspended: true })],
  ['PATCH', ({ gmail }) => gmail.patchSendAs({}, employee, { signature: 'secret' })],
];
const reads: readonly [name: string, call: (workspace: Workspace) => Promise<unknown>][] = [
  ['GET as an admin', ({ directory }) => directory.getUser({}, employee)],
  ['GET as the employee', ({ gmail }) => gmail.getImap({}, employee)],
];

describe('one call', () => {
  it.each([...reads, ...writes])('by %s is one request, whatever Google answers', async (_name, call) => {
    const workspace = open();
    for (const status of [408, 429, 500, 502, 503, 504]) {
      google.calls.length = 0;
      google.onCall = () => ({ status, body: 'trouble' });
      await refusalOf(call(workspace));
      expect(google.calls).toHaveLength(1);
    }
  });

  it.each([...reads, ...writes])('by %s is one request when the reply is lost', async (_name, call) => {
    google.onCall = () => ({ cut: true });
    await refusalOf(call(open()));
    expect(google.calls).toHaveLength(1);
  });

  it.each([...reads, ...writes])('by %s names its quota user by an opaque key of the subject', async (_name, call) => {
    google.onCall = () => ({ body: account });
    await call(open());
    const [seen] = google.calls;
    expect(seen?.query.get('quotaUser')).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  it('takes a permit for itself and one for its token, and no more', async () => {
    const { permits, asked } = freePermits();
    const workspace = open({ permits });
    await workspace.gmail.getImap({ migrationId: 'm' }, employee);
    await workspace.gmail.getPop({ migrationId: 'm' }, employee);
    expect(asked.map(({ method }) => method)).toEqual([
      'token.mint',
      'gmail.settings.getImap',
      'gmail.settings.getPop',
    ]);
    expect(asked.every(({ migrationId }) => migrationId === 'm')).toBe(true);
    expect(JSON.stringify(asked)).not.toContain('@');
  });

  it('names the domain on which it creates', async () => {
    const { permits, asked } = freePermits();
    google.onCall = () => ({ body: account });
    await open({ permits }).directory.insertUser({}, { primaryEmail: 'x@shops.corp.example' });
    expect(asked.find(({ method }) => method === 'directory.users.insert')?.domain).toBe('shops.corp.example');
  });

  it('goes out as the admin subject that the permit names, or as the one that is asked for', async () => {
    const { directory } = open();
    await directory.listDomains({});
    await directory.listDomains({ admin: admins[0] });
    expect(google.mints.map(({ sub }) => sub)).toEqual([admins[1], admins[0]]);
  });

  it('asks in an employee’s token only for the scopes that it is told', async () => {
    const workspace = open();
    await workspace.gmail.getImap({ employeeScopes: ['https://scope.example/one'] }, employee);
    await workspace.gmail.getImap({}, employee);
    expect(google.mints.map(({ scope }) => scope.split(' ').length)).toEqual([1, 4]);
    expect(google.mints[0]?.scope).toBe('https://scope.example/one');
  });

  it('waits for a new permit when its own is void by the time that its token is there', async () => {
    const { permits, asked } = freePermits();
    let first = true;
    const acquire: typeof permits.acquire = async (request) => {
      const permit = await permits.acquire(request);
      if (request.method === 'token.mint' || !first) return permit;
      first = false;
      return { ...permit, expiresAt: performance.now() - 1 };
    };
    await open({ permits: { ...permits, acquire } }).directory.listDomains({});
    expect(asked.filter(({ method }) => method === 'directory.domains.list')).toHaveLength(2);
    expect(google.calls).toHaveLength(1);
  });

  it('is not sent when the lease would not outlive its time-out', async () => {
    const workspace = open({ callTimeoutMs: 1_000 });
    const leaseUntil = performance.now() + 900;
    await expect(workspace.directory.listDomains({ leaseUntil })).rejects.toBeInstanceOf(LeaseTooShortError);
    expect(google.calls).toHaveLength(0);
    await expect(workspace.directory.listDomains({ leaseUntil: performance.now() + 60_000 })).resolves.toEqual([]);
  });

  it('ends waiting for its permit when it is given up', async () => {
    const signal = AbortSignal.abort(new Error('given up'));
    await expect(open().directory.listDomains({ signal })).rejects.toThrow('given up');
    expect(google.calls).toHaveLength(0);
  });

  it('is told with its status and time, token and all', async () => {
    const told: { method: string; status: number | undefined }[] = [];
    const workspace = open({ onCall: ({ method, status }) => told.push({ method, status }) });
    await workspace.directory.listDomains({});
    google.onCall = () => refusal(404, 'notFound');
    await workspace.directory.getUser({}, employee);
    google.onCall = () => ({ cut: true });
    await refusalOf(workspace.directory.getUser({}, employee));
    expect(told).toEqual([
      { method: 'token.mint', status: 200 },
      { method: 'directory.domains.list', status: 200 },
      { method: 'directory.users.get', status: 404 },
      { method: 'directory.users.get', status: undefined },
    ]);
  });
});

describe('a call without a reply', () => {
  it.each(writes)('leaves it open whether a %s had its effect', async (_name, call) => {
    google.onCall = () => ({ cut: true });
    expect(await refusalOf(call(open()))).toMatchObject({ reason: 'reply_lost', effect: 'unknown' });
  });

  it.each(reads)('leaves nothing open after a %s', async (_name, call) => {
    google.onCall = () => ({ cut: true });
    expect(await refusalOf(call(open()))).toMatchObject({ reason: 'reply_lost', effect: 'none' });
  });

  it('ends at its hard time-out, with its effect unknown', async () => {
    google.onCall = () => ({ lateMs: 30_000, body: account });
    const workspace = open({ callTimeoutMs: 300 });
    const refused = await refusalOf(workspace.directory.updateUser({}, employee, {}));
    expect(refused).toMatchObject({ reason: 'reply_lost', effect: 'unknown', status: undefined });
  });

  it('had no effect when nobody listens', async () => {
    const workspace = open();
    await workspace.directory.listDomains({});
    await google.stop();
    // The first may still take a connection that was open.
    await expect
      .poll(() => refusalOf(workspace.directory.updateUser({}, employee, {})), { timeout: 10_000 })
      .toMatchObject({ reason: 'google_unavailable', effect: 'none' });
    google = await startScriptedGoogle();
  });

  it('may have had its effect although the answer was a server error or a conflict', async () => {
    const workspace = open();
    for (const [answer, effect] of [
      [refusal(503, 'backendError'), 'unknown'],
      [refusal(409, 'duplicate'), 'unknown'],
      [refusal(400, 'invalid'), 'none'],
      [refusal(429, 'rateLimitExceeded'), 'none'],
    ] as const) {
      google.onCall = () => answer;
      expect(await refusalOf(workspace.directory.updateUser({}, employee, {}))).toMatchObject({ effect });
    }
  });
});

describe('a token that is refused', () => {
  it('is minted anew once, and the call goes out again', async () => {
    const bad = new Set<string>();
    google.onCall = ({ token }) => {
      if (bad.size === 0) bad.add(token);
      return bad.has(token) ? refusal(401, 'authError', 'Invalid Credentials') : { body: { enabled: true } };
    };
    await expect(open().gmail.getImap({}, employee)).resolves.toEqual({ enabled: true });
    expect(google.mints).toHaveLength(2);
    expect(google.calls).toHaveLength(2);
  });

  it('is a refusal when the new one is refused too', async () => {
    google.onCall = () => refusal(401, 'authError', 'Invalid Credentials');
    expect(await refusalOf(open().gmail.getImap({}, employee))).toMatchObject({ reason: 'token_expired', status: 401 });
    expect(google.calls).toHaveLength(2);
  });
});

describe('another server at the root', () => {
  const html = '<html><body>Welcome to nginx</body></html>';
  const answers: readonly [name: string, answer: Answer][] = [
    ['a page where JSON was promised', { status: 200, body: html }],
    ['no such page', { status: 404, body: html }],
    ['a redirect', { status: 302, headers: { location: 'https://elsewhere.example/' }, body: html }],
    ['a method that it does not know', { status: 405, body: 'Method Not Allowed' }],
  ];

  it.each(answers)('is named as such by %s', async (_name, answer) => {
    google.onCall = () => answer;
    const workspace = open();
    expect(await refusalOf(workspace.directory.listUsers({}, {}))).toMatchObject({ reason: 'wrong_endpoint' });
    expect(await refusalOf(workspace.gmail.getImap({}, employee))).toMatchObject({ reason: 'wrong_endpoint' });
    expect(google.calls).toHaveLength(2);
  });

  it.each(answers)('is named as such by %s at the token endpoint', async (_name, answer) => {
    google.onMint = () => answer;
    expect(await refusalOf(open().directory.listUsers({}, {}))).toMatchObject({
      reason: 'wrong_endpoint',
      method: 'token.mint',
    });
    expect(google.calls).toHaveLength(0);
  });

  it('is named as such by an account without id', async () => {
    google.onCall = () => ({ body: { hello: 'world' } });
    expect(await refusalOf(open().directory.getUser({}, employee))).toMatchObject({ reason: 'wrong_endpoint' });
  });
});

describe('a refusal', () => {
  it('holds no address, no URL, no body and no token, whatever Google says', async () => {
    const workspace = open();
    const secrets = [employee, 'corp.example', 'ya29.', 'http', '127.0.0.1', 'secret', 'Muster'];
    for (const status of [302, 400, 401, 403, 404, 409, 412, 418, 429, 500, 503]) {
      for (const body of [
        `secret text of ${employee}`,
        refusal(status, employee, `secret about ${employee} at http://127.0.0.1`).body,
        { error: `secret_${employee}`, error_description: employee },
      ]) {
        google.onCall = () => ({ status, body, headers: { 'x-secret': employee } });
        for (const [, call] of [...reads, ...writes]) {
          const error = await call(workspace).catch((reason: unknown) => reason);
          if (!(error instanceof Error)) continue;
          const shown = [
            error.message,
            error.stack,
            String(error.cause),
            JSON.stringify(error),
            ...Object.values(error),
          ].join('\n');
          // Source files are no secrets, though one of them may lie in a folder of such a name.
          const told = shown.replaceAll(/file:\/\/\S+|\/\S+\.ts\S*/g, '');
          expect(secrets.filter((secret) => told.includes(secret))).toEqual([]);
        }
      }
    }
  });

  it('for a quota is reported with what Google says of it', async () => {
    const { permits, reported } = freePermits();
    const workspace = open({ permits });
    google.onCall = () => ({
      status: 403,
      headers: { 'retry-after': '7' },
      body: {
        error: {
          code: 403,
          message: 'Quota exceeded',
          errors: [{ reason: 'rateLimitExceeded' }],
          details: [
            {
              reason: 'RATE_LIMIT_EXCEEDED',
              metadata: { quota_limit: 'defaultPerMinutePerUser', quota_limit_value: '15000' },
            },
          ],
        },
      },
    });
    const refused = await refusalOf(workspace.gmail.getImap({}, employee));
    expect(refused).toMatchObject({ reason: 'quota_refused', retryAfterMs: 7_000, effect: 'none' });
    expect(reported).toEqual([
      {
        method: 'gmail.settings.getImap',
        hint: { quotaLimit: 'defaultPerMinutePerUser', limitValue: 15_000, retryAfterMs: 7_000 },
      },
    ]);
  });

  it('carries the time that Google names to try again: seconds, a date, or in Gmail’s text', async () => {
    const workspace = open();
    const at = (ms: number) => new Date(Date.now() + ms);
    const wait = async (answer: Answer) => {
      google.onCall = () => answer;
      return (await refusalOf(workspace.gmail.getImap({}, employee))).retryAfterMs;
    };
    const busy = refusal(429, 'rateLimitExceeded');
    expect(await wait({ ...busy, headers: { 'retry-after': '30' } })).toBe(30_000);
    const date = await wait({ ...busy, headers: { 'retry-after': at(60_000).toUTCString() } });
    expect(date).toBeGreaterThan(50_000);
    expect(date).toBeLessThanOrEqual(60_000);
    const text = `User-rate limit exceeded.  Retry after ${at(90_000).toISOString()}`;
    expect(await wait(refusal(429, 'rateLimitExceeded', text))).toBeGreaterThan(80_000);
    expect(await wait({ ...busy, headers: { 'retry-after': '999999999' } })).toBe(3_600_000);
    expect(await wait({ ...busy, headers: { 'retry-after': 'soon' } })).toBeUndefined();
    expect(await wait(busy)).toBeUndefined();
  });
});

describe('whom a refusal concerns', () => {
  const canary = 'canary@corp.example';
  const denied: Answer = {
    status: 403,
    body: { error: 'access_denied', error_description: 'Requested client not authorized.' },
  };

  it('is the new account alone when the canary still gets a token', async () => {
    google.onMint = ({ sub }) => (sub === employee ? denied : undefined);
    const refused = await refusalOf(open({ canary }).gmail.getImap({}, employee));
    expect(refused).toMatchObject({ reason: 'token_not_ready', googleReason: 'access_denied' });
  });

  it('is everyone when the canary gets none either, which is asked once for all', async () => {
    google.onMint = ({ sub }) => (sub.startsWith('admin') ? undefined : denied);
    const { gmail } = open({ canary });
    const people = Array.from({ length: 20 }, (_, index) => `new${index}@corp.example`);
    const refused = await Promise.all(people.map((address) => refusalOf(gmail.getImap({}, address))));
    expect(new Set(refused.map(({ reason }) => reason))).toEqual(new Set(['scope_not_delegated']));
    expect(google.mints.filter(({ sub }) => sub === canary)).toHaveLength(1);
  });

  it('is the new account when no canary is known: better one waits in vain than all stop', async () => {
    google.onMint = () => denied;
    expect(await refusalOf(open().gmail.getImap({}, employee))).toMatchObject({ reason: 'token_not_ready' });
  });

  it('is everyone when an admin gets no token', async () => {
    google.onMint = () => denied;
    expect(await refusalOf(open({ canary }).directory.listDomains({}))).toMatchObject({
      reason: 'scope_not_delegated',
    });
    google.onMint = () => ({
      status: 400,
      body: { error: 'invalid_grant', error_description: 'Invalid email or User ID' },
    });
    expect(await refusalOf(open().directory.listDomains({}))).toMatchObject({ reason: 'admin_privilege_missing' });
  });

  it('is one account when Gmail forbids it and answers the canary, everyone when it does not', async () => {
    const primary = new Set<string>();
    google.onMint = ({ sub }) => ({ body: { access_token: sub, expires_in: 3_600 } });
    google.onCall = ({ token }) => (primary.has(token) ? refusal(403, 'domainPolicy') : { body: {} });
    primary.add(employee);
    expect(await refusalOf(open({ canary }).gmail.getImap({}, employee))).toMatchObject({
      reason: 'forbidden_for_account',
    });
    primary.add(canary);
    expect(await refusalOf(open({ canary }).gmail.getImap({}, employee))).toMatchObject({
      reason: 'google_domain_closed',
    });
  });

  it('learns a canary at run time', async () => {
    google.onMint = ({ sub }) => (sub === employee || sub === canary ? denied : undefined);
    const workspace = open();
    expect(await refusalOf(workspace.gmail.getImap({}, employee))).toMatchObject({ reason: 'token_not_ready' });
    workspace.setCanary(canary);
    expect(await refusalOf(workspace.gmail.getImap({}, employee))).toMatchObject({ reason: 'scope_not_delegated' });
  });

  it('is one account when the same call just worked for others, everyone when it keeps being refused', async () => {
    google.onCall = () => ({ body: account });
    const { directory } = open();
    await directory.getUser({}, employee);
    google.onCall = () => refusal(403, 'forbidden', 'Not Authorized to access this resource/api');
    const reasons: string[] = [];
    for (let call = 0; call < 8; call += 1) reasons.push((await refusalOf(directory.getUser({}, employee))).reason);
    expect(reasons[0]).toBe('forbidden_for_account');
    expect(reasons.at(-1)).toBe('admin_privilege_missing');
  });
});
