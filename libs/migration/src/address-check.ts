import { GoogleCallError, type CallContext } from '#libs/google';
import {
  addressesToCheck,
  markAddressesChecked,
  readMigration,
  readPlan,
  releaseListing,
  settleTakenAddresses,
  type LeasedBatch,
} from '#libs/ledger';
import { failures, type FailureReason } from '#libs/vocabulary';
import { lagWindowMs } from './lag.js';
import { ListingRefusedError, observeDirectory } from './observing.js';
import { isWorthLookingUp, lookUpAddresses, observeMembers } from './observing-members.js';
import type { WorkerProcess } from './worker-process.js';

/**
 * Before anybody runs: reads once more who holds addresses at Google. A new address that something took since the plan is
 * its employee's conflict, everyone else goes on. A listing that breaks off is read again later; one that cannot be
 * believed, or that leaves open what no admin accepted, pauses everything.
 */
export async function checkAddresses(
  worker: WorkerProcess,
  batch: LeasedBatch,
  call: CallContext,
): Promise<FailureReason | undefined> {
  const { ledger } = worker;
  let listingId: string | undefined;
  try {
    const observation = await observe(worker, batch, call);
    ({ listingId } = observation);
    const accepted = await acceptedUnknowns(worker, batch);
    if (observation.unknowns.some((unknown) => !accepted.includes(unknown))) return 'listing_refused';
    await settleTakenAddresses(ledger, batch.migrationId, listingId, { actor: worker.name, slot: worker.slot });
    await markAddressesChecked(ledger.db, batch.migrationId);
    return undefined;
  } catch (error) {
    if (!(error instanceof ListingRefusedError)) throw error;
    const { cause } = error;
    if (cause === undefined) return 'listing_refused';
    return cause instanceof GoogleCallError && failures[cause.reason].kind === 'everyone' ? cause.reason : undefined;
  } finally {
    if (listingId !== undefined) await releaseListing(ledger.db, listingId);
  }
}

/** The whole directory, or for a round of a few people only what holds their addresses or carries their numbers. */
async function observe(
  { ledger, workspace, timeScale }: WorkerProcess,
  { migrationId }: LeasedBatch,
  call: CallContext,
) {
  const migration = await readMigration(ledger.db, migrationId);
  const isRound = migration?.selection.kind === 'round';
  if (!isRound || !(await isWorthLookingUp(ledger, migrationId))) {
    return observeDirectory(ledger, workspace, { call, lagMs: lagWindowMs / timeScale, memberGroups: [] });
  }
  const observation = await observeMembers(ledger, workspace, { call, roundId: migrationId });
  const addresses = await addressesToCheck(ledger.db, migrationId);
  await lookUpAddresses(ledger, workspace, { call, listingId: observation.listingId, addresses });
  return observation;
}

async function acceptedUnknowns({ ledger }: WorkerProcess, { migrationId }: LeasedBatch): Promise<readonly string[]> {
  const migration = await readMigration(ledger.db, migrationId);
  const planId = migration?.planId ?? null;
  return planId === null ? [] : ((await readPlan(ledger.db, planId))?.acceptedUnknowns ?? []);
}
