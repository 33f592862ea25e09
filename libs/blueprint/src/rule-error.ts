import type { FailureReason } from '#libs/vocabulary';

/** A rule that gives something impossible for this record. Its message holds no value of the record. */
export class RuleError extends Error {
  constructor(
    readonly reason: FailureReason,
    message: string,
  ) {
    super(message);
  }
}
