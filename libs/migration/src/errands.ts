import { LeaseTooShortError, type CallContext } from '#libs/google';
import { calendarIdsOf, endErrand, type LeasedBatch } from '#libs/ledger';
import { GateClosedError } from '#libs/quota';
import type { Lane } from '#libs/vocabulary';
import { checkAddresses } from './address-check.js';
import { listLicences, listMembers, listUsers, type ErrandEnd } from './listings.js';
import type { WorkerProcess } from './worker-process.js';
import { runSharedActions } from './shared-actions.js';

/**
 * Batches that carry no employees of their own: the look at new addresses before anybody runs, the shared actions, and the
 * listings that confirm many at once.
 */
export type ErrandKind = 'addresses' | 'shared' | 'list-users' | 'list-members' | 'list-licences';

export const errandLane: Readonly<Record<ErrandKind, Lane>> = {
  addresses: 'directory',
  shared: 'directory',
  'list-users': 'directory',
  'list-members': 'directory',
  'list-licences': 'licensing',
};

/** Runs an errand under its lease. What it changed stands, page by page; what is left is found again by the dispatcher. */
export async function runErrand(
  worker: WorkerProcess,
  batch: LeasedBatch,
  call: CallContext,
  signal: AbortSignal,
): Promise<void> {
  const { whole, halt } = await untilStopped(worker, batch, signal, () => runKind(worker, batch, call, signal));
  await endErrand(worker.ledger.db, batch, whole && !signal.aborted);
  if (halt !== undefined) await worker.halt(batch.migrationId, halt);
}

/** A pause, a drain, a lost lease or a flushed Redis ends an errand early: that is no fault, and the lease is given back. */
async function untilStopped(
  worker: WorkerProcess,
  batch: LeasedBatch,
  signal: AbortSignal,
  run: () => Promise<ErrandEnd>,
): Promise<ErrandEnd> {
  try {
    return await run();
  } catch (error) {
    const stopped = error instanceof GateClosedError || error instanceof LeaseTooShortError || signal.aborted;
    if (!stopped) throw error;
    if (error instanceof GateClosedError && error.missing) await worker.reopenGate(batch.migrationId);
    return { whole: false };
  }
}

async function runKind(
  worker: WorkerProcess,
  batch: LeasedBatch,
  call: CallContext,
  signal: AbortSignal,
): Promise<ErrandEnd> {
  switch (batch.kind) {
    case 'addresses':
      return { whole: true, halt: await checkAddresses(worker, batch, call) };
    case 'shared': {
      const { planId } = await calendarIdsOf(worker.ledger.db, batch.migrationId);
      const run = { planId, call, signal, timeScale: worker.timeScale };
      return { whole: true, halt: await runSharedActions(worker.ledger, worker.workspace, run) };
    }
    case 'list-users':
      return listUsers(worker, batch, call, signal);
    case 'list-members':
      return listMembers(worker, batch, call, signal);
    case 'list-licences':
      return listLicences(worker, batch, call, signal);
    default:
      throw new Error(`unknown kind of batch in the ledger: ${batch.kind}; is an older version running?`);
  }
}
