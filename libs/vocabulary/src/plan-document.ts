import type { DesiredAccount } from './account.js';
import type { FailureReason } from './failures.js';
import type { PlanAction } from './states.js';
import type { StepName } from './steps.js';

/** One difference between the observed and the desired account: a dotted field, what is there, what shall be. */
export interface FieldChange {
  readonly field: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** What a plan says of one employee. */
export interface PlannedEmployee {
  readonly action: PlanAction;
  readonly reason?: FailureReason;
  readonly desired?: DesiredAccount;
  /** The steps that have something to do or to check, in the order of the step table. */
  readonly steps: readonly StepName[];
  readonly changes: readonly FieldChange[];
}

export const sharedActionKinds = ['orgUnit', 'group', 'calendar'] as const;
export type SharedActionKind = (typeof sharedActionKinds)[number];
