import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { paceOf, type Pace } from './pacing.js';

/** Times at which calls of these costs reach Google, when everybody always wants more: `delays` in 0..1 of what may vary. */
function arrivals(pace: Pace, costs: readonly number[], delays: readonly number[]): { at: number; cost: number }[] {
  const travelMs = 15;
  let spent = 0;
  let now = 0;
  return costs
    .map((cost, index) => {
      now = Math.max(now, spent - pace.aheadMs);
      spent = Math.max(spent, now) + cost * pace.unitMs;
      return { at: now + (delays[index] ?? 0) * (pace.lifeMs + travelMs), cost };
    })
    .toSorted((a, b) => a.at - b.at);
}

function mostInAnyMinute(calls: readonly { at: number; cost: number }[]): number {
  let most = 0;
  let sum = 0;
  let first = 0;
  for (const { at, cost } of calls) {
    sum += cost;
    for (; (calls[first]?.at ?? at) <= at - 60_000; first += 1) sum -= calls[first]?.cost ?? 0;
    most = Math.max(most, sum);
  }
  return most;
}

/** The fullest that a bucket gets which leaks `limit` a second. */
function fullest(calls: readonly { at: number; cost: number }[], limit: number): number {
  let level = 0;
  let last = 0;
  let most = 0;
  for (const { at, cost } of calls) {
    level = Math.max(0, level - ((at - last) / 1_000) * limit) + cost;
    last = at;
    most = Math.max(most, level);
  }
  return most;
}

const delays = (length: number) =>
  fc.array(fc.oneof(fc.constant(0), fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })), {
    minLength: length,
    maxLength: length,
  });

describe('the pace of a quota', () => {
  it('keeps a bucket of one second’s worth from overflowing, whatever the calls’ delays', () => {
    const cases = fc.tuple(fc.integer({ min: 1, max: 400 }), delays(600));
    fc.assert(
      fc.property(cases, ([limit, late]) => {
        const pace = paceOf({ limit, window: 'second' }, 1, { costMax: 1, single: false });
        const calls = arrivals(pace, Array<number>(600).fill(1), late);
        expect(fullest(calls, limit)).toBeLessThanOrEqual(limit + 1e-6);
      }),
    );
  });

  it('keeps every sliding minute within the quota, whatever the calls’ delays', () => {
    const cases = fc.tuple(fc.integer({ min: 1, max: 1_500 }), delays(3_200));
    fc.assert(
      fc.property(cases, ([limit, late]) => {
        const pace = paceOf({ limit, window: 'minute' }, 1, { costMax: 1, single: false });
        expect(mostInAnyMinute(arrivals(pace, Array<number>(3_200).fill(1), late))).toBeLessThanOrEqual(limit);
      }),
      { numRuns: 60 },
    );
  });

  it('leaves room for a dear call beside cheap ones', () => {
    const cost = fc.constantFrom(1, 5, 100);
    const cases = fc.tuple(
      fc.integer({ min: 400, max: 8_000 }),
      fc.array(cost, { minLength: 900, maxLength: 900 }),
      delays(900),
    );
    fc.assert(
      fc.property(cases, ([limit, costs, late]) => {
        const pace = paceOf({ limit, window: 'minute' }, 1, { costMax: 100, single: false });
        expect(mostInAnyMinute(arrivals(pace, costs, late))).toBeLessThanOrEqual(limit);
      }),
    );
  });

  it('lets a single person burst within the minute, even when the bucket is forgotten on the way', () => {
    const cases = fc.tuple(fc.integer({ min: 600, max: 15_000 }), fc.integer({ min: 0, max: 300 }), delays(900));
    fc.assert(
      fc.property(cases, ([limit, forgottenAt, late]) => {
        const pace = paceOf({ limit, window: 'minute' }, 1, { costMax: 100, single: true });
        const costs = late.map((_, index) => (index % 3 === 0 ? 100 : 5));
        const before = arrivals(pace, costs.slice(0, forgottenAt), late.slice(0, forgottenAt));
        const end = Math.max(0, ...before.map(({ at }) => at));
        const after = arrivals(pace, costs.slice(forgottenAt), late.slice(forgottenAt));
        const all = [...before, ...after.map(({ at, cost }) => ({ at: at + end, cost }))];
        expect(mostInAnyMinute(all)).toBeLessThanOrEqual(limit);
      }),
    );
  });

  it('uses more than 95 % of what is binding, with and without time scale', () => {
    const used = ({ unitMs }: Pace, perMs: number) => 1 / unitMs / perMs;
    const shared = { costMax: 1, single: false };
    for (const timeScale of [1, 20]) {
      const creations = paceOf({ limit: 10, window: 'second' }, timeScale, shared);
      expect(used(creations, (10 * timeScale) / 1_000)).toBeGreaterThan(0.95);
      const queries = paceOf({ limit: 2_400, window: 'minute' }, timeScale, shared);
      expect(used(queries, (2_400 * timeScale) / 60_000)).toBeGreaterThan(0.95);
      const units = paceOf({ limit: 1_200_000, window: 'minute' }, timeScale, { costMax: 100, single: false });
      expect(used(units, (1_200_000 * timeScale) / 60_000)).toBeGreaterThan(0.95);
    }
  });

  it('does not pace what has no limit, nor a count of the day', () => {
    const shared = { costMax: 1, single: false };
    expect(paceOf({ limit: null, window: 'minute' }, 1, shared).unitMs).toBe(0);
    expect(paceOf({ limit: 100, window: 'day' }, 1, shared).unitMs).toBe(0);
  });
});
