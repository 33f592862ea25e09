import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adoptBootstrapToken, newSecret } from '#libs/platform';
import { startApi, type TestApi } from './setup.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
const who = (headers: Record<string, string>) => api.app.inject({ url: '/v1/session', headers });

describe('tokens', () => {
  const createToken = (secret: string, payload: object) =>
    api.app.inject({ method: 'POST', url: '/v1/tokens', headers: bearer(secret), payload });
  const revoke = (secret: string, id: string) =>
    api.app.inject({ method: 'DELETE', url: `/v1/tokens/${id}`, headers: bearer(secret) });

  test('an admin makes a token whose secret is shown once and works at once', async () => {
    const admin = await api.token('admin');
    const created = await createToken(admin, { name: 'HR of Norway', role: 'feed' });
    expect(created.statusCode).toBe(201);
    const { token, ...shown } = created.json<{ token: string; id: string }>();
    expect(token).toMatch(/^bsc_[\w-]{43}$/);
    const list = await api.app.inject({ url: '/v1/tokens', headers: bearer(admin) });
    expect(list.json()).toContainEqual(shown);
    expect(list.body).not.toContain(token);
    expect((await who(bearer(token))).json()).toEqual({ name: 'HR of Norway', role: 'feed' });
  });

  test('a feed’s token that is bound to a source touches no other', async () => {
    const admin = await api.token('admin');
    const created = await createToken(admin, { name: 'HR of France', role: 'feed', source: 'france' });
    expect(created.json()).toMatchObject({ source: 'france' });
    const { token } = created.json<{ token: string }>();
    const ask = (method: 'GET' | 'POST', source: string) => {
      const last = method === 'GET' ? '/00000000-0000-4000-8000-000000000000' : '?mode=neither';
      const headers = { ...bearer(token), 'content-type': 'text/csv' };
      return api.app.inject({ method, url: `/v1/feeds/${source}/deliveries${last}`, headers });
    };
    expect((await ask('GET', 'france')).statusCode).toBe(404);
    expect((await ask('POST', 'fr%61nce')).json()).toMatchObject({ status: 400, errors: [{ field: 'mode' }] });
    for (const source of ['norway', 'France', 'fran%63e2']) {
      for (const method of ['GET', 'POST'] as const) {
        const refused = await ask(method, source);
        expect(refused.json()).toMatchObject({ status: 403, type: 'urn:bascule:problem:not-allowed' });
      }
    }
  });

  test('only a feed’s token is bound to a source, and only to one with a source’s name', async () => {
    const admin = await api.token('admin');
    for (const wrong of [
      { role: 'viewer', source: 'hr' },
      { role: 'feed', source: '../hr' },
    ]) {
      const refused = await createToken(admin, { name: 'bound', ...wrong });
      expect(refused.json()).toMatchObject({ status: 400, errors: [{ field: 'source' }] });
    }
  });

  test('a revoked token is refused from then on', async () => {
    const admin = await api.token('admin');
    const { token, id } = (await createToken(admin, { name: 'short-lived', role: 'viewer' })).json<{
      token: string;
      id: string;
    }>();
    expect((await who(bearer(token))).statusCode).toBe(200);
    expect((await revoke(admin, id)).statusCode).toBe(204);
    expect((await who(bearer(token))).statusCode).toBe(401);
    expect((await createToken(admin, { name: 'short-lived', role: 'viewer' })).statusCode).toBe(201);
  });

  test('two living tokens cannot share a name, which the audit trail shows', async () => {
    const admin = await api.token('admin');
    await createToken(admin, { name: 'twin', role: 'viewer' });
    const second = await createToken(admin, { name: 'twin', role: 'viewer' });
    expect(second.statusCode).toBe(409);
    expect(second.json()).toMatchObject({ type: 'urn:bascule:problem:conflict' });
  });

  test('the last admin token cannot be revoked', async () => {
    const lonely = await startApi();
    const admin = await lonely.token('admin');
    const list = await lonely.app.inject({ url: '/v1/tokens', headers: bearer(admin) });
    const id = list.json<{ id: string }[]>()[0]?.id ?? '';
    const refusal = await lonely.app.inject({ method: 'DELETE', url: `/v1/tokens/${id}`, headers: bearer(admin) });
    expect(refusal.statusCode).toBe(409);
    await lonely.stop();
  });

  test('every wrong field is named', async () => {
    const admin = await api.token('admin');
    const response = await createToken(admin, { name: '', role: 'god', extra: 1 });
    expect(response.statusCode).toBe(400);
    expect(response.headers['content-type']).toContain('application/problem+json');
    const { type, errors } = response.json<{ type: string; errors: { field: string }[] }>();
    expect(type).toBe('urn:bascule:problem:invalid-field');
    expect(errors.map(({ field }) => field)).toEqual(expect.arrayContaining(['name', 'role']));
    const badId = await revoke(admin, 'not-an-id');
    expect(badId.json()).toMatchObject({ status: 400, errors: [{ field: 'id' }] });
  });

  test('the bootstrap token is taken by an empty ledger only', async () => {
    const empty = await startApi();
    const { db } = empty.foundation.ledger;
    const [first, second] = [newSecret(), newSecret()];
    const taken = await Promise.all([adoptBootstrapToken(db, first), adoptBootstrapToken(db, second)]);
    expect(taken.toSorted()).toEqual([false, true]);
    const statuses = await Promise.all(
      [first, second].map(async (secret) => {
        const answer = await empty.app.inject({ url: '/v1/tokens', headers: bearer(secret) });
        return answer.statusCode;
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([200, 401]));
    await empty.stop();
  });
});

describe('roles', () => {
  test.each([
    ['viewer', '/metrics', 200],
    ['operator', '/metrics', 200],
    ['admin', '/metrics', 200],
    ['feed', '/metrics', 403],
    ['viewer', '/v1/tokens', 403],
    ['operator', '/v1/tokens', 403],
    ['feed', '/v1/tokens', 403],
    ['feed', '/v1/session', 200],
  ] as const)('a token of role %s asking for %s gets %i', async (role, url, status) => {
    const response = await api.app.inject({ url, headers: bearer(await api.token(role)) });
    expect(response.statusCode).toBe(status);
  });

  test('an unknown, a malformed and a missing token are all answered 401 with a challenge', async () => {
    for (const authorization of [`Bearer ${newSecret()}`, 'Basic YTpi', 'Bearer a b', undefined]) {
      const response = await who(authorization === undefined ? {} : { authorization });
      expect(response.statusCode).toBe(401);
      expect(response.headers['www-authenticate']).toBe('Bearer');
      expect(response.json()).toMatchObject({ type: 'urn:bascule:problem:not-signed-in', status: 401 });
    }
  });

  test('a token in the address is not taken', async () => {
    const admin = await api.token('admin');
    for (const name of ['token', 'access_token']) {
      const response = await api.app.inject({ url: `/v1/session?${name}=${admin}` });
      expect(response.statusCode).toBe(401);
    }
  });
});

describe('sessions', () => {
  async function signIn(headers: Record<string, string> = {}) {
    const token = await api.token('admin');
    const response = await api.app.inject({
      method: 'POST',
      url: '/v1/session',
      headers: { ...bearer(token), host: 'bascule.example', ...headers },
    });
    const setCookie = String(response.headers['set-cookie']);
    return { token, response, setCookie, cookie: setCookie.split(';')[0] ?? '' };
  }

  const write = (headers: Record<string, string>) =>
    api.app.inject({
      method: 'POST',
      url: '/v1/tokens',
      headers: { host: 'bascule.example', ...headers },
      payload: { name: `by cookie ${newSecret()}`, role: 'viewer' },
    });

  test('a token is exchanged for a cookie that scripts and other sites cannot use', async () => {
    const { response, setCookie, token } = await signIn({ origin: 'https://bascule.example' });
    expect(response.json()).toMatchObject({ role: 'admin' });
    for (const word of ['HttpOnly', 'SameSite=Strict', 'Secure', 'Path=/']) expect(setCookie).toContain(word);
    expect(setCookie).not.toContain(token);
  });

  test('over plain HTTP on this machine the cookie is not marked Secure, or it would be lost', async () => {
    expect((await signIn({ origin: 'http://bascule.example' })).setCookie).not.toContain('Secure');
  });

  test('the cookie reads, and writes only from a page of this server', async () => {
    const { cookie } = await signIn();
    expect((await who({ cookie })).statusCode).toBe(200);
    expect((await write({ cookie, origin: 'https://bascule.example' })).statusCode).toBe(201);
    for (const origin of ['https://evil.example', 'https://bascule.example.evil.example', 'null']) {
      const refused = await write({ cookie, origin });
      expect(refused.json()).toMatchObject({ status: 403, type: 'urn:bascule:problem:foreign-origin' });
    }
    expect((await write({ cookie })).statusCode).toBe(403);
  });

  test('a session cannot be opened from another site, nor with a cookie', async () => {
    expect((await signIn({ origin: 'https://evil.example' })).response.statusCode).toBe(403);
    const { cookie } = await signIn();
    const headers = { cookie, host: 'bascule.example', origin: 'https://bascule.example' };
    expect((await api.app.inject({ method: 'POST', url: '/v1/session', headers })).statusCode).toBe(401);
  });

  test('an ended session is refused even if the browser keeps its cookie', async () => {
    const { cookie } = await signIn();
    const headers = { cookie, host: 'bascule.example', origin: 'https://bascule.example' };
    const ended = await api.app.inject({ method: 'DELETE', url: '/v1/session', headers });
    expect(ended.statusCode).toBe(204);
    expect(String(ended.headers['set-cookie'])).toContain('bascule_session=;');
    expect((await who({ cookie })).statusCode).toBe(401);
  });

  test('a session ends with its token', async () => {
    const { cookie, token } = await signIn();
    await api.token('admin');
    const tokens = await api.app.inject({ url: '/v1/tokens', headers: bearer(token) });
    const { name } = (await who(bearer(token))).json<{ name: string }>();
    const id = tokens.json<{ id: string; name: string }[]>().find((one) => one.name === name)?.id ?? '';
    await api.app.inject({ method: 'DELETE', url: `/v1/tokens/${id}`, headers: bearer(token) });
    expect((await who({ cookie })).statusCode).toBe(401);
  });
});
