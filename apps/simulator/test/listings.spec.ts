import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { account, admin, directory, domain, skuPath, startGoogle, type Ask, type TestGoogle } from './google.js';

let google: TestGoogle;
let ask: Ask;
const users = `${directory}/users?customer=my_customer`;
const count = 25;

beforeAll(async () => {
  google = await startGoogle();
  ask = await google.as(admin);
  await google.plant(
    ...Array.from({ length: count - 3 }, (_, n) => ({ primaryEmail: `u${String(n).padStart(3, '0')}@${domain}` })),
  );
  await ask('POST', `${directory}/groups`, { email: `all@${domain}` });
  for (let n = 0; n < 10; n += 1) {
    await ask('POST', `${directory}/groups/all@${domain}/members`, {
      email: `u${String(n).padStart(3, '0')}@${domain}`,
    });
  }
});
afterAll(() => google.stop());

/** Reads to the end; `between` runs after each page. */
async function readAll(path: string, list: string, between = async () => {}) {
  const items: unknown[] = [];
  let token = '';
  do {
    const reply = await ask('GET', `${path}${token === '' ? '' : `&pageToken=${encodeURIComponent(token)}`}`);
    if (reply.status !== 200) return { items, status: reply.status };
    const page: unknown = reply.json[list] ?? [];
    items.push(...(Array.isArray(page) ? page : []));
    const next = reply.json['nextPageToken'];
    token = typeof next === 'string' ? next : '';
    await between();
  } while (token !== '');
  return { items, status: 200 };
}

test('pages hold everybody once, though accounts come and go meanwhile', async () => {
  let extra = 0;
  const { items } = await readAll(
    `${users}&maxResults=4&fields=nextPageToken,users(primaryEmail)`,
    'users',
    async () => {
      extra += 1;
      await ask('POST', `${directory}/users`, account(`a${extra}`));
      await ask('DELETE', `${directory}/users/a${extra}@${domain}`);
    },
  );
  const addresses = items.map((item) => JSON.stringify(item));
  expect(new Set(addresses).size).toBe(count);
  expect(addresses).toEqual([...addresses].sort());
  expect(extra).toBeGreaterThan(4);
});

test('members, groups, licences and deleted accounts have pages as well', async () => {
  expect((await readAll(`${directory}/groups/all@${domain}/members?maxResults=3`, 'members')).items).toHaveLength(10);
  expect((await readAll(`${directory}/groups?customer=my_customer&maxResults=1`, 'groups')).items).toHaveLength(1);
  expect((await readAll(`${skuPath}/users?customerId=${domain}&maxResults=7`, 'items')).items).toHaveLength(count);
  await google.plant({ primaryEmail: `z1@${domain}`, deleted: true }, { primaryEmail: `z2@${domain}`, deleted: true });
  const deleted = await readAll(`${users}&showDeleted=true&maxResults=1`, 'users');
  expect(deleted.items.length).toBeGreaterThanOrEqual(2);
});

test('a page token is refused with another listing, when it is none, and when it is too old', async () => {
  const first = await ask('GET', `${users}&maxResults=2`);
  const token = encodeURIComponent(String(first.json['nextPageToken']));
  expect((await ask('GET', `${directory}/users?domain=${domain}&pageToken=${token}`)).status).toBe(400);
  expect((await ask('GET', `${users}&pageToken=nonsense`)).status).toBe(400);
  await google.faults({ listings: { 'directory.users.list': { kind: 'tokensExpire' } } });
  expect((await ask('GET', `${users}&maxResults=2&pageToken=${token}`)).status).toBe(400);
  await google.faults({ listings: { 'directory.users.list': null } });
  expect((await ask('GET', `${users}&maxResults=2&pageToken=${token}`)).status).toBe(200);
});

describe('a listing lies on demand', () => {
  const lies: readonly [what: string, lie: object, length: number, status: number][] = [
    ['nobody is there', { kind: 'empty' }, 0, 200],
    ['it ends early', { kind: 'truncated', after: 7 }, 7, 200],
    ['it ends early at a page’s end', { kind: 'truncated', after: 8 }, 8, 200],
    ['a page is refused', { kind: 'pageFails', page: 3 }, 8, 503],
  ];
  test.each(lies)('%s', async (_what, lie, length, status) => {
    await google.faults({ listings: { 'directory.users.list': lie } });
    const seen = await readAll(`${users}&maxResults=4`, 'users');
    expect([seen.items.length, seen.status]).toEqual([length, status]);
    await google.faults({ listings: { 'directory.users.list': null } });
    expect((await readAll(`${users}&maxResults=4`, 'users')).items).toHaveLength(count);
  });

  test('many are missing', async () => {
    await google.faults({ listings: { 'directory.users.list': { kind: 'shrunken', share: 0.5 } } });
    const { items } = await readAll(`${users}&maxResults=4`, 'users');
    expect(items.length).toBeGreaterThan(0);
    expect(items.length).toBeLessThan(count);
    await google.faults({ listings: { 'directory.users.list': null } });
  });

  test('a page is refused only so many times', async () => {
    await google.faults({ listings: { 'directory.users.list': { kind: 'pageFails', page: 1, times: 2 } } });
    const answers = [];
    for (let n = 0; n < 3; n += 1) answers.push((await ask('GET', users)).status);
    expect(answers).toEqual([503, 503, 200]);
    await google.faults({ listings: { 'directory.users.list': null } });
  });
});
