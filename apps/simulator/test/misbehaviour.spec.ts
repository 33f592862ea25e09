import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  account,
  admin,
  directory,
  domain,
  employeeScopes,
  startGoogle,
  type Ask,
  type Reply,
  type TestGoogle,
} from './google.js';

const running: TestGoogle[] = [];
afterEach(() => {
  for (const google of running.splice(0)) google.stop();
});
async function start(changes: Readonly<Record<string, unknown>> = {}, options = {}) {
  const google = await startGoogle(changes, options);
  running.push(google);
  return { google, ask: await google.as(admin) };
}

const me = `${directory}/users/${admin}`;
const language = '/gmail/v1/users/me/settings/language';
const countsSchema = z.record(
  z.string(),
  z.object({
    accepted: z.number(),
    rejected: z.number(),
    limit: z.number(),
    slots: z.array(z.object({ from: z.number(), accepted: z.number(), rejected: z.number() })),
  }),
);
const countOf = async (google: TestGoogle, quota: string) =>
  countsSchema.parse((await google.stats())['quotas'])[quota];

async function times(count: number, ask: () => Promise<Reply>): Promise<Reply[]> {
  const replies: Reply[] = [];
  for (let n = 0; n < count; n += 1) replies.push(await ask());
  return replies;
}
const passed = (replies: readonly Reply[]) => replies.filter(({ status }) => status < 300).length;

