import type { FailureReason } from './failures.js';

/** What a step learnt and the ledger must keep. Values hold ids, states and hashes; never secrets. */
export interface StepFacts {
  /** Google's immutable user id. */
  readonly googleId?: string;
  /** Set when the step found out that the account is ours by creation or by adoption. */
  readonly origin?: 'created' | 'adopted';
  /** The write was asked for; what is left is to see it. */
  readonly asked?: boolean;
  readonly written?: boolean;
  /** A mismatch was written once more. */
  readonly repaired?: boolean;
  readonly joinedAgain?: boolean;
  /** Groups of which the account was no member before: only such a membership is ever removed. */
  readonly joined?: readonly string[];
  /** Hash of the signature as Google's reply to our write shows it: the form to expect when reading back. */
  readonly signature?: string;
}

/**
 * What became of one step of one employee. `waiting` uses no attempt; `retry` does unless its reason is a quota;
 * `unknown` effects come back as `retry` with `inDoubt`, and the next try reads first. `halt` pauses everybody.
 * `released`: not tried (drain, pause, deadline); it goes back as it was.
 */
export type StepOutcome =
  | { readonly kind: 'done'; readonly facts?: StepFacts }
  | {
      readonly kind: 'waiting';
      readonly reason: FailureReason;
      /** Until the next look, in milliseconds of Google's time (divided by the time scale when stored). */
      readonly lookAgainMs: number;
      readonly facts?: StepFacts;
    }
  | {
      readonly kind: 'retry';
      readonly reason: FailureReason;
      readonly inDoubt: boolean;
      readonly retryAfterMs?: number;
      readonly facts?: StepFacts;
    }
  | { readonly kind: 'failed'; readonly reason: FailureReason; readonly facts?: StepFacts }
  | { readonly kind: 'skipped'; readonly reason: FailureReason }
  | { readonly kind: 'halt'; readonly reason: FailureReason; readonly inDoubt: boolean }
  | { readonly kind: 'released'; readonly inDoubt: boolean };
