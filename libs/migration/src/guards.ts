import { lastFinished, type Database, type FailureBudget, type MigrationRow } from '#libs/ledger';
import type { FailureReason } from '#libs/vocabulary';

/**
 * The reason that broke the failure budget: the same on so many people in a row, or on more than a share of the last
 * finished. Newest first; `reason` is null for those that went well.
 */
export function brokenBudget(
  finished: readonly { state: string; reason: FailureReason | null }[],
  budget: FailureBudget,
): FailureReason | undefined {
  const failed = finished.map(({ state, reason }) => (state === 'failed' || state === 'conflict' ? reason : null));
  const [newest] = failed;
  const row = failed.slice(0, budget.sameReasonInARow);
  if (
    newest !== null &&
    newest !== undefined &&
    row.length === budget.sameReasonInARow &&
    row.every((reason) => reason === newest)
  ) {
    return newest;
  }
  const counts = new Map<FailureReason, number>();
  for (const reason of failed.slice(0, budget.shareWindow)) {
    if (reason !== null) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  const allowed = budget.sameReasonShare * budget.shareWindow;
  return [...counts].find(([, count]) => count > allowed)?.[0];
}

/** Looks at the employees that finished since the start or the last resume. */
export async function keepWithinBudget(db: Database, migration: MigrationRow): Promise<FailureReason | undefined> {
  const { sameReasonInARow, shareWindow } = migration.failureBudget;
  const finished = await lastFinished(db, migration.id, migration.budgetFrom, Math.max(sameReasonInARow, shareWindow));
  return brokenBudget(finished, migration.failureBudget);
}
