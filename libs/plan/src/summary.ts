import {
  planActions,
  stepNames,
  type FailureReason,
  type PlanAction,
  type PlannedEmployee,
  type StepName,
} from '#libs/vocabulary';

/** What a plan would do, in numbers. `changes` counts employees by changed field. */
export interface PlanSummary {
  readonly total: number;
  readonly actions: Readonly<Record<PlanAction, number>>;
  readonly reasons: Readonly<Partial<Record<FailureReason, number>>>;
  readonly steps: Readonly<Record<StepName, number>>;
  readonly changes: Readonly<Record<string, number>>;
}

/** Counts planned employees as they stream by. */
export class PlanTally {
  private total = 0;
  private readonly actions = zeroes(planActions);
  private readonly reasons = new Map<FailureReason, number>();
  private readonly steps = zeroes(stepNames);
  private readonly changes = new Map<string, number>();

  add(planned: PlannedEmployee): void {
    this.total += 1;
    this.actions[planned.action] += 1;
    if (planned.reason !== undefined) this.reasons.set(planned.reason, (this.reasons.get(planned.reason) ?? 0) + 1);
    for (const step of planned.steps) this.steps[step] += 1;
    for (const { field } of planned.changes) this.changes.set(field, (this.changes.get(field) ?? 0) + 1);
  }

  summary(): PlanSummary {
    return {
      total: this.total,
      actions: { ...this.actions },
      reasons: Object.fromEntries(this.reasons),
      steps: { ...this.steps },
      changes: Object.fromEntries(this.changes),
    };
  }
}

/** The numbers of a whole plan at once; use `PlanTally` where the plan is a stream. */
export function summarise(planned: Iterable<PlannedEmployee>): PlanSummary {
  const tally = new PlanTally();
  for (const one of planned) tally.add(one);
  return tally.summary();
}

function zeroes<Word extends string>(words: readonly Word[]): Record<Word, number> {
  const counts: Partial<Record<Word, number>> = {};
  for (const word of words) counts[word] = 0;
  return requireAll(counts, words);
}

function requireAll<Word extends string>(
  counts: Partial<Record<Word, number>>,
  words: readonly Word[],
): Record<Word, number> {
  if (!hasAll(counts, words)) throw new Error('a counter is missing');
  return counts;
}

function hasAll<Word extends string>(
  counts: Partial<Record<Word, number>>,
  words: readonly Word[],
): counts is Record<Word, number> {
  return words.every((word) => counts[word] !== undefined);
}
