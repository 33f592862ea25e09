import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApi, type TestApi } from './setup.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });

describe('tokens', () => {
  test('an admin makes a token whose secret is shown once and works at once', async () => {
    const admin = await api.token('admin');
    const created = await api.app.inject({
      method: 'POST',
      url: '/v1/tokens',
      headers: bearer(admin),
      payload: { name: 'HR of Norway', role: 'feed' },
    });
    expect(created.statusCode).toBe(201);
    const { token, ...shown } = created.json<{ token: string; id: string }>();
    expect(token).toMatch(/^bsc_[\w-]{43}$/);
    const list = await api.app.inject({ url: '/v1/tokens', headers: bearer(admin) });
    expect(list.json()).toContainEqual(shown);
    expect(list.body).not.toContain(token);
    const who = await api.app.inject({ url: '/v1/session', headers: bearer(token) });
    expect(who.json()).toEqual({ name: 'HR of Norway', role: 'feed' });
  });

  test('a wrong role is named as the field at fault', async () => {
    const response = await api.app.inject({
      method: 'POST',
      url: '/v1/tokens',
      headers: bearer(await api.token('admin')),
      payload: { name: 'x', role: 'god' },
    });
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ errors: [{ field: 'role' }] });
  });
});
