import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { stringify } from 'yaml';
import {
  DailyQuotaError,
  GateClosedError,
  parseQuotas,
  QuotaGovernor,
  type Permit,
  type PermitRequest,
  type QuotaDocument,
} from '#libs/quota';
import { testServices } from '#libs/testing';
import { mostInWindow, refusedByBucket, type Arrival } from './judge.js';

const shipped = stringify({
  buckets: {
    creations: { api: 'directory', scope: 'domain', window: 'second', limit: 60 },
    queries: { api: 'directory', scope: 'adminSubject', window: 'minute', limit: 3_000 },
    units: { api: 'gmail', scope: 'project', window: 'minute', limit: 600_000 },
    unitsPerUser: { api: 'gmail', scope: 'user', window: 'minute', limit: 6_000 },
    threshold: { api: 'gmail', scope: 'project', window: 'day', limit: 10, enforced: false },
    perDay: { api: 'groupsSettings', scope: 'project', window: 'day', limit: 5 },
    slow: { api: 'licensing', scope: 'project', window: 'second', limit: 1 },
  },
  methods: {
    create: { queries: 1, creations: 1 },
    read: { queries: 1 },
    write: { units: 100, unitsPerUser: 100, threshold: 100 },
    daily: { perDay: 1 },
    license: { slow: 1 },
  },
});

let redisUrl: string;

beforeAll(async () => {
  ({ redisUrl } = await testServices());
});

async function forget(redis: Redis, prefix: string): Promise<void> {
  const keys = await redis.keys(`{${prefix}:governor}:*`);
  if (keys.length > 0) await redis.del(...keys);
}

/** Governors as so many processes have them: each with a connection of its own. */
function governors(
  atEnd: TestContext['onTestFinished'],
  count: number,
  override = '',
  more: { onFault?: (fault: unknown) => void } = {},
) {
  const prefix = `test-${randomBytes(6).toString('hex')}`;
  const quotas: QuotaDocument = parseQuotas(shipped, override);
  const redis = new Redis(redisUrl);
  const all = Array.from({ length: count }, () => {
    const connection = new Redis(redisUrl);
    const governor = new QuotaGovernor({ redis: connection, quotas, prefix, ...more });
    atEnd(() => {
      governor.close();
      connection.disconnect();
    });
    return governor;
  });
  atEnd(async () => {
    await forget(redis, prefix);
    redis.disconnect();
  });
  const [first] = all;
  if (first === undefined) throw new Error('no governor');
  return {
    all,
    first,
    redis,
    prefix,
    keys: () => redis.keys(`{${prefix}:governor}:*`),
    flush: () => forget(redis, prefix),
    key: (name: string) => `{${prefix}:governor}:${name}`,
  };
}

/** Everybody asks again and again for so long; a call reaches Google somewhere between its permit and the permit's end. */
async function press(
  all: readonly QuotaGovernor[],
  request: PermitRequest | (() => PermitRequest),
  { forMs, askers, cost = 1 }: { forMs: number; askers: number; cost?: number },
): Promise<(Arrival & { permit: Permit })[]> {
  const arrivals: (Arrival & { permit: Permit })[] = [];
  const end = performance.now() + forMs;
  const stop = AbortSignal.timeout(forMs);
  const ask = async (governor: QuotaGovernor) => {
    while (performance.now() < end) {
      const asked = typeof request === 'function' ? request() : request;
      const permit = await governor.acquire({ ...asked, signal: stop });
      const now = performance.now();
      if (now > permit.expiresAt) continue;
      arrivals.push({ at: now + Math.random() * (permit.expiresAt - now), cost, permit });
    }
  };
  const asking = all.flatMap((governor) => Array.from({ length: askers }, () => ask(governor)));
  const ends = await Promise.allSettled(asking);
  const faults = ends.filter((one) => one.status === 'rejected' && !(one.reason instanceof DOMException));
  if (faults.length > 0) throw new Error('a permit was refused', { cause: faults[0] });
  return arrivals;
}

const refusalOf = (permit: Promise<Permit>) =>
  permit.then(
    () => undefined,
    (error: unknown) => error,
  );

