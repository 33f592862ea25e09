import { GoogleCallError, LeaseTooShortError, type CallContext } from '#libs/google';
import {
  leaseBatch,
  recordPriorValues,
  renewLease,
  type BatchHint,
  type LeasedBatch,
  type Ledger,
  type SettledAccount,
  type WorkItem,
} from '#libs/ledger';
import { GateClosedError } from '#libs/quota';
import type { FailureReason } from '#libs/vocabulary';
import { changeFor, outcomeFor } from './outcome-changes.js';
import { runErrand } from './errands.js';
import { reviewBatch } from './newer-batch.js';
import type { WorkerProcess } from './worker-process.js';
import type { StepContext, StepResult } from './step.js';

/**
 * Runs the batch that a job's hint names: leases it, runs its employees side by side, settles their outcomes, gives back
 * what a drain, a pause or the deadline left over. A batch that cannot be leased ends quietly.
 */
export async function runBatch(worker: WorkerProcess, hint: BatchHint, drain: AbortSignal): Promise<void> {
  const leaseStarted = performance.now();
  const batch = await leaseBatch(worker.ledger, hint.batchId, worker);
  if (batch === undefined) return;
  const lease = new HeldLease(worker, batch, leaseStarted);
  const stop = new AbortController();
  const abort = () => stop.abort();
  drain.addEventListener('abort', abort, { once: true });
  lease.onLost = abort;
  // An errand reads a listing as long as it takes: what it holds up is told by its own pauses.
  const deadline = batch.items.length > 0 ? setTimeout(abort, worker.batchMaxMs) : undefined;
  if (drain.aborted) abort();
  try {
    const employeeScopes = await worker.employeeScopes(batch.migrationId);
    const call = lease.callContext(stop.signal, employeeScopes);
    if (batch.items.length > 0) await runEmployees(worker, batch, call, stop);
    else await runErrand(worker, batch, call, stop.signal);
  } finally {
    clearTimeout(deadline);
    drain.removeEventListener('abort', abort);
    lease.stop();
  }
}

/** The lease as this process knows it: extended while the batch runs, its end on the process's monotonic clock. */
class HeldLease {
  onLost: () => void = () => undefined;
  private until: number;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly worker: WorkerProcess,
    private readonly batch: LeasedBatch,
    startedAt: number,
  ) {
    this.until = startedAt + worker.leaseMs;
    this.timer = setInterval(() => void this.renew(), worker.leaseMs / 4);
  }

  callContext(signal: AbortSignal, employeeScopes: readonly string[] | undefined): CallContext {
    const untilNow = () => this.until;
    return {
      migrationId: this.batch.migrationId,
      signal,
      employeeScopes,
      get leaseUntil() {
        return untilNow();
      },
    };
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async renew(): Promise<void> {
    const startedAt = performance.now();
    try {
      const { batchId, fence } = this.batch;
      if (await renewLease(this.worker.ledger.db, batchId, fence, this.worker.leaseMs)) {
        this.until = startedAt + this.worker.leaseMs;
      } else {
        this.onLost();
      }
    } catch (fault) {
      // The lease runs on; when it ends before the ledger is back, no call leaves any more.
      this.worker.onFault(fault, { batchId: this.batch.batchId });
    }
  }
}

async function runEmployees(
  worker: WorkerProcess,
  batch: LeasedBatch,
  call: CallContext,
  stop: AbortController,
): Promise<void> {
  const reviewed = await reviewBatch(worker, batch);
  if (reviewed === undefined) return;
  const outcomes = worker.settler.open(batch, () => stop.abort());
  for (const { item, outcome } of reviewed.settled) {
    outcomes.add(changeFor(item, outcome, worker.timeScale), undefined);
  }
  const prior = new PriorValues(worker.ledger);
  const calendarIds = await worker.calendarIds(batch.migrationId);
  let halted: FailureReason | undefined;
  const queue = reviewed.items.values();
  const runNext = async () => {
    for (const item of queue) {
      const context: StepContext = {
        item,
        workspace: worker.workspace,
        call,
        recordPrior: (value) => prior.record(item, value),
        calendarIds,
        throwAwayPassword: () => worker.throwAwayPassword(),
      };
      const result = stop.signal.aborted ? released(item) : await runStep(worker, batch, context);
      if (result.kind === 'halt' && halted === undefined) {
        halted = result.reason;
        stop.abort();
        await worker.halt(batch.migrationId, result.reason);
      }
      outcomes.add(changeFor(item, result, worker.timeScale), settledAccount(item, result));
    }
  };
  await Promise.all(Array.from({ length: worker.concurrency }, runNext));
  await outcomes.finish();
}

const released = (item: WorkItem): StepResult => ({ kind: 'released', inDoubt: item.inDoubt });

/** One employee's trouble is that employee's alone: whatever is thrown becomes this employee's outcome. */
async function runStep(worker: WorkerProcess, batch: LeasedBatch, context: StepContext): Promise<StepResult> {
  const { item } = context;
  for (;;) {
    try {
      return await worker.steps[item.step](context);
    } catch (error) {
      if (error instanceof GoogleCallError) return outcomeOf(error, item);
      if (error instanceof GateClosedError && error.missing && (await worker.reopenGate(batch.migrationId))) continue;
      if (error instanceof GateClosedError || error instanceof LeaseTooShortError || context.call.signal?.aborted) {
        // Nothing left under this permit, but an earlier call of the step may have: the next try reads first.
        return { kind: 'released', inDoubt: true };
      }
      worker.onFault(error, { batchId: batch.batchId, enrolmentId: item.enrolmentId, step: item.step });
      return { kind: 'failed', reason: 'internal_fault' };
    }
  }
}

function outcomeOf(error: GoogleCallError, item: WorkItem): StepResult {
  const inDoubt = item.inDoubt || error.effect === 'unknown';
  return outcomeFor(
    error.reason,
    error.retryAfterMs === undefined ? { inDoubt } : { inDoubt, retryAfterMs: error.retryAfterMs },
  );
}

const nothingLearnt = { suspendedByUs: null, archivedByUs: null, foundSuspended: false, foundArchived: false };

function settledAccount(item: WorkItem, result: StepResult): SettledAccount | undefined {
  const { account } = result;
  if (account === undefined) return undefined;
  return {
    employeeId: item.employeeId,
    googleId: account.googleId,
    primaryEmail: item.desired.primaryEmail,
    origin: account.origin,
    wrote: account.wrote,
    gmailHash: account.gmailHash ?? null,
    calendarHash: account.calendarHash ?? null,
    enrolmentId: item.enrolmentId,
    bars: account.bars ?? nothingLearnt,
  };
}

const priorGroupMs = 20;

/** Commits prior values set-wise: those of a moment go in one statement, and each write waits for its own. */
class PriorValues {
  private waiting: { item: WorkItem; value: unknown }[] = [];
  private group: Promise<void> | undefined;

  constructor(private readonly ledger: Ledger) {}

  record(item: WorkItem, value: unknown): Promise<void> {
    this.waiting.push({ item, value });
    this.group ??= new Promise<void>((resolve) => setTimeout(resolve, priorGroupMs)).then(() => this.commit());
    return this.group;
  }

  private async commit(): Promise<void> {
    const group = this.waiting;
    this.waiting = [];
    this.group = undefined;
    await recordPriorValues(
      this.ledger.db,
      group.map(({ item, value }) => ({
        enrolmentId: item.enrolmentId,
        step: item.step,
        googleId: item.googleId,
        value,
      })),
    );
  }
}