describe('quotas', () => {
  test('a per-minute quota lets its limit through, names itself in the refusal, and is counted in slots', async () => {
    const { google, ask } = await start({ quotas: { directoryPerMinutePerUser: 5 } }, { timeScale: 2 });
    const replies = await times(13, () => ask('GET', me));
    expect(passed(replies)).toBe(10);
    const refused = replies.at(-1);
    expect(refused?.reason).toBe('rateLimitExceeded');
    expect(refused?.text).toContain('"quota_limit":"defaultPerMinutePerUser","quota_limit_value":"10"');
    const count = await countOf(google, 'directoryQueriesPerUser');
    expect(count).toMatchObject({ accepted: 10, rejected: 3, limit: 10 });
    const slots = count?.slots ?? [];
    expect(slots.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(10);
  });

  test('each quotaUser has a quota of its own, unless quotaUser is not honoured: then the service account has one', async () => {
    const { google, ask } = await start({ quotas: { directoryPerMinutePerUser: 3 } });
    const as = (user: string) => times(4, () => ask('GET', `${me}?quotaUser=${user}`));
    expect([passed(await as('one')), passed(await as('two'))]).toEqual([3, 3]);
    await google.faults({ quotaUserHonoured: false });
    expect([passed(await as('three')), passed(await as('four'))]).toEqual([3, 0]);
  });

  test('Gmail counts units: a signature costs a hundred', async () => {
    const { google } = await start({ quotas: { gmailUnitsPerMinutePerUser: 250 } });
    const mail = await google.as(admin, employeeScopes);
    const sign = () => mail('PATCH', `/gmail/v1/users/me/settings/sendAs/${admin}`, { signature: 'x' });
    expect(passed(await times(3, sign))).toBe(2);
    expect(passed(await times(60, () => mail('GET', language)))).toBe(50);
  });

  test('creations are limited by domain and second, and answer 503', async () => {
    const { ask } = await start({ quotas: { creationsPerSecondPerDomain: 4, strict: true } });
    let n = 0;
    const begun = performance.now();
    const replies = await times(12, () => ask('POST', `${directory}/users`, account(`c${(n += 1)}`)));
    const seconds = (performance.now() - begun) / 1_000;
    expect(passed(replies)).toBeGreaterThanOrEqual(4);
    expect(passed(replies)).toBeLessThanOrEqual(4 * (Math.floor(seconds) + 1));
    expect(replies.some(({ status, reason }) => status === 503 && reason === 'backendError')).toBe(true);
  });

  test('too many calls at once are refused, for the Directory as a whole and for each mailbox', async () => {
    const { google, ask } = await start({
      quotas: { directoryInFlight: 3, mailboxInFlight: 2 },
      delays: { latencyMs: [300, 300] },
    });
    const atOnce = async (count: number, one: () => Promise<Reply>) =>
      (await Promise.all(Array.from({ length: count }, one))).map(({ status }) => status).sort((a, b) => a - b);
    expect(await atOnce(5, () => ask('GET', me))).toEqual([200, 200, 200, 429, 429]);
    const mail = await google.as(admin, employeeScopes);
    expect(await atOnce(4, () => mail('GET', language))).toEqual([200, 200, 429, 429]);
    expect(await atOnce(2, () => mail('GET', language))).toEqual([200, 200]);
  });
});

describe('faults', () => {
  const statuses = async (ask: Ask, count: number) =>
    (await times(count, () => ask('GET', me))).map(({ status }) => status);

  test('the same seed gives the same faults', async () => {
    const faults = { unavailable: 2_000, internal: 1_000, htmlBadGateway: 500, tokenExpired: 500, throttled: 500 };
    const first = await statuses((await start({ faults }, { seed: 7 })).ask, 60);
    expect(await statuses((await start({ faults }, { seed: 7 })).ask, 60)).toEqual(first);
    expect(await statuses((await start({ faults }, { seed: 8 })).ask, 60)).not.toEqual(first);
    expect(new Set(first)).toEqual(new Set([200, 401, 429, 500, 502, 503]));
  });

  test('a reply is lost after its effect, or says that it was there already', async () => {
    const { google, ask } = await start();
    await google.faults({ rates: { lostReply: 10_000 } });
    await expect(ask('POST', `${directory}/users`, account('lost'))).rejects.toThrow();
    await google.faults({ rates: { lostReply: 0, lostReply409: 10_000 } });
    expect((await ask('POST', `${directory}/users`, account('twice'))).reason).toBe('duplicate');
    await google.faults({ rates: { lostReply409: 0 } });
    for (const name of ['lost', 'twice']) {
      expect((await ask('GET', `${directory}/users/${name}@${domain}`)).status).toBe(200);
    }
    const cut = z.object({ 'directory.users.insert': z.object({ cut: z.number() }) });
    expect(cut.parse((await google.stats())['methods'])['directory.users.insert'].cut).toBe(1);
  });

  test('an outage takes one API down, or all, and ends', async () => {
    const { google, ask } = await start();
    const mail = await google.as(admin, employeeScopes);
    await google.faults({ outage: ['gmail'] });
    expect([(await ask('GET', me)).status, (await mail('GET', language)).status]).toEqual([200, 503]);
    await google.faults({ outage: true });
    expect((await ask('GET', me)).status).toBe(503);
    await google.faults({ outage: false });
    expect([(await ask('GET', me)).status, (await mail('GET', language)).status]).toEqual([200, 200]);
  });

  test('a storm refuses its share of one API’s calls in several shapes, and passes', async () => {
    const { google, ask } = await start();
    await google.faults({ storm: { share: 0.7, api: 'directory' } });
    const replies = await times(80, () => ask('GET', me));
    const refused = replies.filter(({ status }) => status >= 300);
    expect(refused.length).toBeGreaterThan(30);
    expect(refused.length).toBeLessThan(80);
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([403, 429, 503]));
    expect(refused.some(({ reason }) => reason === '')).toBe(true);
    expect(refused.some(({ text }) => text.includes('RATE_LIMIT_EXCEEDED'))).toBe(true);
    const mail = await google.as(admin, employeeScopes);
    expect(passed(await times(10, () => mail('GET', language)))).toBe(10);
    await google.faults({ storm: null });
    expect(passed(await times(10, () => ask('GET', me)))).toBe(10);
  });

  test('a storm of the profile has its time', async () => {
    const { ask } = await start({ storms: [{ from: 0, seconds: 3, share: 1 }] });
    expect((await ask('GET', me)).status).toBeGreaterThanOrEqual(300);
    await expect.poll(async () => (await ask('GET', me)).status, { timeout: 15_000, interval: 200 }).toBe(200);
  });

  test('the token endpoint fails as well: with an error, with a lost reply, or wholly', async () => {
    const { google } = await start();
    await google.faults({ rates: { tokenUnavailable: 10_000 } });
    expect((await google.mint(admin, employeeScopes)).json['error']).toBe('internal_failure');
    await google.faults({ rates: { tokenUnavailable: 0, tokenLostReply: 10_000 } });
    await expect(google.mint(admin, employeeScopes)).rejects.toThrow();
    await google.faults({ rates: { tokenLostReply: 0 }, outage: ['token'] });
    expect((await google.mint(admin, employeeScopes)).status).toBe(503);
    await google.faults({ outage: false });
    expect((await google.mint(admin, employeeScopes)).status).toBe(200);
  });

  test('a control that does not exist is refused instead of passed over', async () => {
    const { google } = await start();
    await expect(google.faults({ outrage: true })).rejects.toThrow(/outrage/);
  });
});

test('many accounts cost little memory each', async () => {
  const { google, ask } = await start();
  const heap = async () =>
    z
      .object({ memory: z.object({ heapUsed: z.number() }) })
      .parse((await google.send('GET', '/_simulator/stats?collect')).json).memory.heapUsed;
  const plantMany = (from: number, count: number) =>
    google.plant(
      ...Array.from({ length: count }, (_, n) => ({
        primaryEmail: `given.family-name${from + n}@${domain}`,
        givenName: `Given${from + n}`,
        familyName: `Family-Name${from + n}`,
        lists: {
          externalIds: [
            { type: 'organization', value: String(from + n) },
            { type: 'custom', customType: 'mark', value: `01999999-aaaa-7bbb-8ccc-${String(from + n).padStart(12)}` },
          ],
          organizations: [{ primary: true, title: 'Sales assistant', department: `Shop ${n % 900}` }],
          phones: [{ type: 'work', value: `+4930${from + n}` }],
        },
      })),
    );
  await plantMany(0, 2_000);
  const before = await heap();
  await plantMany(2_000, 10_000);
  expect((await heap()) - before).toBeLessThan(10_000 * 4_096);
  expect((await ask('GET', `${directory}/users/given.family-name11000@${domain}`)).status).toBe(200);
});