describe.concurrent('the governors of several processes', () => {
  it('stay together within a bucket of one second’s worth, and close to it', async ({ onTestFinished }) => {
    const { all } = governors(onTestFinished, 3);
    const forMs = 5_000;
    const request = { method: 'create', domain: 'example.com', adminSubjects: ['a', 'b', 'c', 'd'] };
    const arrivals = await press(all, request, { forMs, askers: 25 });
    expect(refusedByBucket(arrivals, 60)).toBe(0);
    expect(arrivals.length).toBeGreaterThan(60 * 4 * 0.9);
  });

  it('stay together within the sliding minute: no stretch of it sees more than its even share', async ({
    onTestFinished,
  }) => {
    const { all } = governors(onTestFinished, 4);
    const arrivals = await press(all, { method: 'read', adminSubjects: ['a'] }, { forMs: 5_000, askers: 20 });
    for (const seconds of [1, 2, 4]) {
      // What may come early and late is part of a minute's reserve; a stretch may be longer by that much.
      expect(mostInWindow(arrivals, seconds * 1_000)).toBeLessThanOrEqual(50 * (seconds + 0.45) + 1);
    }
    expect(arrivals.length).toBeGreaterThan(50 * 4 * 0.9);
  });

  it('spend dear and cheap quotas of one call at once', async ({ onTestFinished }) => {
    const { all, first } = governors(onTestFinished, 2);
    let user = 0;
    const arrivals = await press(all, () => ({ method: 'write', userKey: `user-${(user += 1)}` }), {
      forMs: 3_000,
      askers: 30,
      cost: 100,
    });
    expect(mostInWindow(arrivals, 1_000)).toBeLessThanOrEqual(10_000 * 1.45 + 100);
    const usage = await first.usage();
    expect(usage.find(({ quota }) => quota === 'threshold')?.used).toBeGreaterThanOrEqual(arrivals.length * 100);
  });

  it('give one person no more than that person’s quota, and everybody else theirs', async ({ onTestFinished }) => {
    const { all } = governors(onTestFinished, 2);
    const [alone, others] = await Promise.all([
      press(all, { method: 'write', userKey: 'one' }, { forMs: 3_000, askers: 10, cost: 100 }),
      press(all, () => ({ method: 'write', userKey: `u${Math.random()}` }), { forMs: 3_000, askers: 10, cost: 100 }),
    ]);
    expect(mostInWindow(alone, 60_000)).toBeLessThanOrEqual(6_000);
    expect(others.length).toBeGreaterThan(alone.length);
  });

  it('charge everybody’s calls to the service account when the document says so', async ({ onTestFinished }) => {
    const { all } = governors(onTestFinished, 2, 'perUserChargedTo: serviceAccount');
    const arrivals = await press(all, () => ({ method: 'write', userKey: `u${Math.random()}` }), {
      forMs: 3_000,
      askers: 10,
      cost: 100,
    });
    expect(mostInWindow(arrivals, 3_000)).toBeLessThanOrEqual((6_000 / 60) * 3.45 + 100);
  });

  it('keep one call a second apart by a second, though a call may come late', async ({ onTestFinished }) => {
    const { all } = governors(onTestFinished, 2);
    const arrivals = await press(all, { method: 'license' }, { forMs: 4_000, askers: 3 });
    expect(refusedByBucket(arrivals, 1)).toBe(0);
    expect(arrivals.length).toBeGreaterThanOrEqual(2);
  });

  it('spread the load over the admin subjects', async ({ onTestFinished }) => {
    const { all } = governors(onTestFinished, 2);
    const arrivals = await press(all, { method: 'read', adminSubjects: ['a', 'b', 'c'] }, { forMs: 3_000, askers: 40 });
    const counts = Map.groupBy(arrivals, ({ permit }) => permit.adminSubject ?? '');
    expect([...counts.keys()].toSorted()).toEqual(['a', 'b', 'c']);
    const sizes = [...counts.values()].map(({ length }) => length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(Math.max(...sizes) * 0.2);
  });
});

describe.concurrent('a gate', () => {
  const request = { method: 'read', adminSubjects: ['a'], migrationId: 'm' };

  it('that is missing means no, until it is set', async ({ onTestFinished }) => {
    const { first } = governors(onTestFinished, 1);
    await expect(first.acquire(request)).rejects.toMatchObject({ name: 'GateClosedError', missing: true });
    await first.openGate('m');
    await expect(first.acquire(request)).resolves.toMatchObject({ method: 'read', adminSubject: 'a' });
    await expect(first.isGateOpen('m')).resolves.toBe(true);
  });

  it('is closed for all processes by one write, and no permit comes after it', async ({ onTestFinished }) => {
    const { all, first } = governors(onTestFinished, 3);
    await first.openGate('m');
    let closedAt = Infinity;
    let late = 0;
    const ask = async (governor: QuotaGovernor): Promise<unknown> => {
      for (;;) {
        const askedOrRefused = await governor.acquire(request).catch((error: unknown) => error);
        if (askedOrRefused instanceof Error) return askedOrRefused;
        if (performance.now() > closedAt) late += 1;
      }
    };
    const asking = all.flatMap((governor) => Array.from({ length: 30 }, () => ask(governor)));
    await sleep(1_000);
    await first.closeGate('m');
    // Permits whose gate had been read before the write are on their way.
    await sleep(20);
    closedAt = performance.now();
    const ends = await Promise.all(asking);
    expect(late).toBe(0);
    expect(ends.every((end) => end instanceof GateClosedError && !end.missing)).toBe(true);
  });

  it('holds back its own migration only', async ({ onTestFinished }) => {
    const { first } = governors(onTestFinished, 1);
    await first.closeGate('m');
    await first.openGate('other');
    await expect(first.acquire(request)).rejects.toBeInstanceOf(GateClosedError);
    await expect(first.acquire({ ...request, migrationId: 'other' })).resolves.toBeDefined();
    await expect(first.acquire({ method: 'read', adminSubjects: ['a'] })).resolves.toBeDefined();
  });
});

describe.concurrent('a flush of Redis', () => {
  it('leaves buckets empty, not full: nothing is overrun in mid-run', async ({ onTestFinished }) => {
    const { all, flush } = governors(onTestFinished, 3);
    const request = { method: 'create', domain: 'example.com', adminSubjects: ['a', 'b', 'c', 'd'] };
    const pressing = press(all, request, { forMs: 5_000, askers: 25 });
    for (let time = 0; time < 3; time += 1) {
      await sleep(1_200);
      await flush();
    }
    const arrivals = await pressing;
    expect(refusedByBucket(arrivals, 60)).toBe(0);
  });

  it('keeps a paused migration paused', async ({ onTestFinished }) => {
    const { first, flush } = governors(onTestFinished, 1);
    await first.closeGate('m');
    await flush();
    await expect(first.acquire({ method: 'read', adminSubjects: ['a'], migrationId: 'm' })).rejects.toMatchObject({
      missing: true,
    });
  });

  it('loses no learnt limit and no use of the day that the ledger knows', async ({ onTestFinished }) => {
    const { first, flush } = governors(onTestFinished, 1);
    await first.importState(undefined);
    const permit = await first.acquire({ method: 'write', userKey: 'u' });
    for (let call = 0; call < 3; call += 1) await first.acquire({ method: 'daily' });
    await first.reportThrottled(permit, { quotaLimit: 'defaultPerMinutePerProject', limitValue: 300_000 });
    const saved: unknown = JSON.parse(JSON.stringify(await first.exportState()));
    await flush();
    await first.acquire({ method: 'daily' });
    await expect(first.exportState()).resolves.toBeUndefined();
    await expect(first.importState(saved)).resolves.toBe(true);
    await expect(first.importState(saved)).resolves.toBe(false);
    const usage = await first.usage();
    expect(usage.find(({ quota }) => quota === 'units')).toMatchObject({ limit: 300_000, named: 300_000, rejected: 1 });
    expect(usage.find(({ quota }) => quota === 'perDay')?.used).toBe(4);
    await first.acquire({ method: 'daily' });
    await expect(first.acquire({ method: 'daily' })).rejects.toBeInstanceOf(DailyQuotaError);
  });
});

describe.concurrent('a refusal of Google’s', () => {
  it('teaches all processes a lower limit, in amounts of the time scale', async ({ onTestFinished }) => {
    const { all, first } = governors(onTestFinished, 2, 'timeScale: 2');
    const permit = await first.acquire({ method: 'write', userKey: 'u' });
    // 1,200,000 units a minute under this scale; Google names 120,000: 2,000 units a second.
    await first.reportThrottled(permit, { quotaLimit: 'defaultPerMinutePerProject', limitValue: 120_000 });
    const arrivals = await press(all, () => ({ method: 'write', userKey: `u${Math.random()}` }), {
      forMs: 3_000,
      askers: 40,
      cost: 100,
    });
    expect(mostInWindow(arrivals, 1_000)).toBeLessThanOrEqual(2_000 * 1.45 + 100);
    expect(arrivals.length).toBeGreaterThan(30);
    expect((await first.usage()).find(({ quota }) => quota === 'units')).toMatchObject({
      limit: 120_000,
      named: 120_000,
    });
  });

  it('that names a higher limit is told, not used', async ({ onTestFinished }) => {
    const { first } = governors(onTestFinished, 1);
    const permit = await first.acquire({ method: 'write', userKey: 'u' });
    await first.reportThrottled(permit, { quotaLimit: 'defaultPerMinutePerUser', limitValue: 15_000 });
    const usage = await first.usage();
    expect(usage.find(({ quota }) => quota === 'unitsPerUser')).toMatchObject({
      limit: 6_000,
      named: 15_000,
      rejected: 1,
    });
    expect(usage.find(({ quota }) => quota === 'units')).toMatchObject({ limit: 600_000, rejected: 0 });
  });

  it('that names a day closes the day for all processes, and a new day opens it', async ({ onTestFinished }) => {
    const { all, first, redis, keys } = governors(onTestFinished, 2);
    const permit = await first.acquire({ method: 'license' });
    await first.reportThrottled(permit, { quotaLimit: 'Queries per day', daily: true });
    for (const governor of all) {
      await expect(governor.acquire({ method: 'license' })).rejects.toBeInstanceOf(DailyQuotaError);
      await expect(governor.acquire({ method: 'read', adminSubjects: ['a'] })).resolves.toBeDefined();
    }
    const days = (await keys()).filter((key) => key.includes(':day:'));
    expect(days).toHaveLength(1);
    for (const key of days) await redis.rename(key, `${key.slice(0, -1)}x`);
    await expect(first.acquire({ method: 'license' })).resolves.toBeDefined();
  });

  it('with a time to try again keeps that bucket shut until then, and no other', async ({ onTestFinished }) => {
    const { all, first } = governors(onTestFinished, 2);
    const permit = await first.acquire({ method: 'write', userKey: 'one' });
    const refusedAt = performance.now();
    await first.reportThrottled(permit, { quotaLimit: 'perUser', retryAfterMs: 1_500 });
    await expect(first.acquire({ method: 'write', userKey: 'other' })).resolves.toBeDefined();
    expect(performance.now() - refusedAt).toBeLessThan(1_500);
    await Promise.all(all.map((governor) => governor.acquire({ method: 'write', userKey: 'one' })));
    expect(performance.now() - refusedAt).toBeGreaterThanOrEqual(1_495);
  });

  it('slows the named quota once for all calls that were under way together, and it recovers', async ({
    onTestFinished,
  }) => {
    const { first, redis, key } = governors(onTestFinished, 1);
    const permit = await first.acquire({ method: 'write', userKey: 'u' });
    for (let call = 0; call < 30; call += 1) await first.reportThrottled(permit, { quotaLimit: 'perMinutePerProject' });
    expect(Number(await redis.hget(key('slowed'), 'units'))).toBeCloseTo(0.9, 5);
    expect(await redis.hget(key('slowed'), 'unitsPerUser')).toBeNull();
    expect((await first.usage()).find(({ quota }) => quota === 'units')?.rejected).toBe(30);
    // A second later it has recovered by a twentieth, from where the next refusal takes its tenth.
    await redis.hincrby(key('slowed'), 'units@', -1_000);
    await first.reportThrottled(permit, { quotaLimit: 'perMinutePerProject' });
    const factor = Number(await redis.hget(key('slowed'), 'units'));
    expect(factor).toBeGreaterThanOrEqual(0.95 * 0.9 - 1e-6);
    expect(factor).toBeLessThan(1);
  });
});

describe.concurrent('the governor', () => {
  it('starts a missing bucket empty', async ({ onTestFinished }) => {
    const { all } = governors(onTestFinished, 2);
    const arrivals = await press(
      all,
      { method: 'create', domain: 'd', adminSubjects: ['a'] },
      { forMs: 1_000, askers: 100 },
    );
    expect(arrivals.length).toBeLessThanOrEqual(60);
  });

  it('refuses the calls above a day’s quota, and only counts a threshold', async ({ onTestFinished }) => {
    const { all, first } = governors(onTestFinished, 2);
    const asked = await Promise.all(
      Array.from({ length: 12 }, (_, at) =>
        refusalOf(all[at % 2]?.acquire({ method: 'daily' }) ?? first.acquire({ method: 'daily' })),
      ),
    );
    expect(asked.filter((end) => end === undefined)).toHaveLength(5);
    expect(asked.filter((end) => end instanceof DailyQuotaError)).toHaveLength(7);
    await expect(first.acquire({ method: 'write', userKey: 'u' })).resolves.toBeDefined();
  });

  it('lets a waiter go whose signal is aborted, and serves the others', async ({ onTestFinished }) => {
    const { first } = governors(onTestFinished, 1);
    await first.acquire({ method: 'license' });
    const stop = new AbortController();
    const waiting = first.acquire({ method: 'license', signal: stop.signal });
    const other = first.acquire({ method: 'license' });
    const reason = new Error('given up');
    stop.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(first.acquire({ method: 'license', signal: stop.signal })).rejects.toBe(reason);
    await expect(other).resolves.toMatchObject({ method: 'license' });
  });

  it('makes a permit void after 250 ms, and sooner where few calls a second are allowed', async ({
    onTestFinished,
  }) => {
    const { first } = governors(onTestFinished, 1);
    const lifeOf = async (request: PermitRequest) => {
      const { expiresAt } = await first.acquire(request);
      return expiresAt - performance.now();
    };
    expect(await lifeOf({ method: 'read', adminSubjects: ['a'] })).toBeLessThanOrEqual(251);
    expect(await lifeOf({ method: 'license' })).toBeLessThanOrEqual(51);
  });

  it('goes on when Redis’s clock is set back', async ({ onTestFinished }) => {
    const { first, redis, key } = governors(onTestFinished, 1);
    await first.acquire({ method: 'create', domain: 'd', adminSubjects: ['a'] });
    // As if the clock had been an hour ahead until now.
    await redis.hset(key('clock'), 'latest', Date.now() + 3_600_000);
    const before = performance.now();
    const arrivals = await press(
      [first],
      { method: 'create', domain: 'd', adminSubjects: ['a'] },
      { forMs: 2_000, askers: 30 },
    );
    expect(refusedByBucket(arrivals, 60)).toBe(0);
    expect(arrivals.length).toBeGreaterThan(60);
    expect(arrivals.every(({ at }) => at - before < 2_300)).toBe(true);
  });

  it('keeps all its keys under one hash tag, and each of them ends or is one of a few', async ({
    onTestFinished,
    expect: expectHere,
  }) => {
    const { first, redis, prefix } = governors(onTestFinished, 1);
    await first.importState(undefined);
    await first.openGate('m');
    for (let user = 0; user < 50; user += 1)
      await first.acquire({ method: 'write', userKey: `u${user}`, migrationId: 'm' });
    const permit = await first.acquire({ method: 'create', domain: 'd', adminSubjects: ['a'] });
    await first.reportThrottled(permit, { limitValue: 5, quotaLimit: 'PerSecondPerDomain' });
    const keys = await redis.keys(`*${prefix}*`);
    expect(keys.filter((key) => !key.startsWith(`{${prefix}:governor}:`))).toEqual([]);
    const lasting: string[] = [];
    for (const key of keys) if ((await redis.pttl(key)) === -1) lasting.push(key.slice(key.indexOf('}') + 2));
    expect(lasting.filter((name) => !['clock', 'slowed', 'learnt', 'rejected', 'restored'].includes(name))).toEqual([]);
    expect(keys.some((key) => key.includes(':spent:unitsPerUser:'))).toBe(true);
    await expectHere
      .poll(async () => (await redis.keys(`{${prefix}:governor}:spent:unitsPerUser:*`)).length, { timeout: 20_000 })
      .toBe(0);
  });

  it('gives nothing while Redis refuses, tells of it, and goes on afterwards', async ({ onTestFinished }) => {
    const faults: unknown[] = [];
    const { first, redis, key } = governors(onTestFinished, 1, '', { onFault: (fault) => faults.push(fault) });
    await redis.set(key('slowed'), 'not a hash');
    const waiting = first.acquire({ method: 'read', adminSubjects: ['a'] });
    await expect.poll(() => faults.length, { timeout: 10_000 }).toBeGreaterThan(0);
    await redis.del(key('slowed'));
    await expect(waiting).resolves.toMatchObject({ method: 'read' });
  });

  it('rejects what waits when it is closed', async ({ onTestFinished }) => {
    const { first } = governors(onTestFinished, 1);
    await first.acquire({ method: 'license' });
    const waiting = first.acquire({ method: 'license' });
    first.close();
    await expect(waiting).rejects.toThrow('closed');
    await expect(first.acquire({ method: 'license' })).rejects.toThrow('closed');
  });
});
