import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByKey, SecondBucket, SlidingWindow } from './judge.js';

/** Gaps between calls in milliseconds, and what each call asks for. */
const traffic = fc.array(fc.tuple(fc.double({ min: 0, max: 2_500, noNaN: true }), fc.integer({ min: 1, max: 7 })), {
  minLength: 1,
  maxLength: 300,
});

test('a sliding window never lets more than its limit through in any window, wherever it begins', () => {
  fc.assert(
    fc.property(traffic, fc.integer({ min: 7, max: 60 }), (calls, limit) => {
      const window = new SlidingWindow(60_000);
      const taken: [at: number, amount: number][] = [];
      let now = 0;
      for (const [gap, amount] of calls) {
        now += gap;
        if (window.add(now, amount, limit)) taken.push([now, amount]);
      }
      for (const [from] of taken) {
        const within = taken.filter(([at]) => at >= from && at <= from + 60_000);
        expect(within.reduce((sum, [, amount]) => sum + amount, 0)).toBeLessThanOrEqual(limit);
      }
    }),
  );
});

test('a sliding window refuses nobody who keeps below the limit by a six-thousandth of the window', () => {
  fc.assert(
    fc.property(traffic, fc.integer({ min: 7, max: 60 }), (calls, limit) => {
      const window = new SlidingWindow(60_000);
      const taken: [at: number, amount: number][] = [];
      let now = 0;
      for (const [gap, amount] of calls) {
        now += gap;
        const recent = taken.filter(([at]) => now - at <= 60_010).reduce((sum, [, one]) => sum + one, 0);
        if (recent + amount > limit) continue;
        expect(window.add(now, amount, limit)).toBe(true);
        taken.push([now, amount]);
      }
    }),
  );
});

test('a steady pace at the limit is let through, and a hair more is not', () => {
  const refusedAt = (perMinute: number) => {
    const window = new SlidingWindow(60_000);
    let refused = 0;
    for (let n = 0; n < perMinute * 3; n += 1) {
      if (!window.add((n * 60_000) / perMinute, 1, 2_400)) refused += 1;
    }
    return refused;
  };
  expect(refusedAt(2_399)).toBe(0);
  expect(refusedAt(2_430)).toBeGreaterThan(0);
});

test('a refused call takes nothing', () => {
  const window = new SlidingWindow(1_000);
  expect([window.add(0, 3, 5), window.add(1, 3, 5), window.add(2, 2, 5)]).toEqual([true, false, true]);
});

test('a bucket of one second’s worth lets a burst of the limit through and refills at its rate', () => {
  const bucket = new SecondBucket();
  const burst = Array.from({ length: 12 }, () => bucket.add(0, 1, 10));
  expect(burst.filter(Boolean)).toHaveLength(10);
  expect([bucket.add(100, 1, 10), bucket.add(100, 1, 10)]).toEqual([true, false]);
});

test('what is not asked for is forgotten, what is asked for is kept', () => {
  const made: number[] = [];
  const byKey = new ByKey(1_000, () => made.push(0));
  byKey.get('idle', 0);
  const busy = byKey.get('busy', 0);
  for (let now = 0; now < 5_000; now += 400) expect(byKey.get('busy', now)).toBe(busy);
  expect(byKey.size).toBe(1);
});
