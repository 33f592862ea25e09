import type { FailureReason } from '#libs/vocabulary';

/**
 * A call that Google refused, or whose reply was lost. Carries words of Google's own vocabulary only: no address, no URL,
 * no body, no token.
 */
export class GoogleCallError extends Error {
  readonly method: string;
  readonly reason: FailureReason;
  /** HTTP status; absent when no reply came. */
  readonly status: number | undefined;
  /** `unknown`: the call may have had its effect all the same; only a read can tell. */
  readonly effect: 'none' | 'unknown';
  readonly retryAfterMs: number | undefined;
  /** A word of Google's own vocabulary. */
  readonly googleReason: string | undefined;

  constructor(details: {
    method: string;
    reason: FailureReason;
    status?: number | undefined;
    effect: 'none' | 'unknown';
    retryAfterMs?: number | undefined;
    googleReason?: string | undefined;
  }) {
    super(`${details.method}: ${details.reason}${details.status === undefined ? '' : ` (HTTP ${details.status})`}`);
    this.name = 'GoogleCallError';
    this.method = details.method;
    this.reason = details.reason;
    this.status = details.status;
    this.effect = details.effect;
    this.retryAfterMs = details.retryAfterMs;
    this.googleReason = details.googleReason === '' ? undefined : details.googleReason;
  }
}

/** The lease does not outlive the call's time-out any more: the call was not sent. */
export class LeaseTooShortError extends Error {
  constructor(method: string) {
    super(`${method} was not sent: the lease ends before its time-out`);
    this.name = 'LeaseTooShortError';
  }
}
