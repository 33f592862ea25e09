import { expect, test } from 'vitest';
import { standardSchedule, waitBeforeRetry } from './schedule.js';

test('ten tries spread over some three days, each wait longer than the one before', () => {
  const waits = standardSchedule.map((_, at) => waitBeforeRetry(at + 1, standardSchedule, undefined, 0) ?? 0);
  expect(waits).toEqual(waits.toSorted((one, other) => one - other));
  expect(waits[0]).toBe(5_000);
  const days = waits.reduce((sum, wait) => sum + wait, 0) / 86_400_000;
  expect(days).toBeGreaterThan(3);
  expect(days).toBeLessThan(4);
  expect(waitBeforeRetry(10, standardSchedule, undefined)).toBeUndefined();
});

test('chance spreads what failed together, and adds at most a fifth', () => {
  expect(waitBeforeRetry(1, [1_000], undefined, 0.5)).toBe(1_100);
  expect(waitBeforeRetry(1, [1_000], undefined, 1)).toBe(1_200);
});

test('a receiver’s Retry-After lengthens a wait, up to a day, and never shortens it', () => {
  expect(waitBeforeRetry(1, [1_000], '60', 0)).toBe(60_000);
  expect(waitBeforeRetry(1, [100_000], '60', 0)).toBe(100_000);
  expect(waitBeforeRetry(1, [1_000], '99999999', 0)).toBe(86_400_000);
  expect(waitBeforeRetry(1, [1_000], 'Wed, 25 Nov 2026 10:00:00 GMT', 0)).toBe(1_000);
});
