import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failures, isFailureReason, waitDeadline, type FailureReason, type StepOutcome } from '#libs/vocabulary';
import { attemptsMax, backoffMs, changeFor, lookAgainMs, outcomeFor } from './outcome-changes.js';

const reasons = Object.keys(failures).filter(isFailureReason);
const reasonArbitrary = fc.constantFrom(...reasons);
const fresh = { enrolmentId: 1, step: 'account', attempts: 0, overdue: false, inDoubt: false } as const;

describe('back-off', () => {
  test('lies between nothing and twice the one before, never above a minute, never below what Google asked for', () => {
    fc.assert(
      fc.property(
        fc.nat(40),
        fc.double({ min: 0, max: 0.999_999, noNaN: true }),
        fc.nat(200_000),
        (attempts, chance, retryAfterMs) => {
          const wait = backoffMs(attempts, () => chance, retryAfterMs);
          expect(wait).toBeGreaterThanOrEqual(retryAfterMs);
          expect(wait).toBeLessThanOrEqual(Math.max(retryAfterMs, Math.min(60_000, 1_000 * 2 ** attempts)));
        },
      ),
    );
  });

  test('is spread over its whole range, so that people who failed together do not come back together', () => {
    expect(backoffMs(3, () => 0)).toBe(0);
    expect(backoffMs(3, () => 0.5)).toBe(4_000);
  });
});

describe('every reason of the catalogue', () => {
  test('gives an outcome of its kind', () => {
    const kinds = {
      retry: 'retry',
      wait: 'waiting',
      employee: 'failed',
      conflict: 'failed',
      everyone: 'halt',
      skip: 'skipped',
    };
    for (const reason of reasons) {
      const outcome = outcomeFor(reason, { inDoubt: true });
      expect(outcome).toMatchObject({ kind: kinds[failures[reason].kind], reason });
    }
  });

  test('becomes a change that the ledger can store, in the right state', () => {
    fc.assert(
      fc.property(
        reasonArbitrary,
        fc.nat(20),
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(1, 20, 600),
        (reason, attempts, overdue, inDoubt, timeScale) => {
          const item = { ...fresh, attempts, overdue, inDoubt };
          const change = changeFor(item, outcomeFor(reason, { inDoubt }), timeScale);
          expect(['pending', 'waiting', 'failed', 'skipped']).toContain(change.state);
          expect(change.dueInMs).toBeGreaterThanOrEqual(0);
          expect(change.state === 'pending').toBe(failures[reason].kind === 'everyone');
          expect(change.reason === null).toBe(change.state === 'pending');
          if (change.state !== 'waiting') expect(change.dueInMs).toBe(0);
        },
      ),
    );
  });

  test('has a look again that comes before its deadline', () => {
    for (const reason of reasons.filter((one) => failures[one].kind === 'wait')) {
      const deadline = waitDeadline(reason);
      if (deadline === undefined) expect(['calendar_usage_limited', 'suspended_until_start']).toContain(reason);
      else expect(lookAgainMs(reason)).toBeLessThan(deadline.deadlineMs / 10);
    }
  });
});

describe('what becomes of a step', () => {
  const retry = (reason: FailureReason): StepOutcome => ({ kind: 'retry', reason, inDoubt: true });

  test('a retry uses an attempt and stays in doubt; the last one fails', () => {
    const change = changeFor(fresh, retry('google_unavailable'), 1, () => 0.5);
    expect(change).toMatchObject({ state: 'waiting', usesAttempt: true, inDoubt: true, dueInMs: 500 });
    const last = changeFor({ ...fresh, attempts: attemptsMax - 1 }, retry('google_unavailable'), 1);
    expect(last).toMatchObject({ state: 'failed', reason: 'retries_exhausted' });
    const licence = { ...fresh, step: 'licence', attempts: attemptsMax - 1 } as const;
    expect(changeFor(licence, retry('google_unavailable'), 1)).toMatchObject({ reason: 'licence_not_given' });
  });

  test('a refusal for quota uses no attempt, however often it comes', () => {
    const change = changeFor({ ...fresh, attempts: 99 }, retry('quota_refused'), 1);
    expect(change).toMatchObject({ state: 'waiting', reason: 'quota_refused', usesAttempt: false });
  });

  test('a wait uses no attempt, gets a deadline, and is a failure with its own name when that is over', () => {
    const wait: StepOutcome = { kind: 'waiting', reason: 'mailbox_not_ready', lookAgainMs: 30_000 };
    expect(changeFor(fresh, wait, 10)).toMatchObject({
      state: 'waiting',
      usesAttempt: false,
      dueInMs: 3_000,
      deadlineInMs: 360_000,
    });
    const overdue = changeFor({ ...fresh, overdue: true }, wait, 10);
    expect(overdue).toMatchObject({ state: 'failed', reason: 'mailbox_never_ready' });
  });

  test('who waits for the first working day has no deadline', () => {
    const wait: StepOutcome = { kind: 'waiting', reason: 'suspended_until_start', lookAgainMs: 3_600_000 };
    const change = changeFor({ ...fresh, overdue: true }, wait, 1);
    expect(change).toMatchObject({ state: 'waiting', deadlineInMs: null, usesAttempt: false });
  });

  test('what was not tried goes back as it was', () => {
    const change = changeFor({ ...fresh, inDoubt: true }, { kind: 'released', inDoubt: true }, 1);
    expect(change).toMatchObject({ state: 'pending', reason: null, usesAttempt: false, inDoubt: true });
  });
});
