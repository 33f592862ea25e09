import type { StepChange, WorkItem } from '#libs/ledger';
import { failures, waitDeadline, type FailureReason, type StepOutcome } from '#libs/vocabulary';

/** Tries of one step, first one included, before it is given up. */
export const attemptsMax = 10;
const backoffBaseMs = 1_000;
const backoffCapMs = 60_000;

/**
 * Exponential back-off with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"), in Google's time: at
 * least what Google asked for.
 */
export function backoffMs(attempts: number, random: () => number, retryAfterMs = 0): number {
  return Math.max(retryAfterMs, random() * Math.min(backoffCapMs, backoffBaseMs * 2 ** attempts));
}

/** What the ledger writes for an outcome. Waits on Google are divided by the time scale. */
export function changeFor(
  item: Pick<WorkItem, 'enrolmentId' | 'step' | 'attempts' | 'overdue' | 'inDoubt'>,
  outcome: StepOutcome,
  timeScale: number,
  random: () => number = Math.random,
): StepChange {
  const unchanged = {
    enrolmentId: item.enrolmentId,
    step: item.step,
    reason: null,
    dueInMs: 0,
    deadlineInMs: null,
    usesAttempt: false,
    inDoubt: false,
    facts: 'facts' in outcome && outcome.facts !== undefined ? { ...outcome.facts } : null,
  } as const;
  switch (outcome.kind) {
    case 'done':
      return { ...unchanged, state: 'done' };
    case 'skipped':
      return { ...unchanged, state: 'skipped', reason: outcome.reason };
    case 'failed':
      return { ...unchanged, state: 'failed', reason: outcome.reason };
    case 'waiting':
      return { ...unchanged, ...waitFor(item, outcome, timeScale) };
    case 'retry':
      return { ...unchanged, inDoubt: outcome.inDoubt, ...tryAgain(item, outcome, timeScale, random) };
    case 'halt':
    case 'released':
      return { ...unchanged, state: 'pending', inDoubt: outcome.inDoubt };
  }
}

function waitFor(
  item: Pick<WorkItem, 'overdue'>,
  outcome: { reason: FailureReason; lookAgainMs: number },
  timeScale: number,
) {
  const deadline = waitDeadline(outcome.reason);
  if (deadline !== undefined && item.overdue) return { state: 'failed', reason: deadline.becomes } as const;
  return {
    state: 'waiting',
    reason: outcome.reason,
    dueInMs: outcome.lookAgainMs / timeScale,
    deadlineInMs: deadline === undefined ? null : deadline.deadlineMs / timeScale,
  } as const;
}

function tryAgain(
  item: Pick<WorkItem, 'attempts' | 'step'>,
  outcome: { reason: FailureReason; retryAfterMs?: number },
  timeScale: number,
  random: () => number,
) {
  // A refusal for quota is ours to pace, not the employee's trouble: it uses no attempt.
  const usesAttempt = outcome.reason !== 'quota_refused';
  if (usesAttempt && item.attempts + 1 >= attemptsMax) {
    // Seen in the field: where no licence is left Google may answer with a server error instead of saying so.
    const licence = item.step === 'licence' && outcome.reason === 'google_unavailable';
    return { state: 'failed', reason: licence ? 'licence_not_given' : 'retries_exhausted' } as const;
  }
  return {
    state: 'waiting',
    reason: outcome.reason,
    dueInMs: backoffMs(item.attempts, random, outcome.retryAfterMs) / timeScale,
    usesAttempt,
  } as const;
}

/** How an outcome follows from a reason, for failures that Google's answer names. */
export function outcomeFor(
  reason: FailureReason,
  details: { inDoubt: boolean; retryAfterMs?: number; lookAgainMs?: number },
): StepOutcome {
  switch (failures[reason].kind) {
    case 'retry':
      return details.retryAfterMs === undefined
        ? { kind: 'retry', reason, inDoubt: details.inDoubt }
        : { kind: 'retry', reason, inDoubt: details.inDoubt, retryAfterMs: details.retryAfterMs };
    case 'wait':
      return { kind: 'waiting', reason, lookAgainMs: details.lookAgainMs ?? lookAgainMs(reason) };
    case 'employee':
    case 'conflict':
      return { kind: 'failed', reason };
    case 'everyone':
      return { kind: 'halt', reason, inDoubt: details.inDoubt };
    case 'skip':
      return { kind: 'skipped', reason };
  }
}

const hourMs = 3_600_000;

/** Until the next look at a wait, in Google's time. */
export function lookAgainMs(reason: FailureReason): number {
  switch (reason) {
    case 'calendar_usage_limited':
    case 'suspended_until_start':
      return hourMs;
    case 'mailbox_not_ready':
    case 'licence_not_visible':
      return 30_000;
    case 'account_incomplete':
    case 'account_not_visible':
      return 10_000;
    default:
      return 20_000;
  }
}
