import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FailureReason } from '#libs/vocabulary';
import { brokenBudget } from './guards.js';

const budget = { sameReasonInARow: 5, sameReasonShare: 0.02, shareWindow: 1_000 };
type Finished = { state: string; reason: FailureReason | null };
const done: Finished = { state: 'done', reason: null };
const failed = (reason: FailureReason): Finished => ({ state: 'failed', reason });
const times = (count: number, one: Finished) => Array.from({ length: count }, () => one);

const reasonArbitrary = fc.constantFrom<FailureReason>('invalid_field', 'mailbox_never_ready', 'alias_limit');
const finishedArbitrary = fc.oneof(
  { weight: 30, arbitrary: fc.constant(done) },
  { weight: 1, arbitrary: fc.constant<Finished>({ state: 'skipped', reason: 'left' }) },
  { weight: 3, arbitrary: reasonArbitrary.map(failed) },
  { weight: 1, arbitrary: fc.constant<Finished>({ state: 'conflict', reason: 'account_turned_up' }) },
);

test('the same reason so often in a row breaks it, one of another kind between them does not', () => {
  expect(brokenBudget(times(5, failed('invalid_field')), budget)).toBe('invalid_field');
  expect(brokenBudget(times(4, failed('invalid_field')), budget)).toBeUndefined();
  const mixed = [...times(4, failed('invalid_field')), failed('alias_limit'), ...times(4, failed('invalid_field'))];
  expect(brokenBudget(mixed, budget)).toBeUndefined();
});

test('a share of the last finished breaks it, also when they are spread', () => {
  const spread = Array.from({ length: 1_000 }, (_, at) => (at % 40 === 0 ? failed('invalid_field') : done));
  expect(brokenBudget(spread, budget)).toBe('invalid_field');
  const rarer = Array.from({ length: 1_000 }, (_, at) => (at % 50 === 0 ? failed('invalid_field') : done));
  expect(brokenBudget(rarer, budget)).toBeUndefined();
});

test('who left or was cancelled does not count', () => {
  const skipped: Finished[] = [...times(500, { state: 'skipped', reason: 'left' }), ...times(500, done)];
  expect(brokenBudget(skipped, budget)).toBeUndefined();
});

test('what it names really is that frequent, and what it passes over is not', () => {
  fc.assert(
    fc.property(fc.array(finishedArbitrary, { maxLength: 1_200 }), (finished) => {
      const window = finished.slice(0, budget.shareWindow);
      const count = (reason: FailureReason) =>
        window.filter((one) => one.state !== 'skipped' && one.reason === reason).length;
      const broken = brokenBudget(finished, budget);
      const inARow = finished.slice(0, budget.sameReasonInARow);
      const [newest] = inARow;
      const row =
        newest !== undefined &&
        newest.state !== 'skipped' &&
        newest.reason !== null &&
        inARow.length === budget.sameReasonInARow &&
        inARow.every(({ reason }) => reason === newest.reason);
      const allowed = budget.sameReasonShare * budget.shareWindow;
      const frequent = window.some(
        ({ state, reason }) => state !== 'skipped' && reason !== null && count(reason) > allowed,
      );
      expect(broken !== undefined).toBe(row || frequent);
      if (broken !== undefined) expect(broken === newest?.reason || count(broken) > allowed).toBe(true);
    }),
  );
});
