import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectError, newUser, ScimClient } from './client.js';

let client: ScimClient;
beforeAll(async () => {
  client = await ScimClient.start('people', { BASCULE_SCIM_REQUESTS_PER_SECOND: '1' });
});
afterAll(() => client.stop());

test('RFC 6585, 4: a token that sends too many requests is told to wait, and for how long; another token is not', async () => {
  const answers = await Promise.all(Array.from({ length: 40 }, () => client.send('POST', '/Users', newUser())));
  const refused = answers.filter(({ status }) => status !== 201);
  expect(answers.length - refused.length).toBeGreaterThanOrEqual(10);
  expect(refused.length).toBeGreaterThan(0);
  for (const answer of refused) {
    expectError(answer, 429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(Number(answer.headers.get('retry-after'))).toBeLessThanOrEqual(10);
  }
  // However the address is written.
  expect((await client.send('GET', '/../../%73cim/v2/Users')).status).toBe(429);
  const other = await client.other('others');
  expect((await other.get('/Users')).status).toBe(200);
  expect((await fetch(`${client.address}/healthz`)).status).toBe(200);
});
