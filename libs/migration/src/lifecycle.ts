import {
  cancelSteps,
  discardPlans,
  employeeCounts,
  enrol,
  finishPausing,
  issueReservations,
  lockEnrolling,
  lookAgainAtLeftOut,
  markAddressesChecked,
  moveMigration,
  readMigration,
  readPlan,
  reopenFailedSteps,
  transact,
  type Database,
  type Ledger,
} from '#libs/ledger';
import type { QuotaGovernor } from '#libs/quota';
import type { FailureReason, MigrationId, StepName } from '#libs/vocabulary';

/** A request that the migration's present state does not allow; the message says what does. */
export class LifecycleError extends Error {
  constructor(
    readonly code: 'migration_not_found' | 'wrong_state' | 'plan_not_ready' | 'plan_too_old' | 'needs_acceptance',
    message: string,
  ) {
    super(message);
    this.name = 'LifecycleError';
  }
}

interface Gates {
  readonly ledger: Ledger;
  readonly governor: Pick<QuotaGovernor, 'closeGate'>;
  readonly callTimeoutMs: number;
}

async function existing(db: Database, id: MigrationId) {
  const migration = await readMigration(db, id);
  if (migration === undefined) throw new LifecycleError('migration_not_found', 'there is no migration with this id');
  return migration;
}

/** Names the one who approves the plan as it stands. */
export async function approveMigration(ledger: Ledger, id: MigrationId, actor: string): Promise<void> {
  const migration = await existing(ledger.db, id);
  if (!(await moveMigration(ledger.db, { id, from: ['planned'], to: 'approved', cause: null, actor }))) {
    throw new LifecycleError('wrong_state', `only a planned migration can be approved; this one is ${migration.state}`);
  }
}

/** A plan that nobody started for a week says too little about today's company. */
const planAgeMaxMs = 7 * 86_400_000;

/**
 * Starts the approved plan: issues its addresses for good and enrols everybody, in one transaction. Employees who are
 * still under way in another migration are skipped. Before anybody runs, a worker looks all new addresses up once more.
 */
export async function startMigration(
  ledger: Ledger,
  id: MigrationId,
  { actor, timeScale }: { actor: string; timeScale: number },
): Promise<void> {
  const migration = await existing(ledger.db, id);
  const { planId } = migration;
  if (planId === null) throw new LifecycleError('plan_not_ready', 'plan the migration first');
  const plan = await readPlan(ledger.db, planId);
  if (plan?.state !== 'ready') throw new LifecycleError('plan_not_ready', 'the plan is not ready; plan again');
  if (Date.now() - plan.createdAt.getTime() > planAgeMaxMs) {
    throw new LifecycleError('plan_too_old', 'the plan is more than seven days old; plan again');
  }
  const open = plan.needsAcceptance.filter((unknown) => !plan.acceptedUnknowns.includes(unknown));
  if (open.length > 0) {
    throw new LifecycleError(
      'needs_acceptance',
      `an admin must accept what Google would not tell: ${open.join(', ')} (approve with accept: [${open.map((word) => `"${word}"`).join(', ')}])`,
    );
  }
  await transact(ledger.db, async (tx) => {
    await lockEnrolling(tx);
    const moved = await moveMigration(tx, { id, from: ['approved'], to: 'running', cause: null, actor });
    if (!moved) {
      throw new LifecycleError('wrong_state', `only an approved migration can start; this one is ${migration.state}`);
    }
    await issueReservations(tx, planId);
    await enrol(tx, id, planId, timeScale);
    if (migration.standingId !== null) {
      await lookAgainAtLeftOut(tx, id);
      // Its addresses were looked up one by one a moment ago.
      if (isJustMade(plan)) await markAddressesChecked(tx, id);
    }
  });
  await settleEnd(ledger.db, id);
}

const isJustMade = ({ finishedAt }: { finishedAt: Date | null }) =>
  finishedAt !== null && Date.now() - finishedAt.getTime() < 60_000;

/** Stops everything: within a second of the answer no further call leaves any process. */
export async function pauseMigration(
  gates: Gates,
  id: MigrationId,
  cause: FailureReason,
  actor: string,
): Promise<boolean> {
  const moved = await moveMigration(gates.ledger.db, { id, from: ['running'], to: 'pausing', cause, actor });
  await gates.governor.closeGate(id);
  if (moved) await finishPausing(gates.ledger.db, id, gates.callTimeoutMs);
  return moved;
}

export async function resumeMigration(ledger: Ledger, id: MigrationId, actor: string): Promise<void> {
  const migration = await existing(ledger.db, id);
  const from = ['paused', 'pausing'] as const;
  if (!(await moveMigration(ledger.db, { id, from, to: 'running', cause: null, actor }))) {
    throw new LifecycleError('wrong_state', `only a paused migration can resume; this one is ${migration.state}`);
  }
}

/** Ends a migration for good: what is not finished is skipped as cancelled; what is done stays done. */
export async function cancelMigration(gates: Gates, id: MigrationId, actor: string): Promise<void> {
  const { ledger } = gates;
  const migration = await existing(ledger.db, id);
  const from = ['draft', 'planned', 'approved', 'running', 'pausing', 'paused'] as const;
  if (!(await moveMigration(ledger.db, { id, from, to: 'cancelled', cause: null, actor }))) {
    throw new LifecycleError('wrong_state', `a ${migration.state} migration cannot be cancelled`);
  }
  await gates.governor.closeGate(id);
  await ledger.db.transaction().execute((tx) => discardPlans(tx, id));
  await cancelSteps(ledger, id, actor);
}

/** Makes failed steps run again, all or those of one reason or step; returns how many. */
export async function retryFailures(
  ledger: Ledger,
  id: MigrationId,
  filter: { reason?: FailureReason; step?: StepName },
  actor: string,
): Promise<number> {
  const migration = await existing(ledger.db, id);
  const retryable = ['running', 'paused', 'completedWithIssues'];
  if (!retryable.includes(migration.state)) {
    throw new LifecycleError('wrong_state', `a ${migration.state} migration has nothing to retry`);
  }
  const reopened = await reopenFailedSteps(ledger, id, filter, actor);
  if (reopened > 0 && migration.state === 'completedWithIssues') {
    await moveMigration(ledger.db, { id, from: ['completedWithIssues'], to: 'running', cause: null, actor });
  }
  return reopened;
}

/** A running migration with nobody left to run is completed. */
export async function settleEnd(db: Database, id: MigrationId): Promise<boolean> {
  const counts = await employeeCounts(db, id);
  const count = (state: string) => counts.get(state) ?? 0;
  if (count('pending') + count('inProgress') + count('waiting') > 0) return false;
  const to = count('failed') + count('conflict') > 0 ? 'completedWithIssues' : 'completed';
  return moveMigration(db, { id, from: ['running'], to, cause: null, actor: 'bascule' });
}
