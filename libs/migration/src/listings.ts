import { GoogleCallError, type CallContext } from '#libs/google';
import {
  beginListing,
  dropListing,
  groupsAwaited,
  licencesAwaited,
  longUnlicensed,
  membershipsSeen,
  stepsAwaiting,
  storeAwaitedMemberships,
  type LeasedBatch,
  type ListedItem,
  type StepChange,
} from '#libs/ledger';
import { failures, type FailureReason, type ObservedAccount, type StepOutcome } from '#libs/vocabulary';
import { changeFor, outcomeFor } from './outcome-changes.js';
import { pages, sideBySide } from './patiently.js';
import type { WorkerProcess } from './worker-process.js';
import { confirmed } from './steps/confirm.js';
import { mailboxReady } from './steps/mailbox.js';

/** How an errand ended. A listing that is not whole says nothing about those whom it did not show. */
export interface ErrandEnd {
  readonly whole: boolean;
  /** Why everyone is affected, if so. */
  readonly halt?: FailureReason | undefined;
}

/**
 * Confirms mailboxes and accounts from users.list, 500 a page: one listing for everybody who waits, instead of one read
 * each. A match is proof; what does not match yet waits on.
 */
export async function listUsers(
  worker: WorkerProcess,
  batch: LeasedBatch,
  call: CallContext,
  signal: AbortSignal,
): Promise<ErrandEnd> {
  return tolerantly(async () => {
    const listing = pages((page) => worker.workspace.directory.listUsers(call, page));
    await settlePages(signal, listing, ({ accounts }) => settleAccounts(worker, batch, accounts));
  });
}

async function settleAccounts(
  worker: WorkerProcess,
  batch: LeasedBatch,
  accounts: readonly ObservedAccount[],
): Promise<void> {
  const byId = new Map(accounts.map((account) => [account.googleId, account]));
  const items = await stepsAwaiting(worker.ledger.db, batch.migrationId, {
    googleIds: [...byId.keys()],
    steps: ['mailbox', 'confirm'],
  });
  const changes = items.flatMap((item) => {
    const observed = byId.get(item.googleId ?? '');
    if (observed === undefined) return [];
    const outcome =
      item.step === 'mailbox'
        ? mailboxReady(observed, item.desired.suspended)
        : confirmed(item, observed, worker.timeScale);
    return worthSettling(item, outcome) ? [changeFor(item, outcome, worker.timeScale)] : [];
  });
  await commit(worker, batch, changes);
}

/** What is not settled yet is only put off when its time to be looked at had come. */
const worthSettling = (item: ListedItem, outcome: StepOutcome) => outcome.kind !== 'waiting' || item.due;

const commit = (worker: WorkerProcess, batch: LeasedBatch, changes: readonly StepChange[]) =>
  worker.settler.settleListed(batch.migrationId, changes);

/** Pages that are being settled at once: what a few of them showed is committed together. */
const pagesSettling = 6;

/** Settles each page while the next ones are read. */
async function settlePages<P>(
  signal: AbortSignal,
  listing: AsyncIterable<P>,
  settlePage: (page: P) => Promise<void>,
): Promise<void> {
  const settling: Promise<void>[] = [];
  try {
    for await (const page of listing) {
      if (settling.length >= pagesSettling) await settling.shift();
      const settled = settlePage(page);
      // Awaited in its turn; until then it is nobody's unhandled rejection.
      settled.catch(() => undefined);
      settling.push(settled);
      if (signal.aborted) return;
    }
  } finally {
    await Promise.all(settling);
  }
}

const membershipPage = 1_000;
/** A large company has a thousand groups and more, most of them of a page: read one after the other they would take an hour. */
const groupsSideBySide = 8;

/** Confirms memberships from members.list, group by group: an employee's are done when all their groups show them. */
export async function listMembers(
  worker: WorkerProcess,
  batch: LeasedBatch,
  call: CallContext,
  signal: AbortSignal,
): Promise<ErrandEnd> {
  const { db } = worker.ledger;
  const listingId = await beginListing(db);
  try {
    return await tolerantly(async () => {
      await sideBySide(await groupsAwaited(db, batch.migrationId), groupsSideBySide, async (group) => {
        for await (const page of pages((token) => worker.workspace.directory.listMembers(call, group, token))) {
          if (signal.aborted) return;
          const googleIds = page.members.map(({ googleId }) => googleId);
          await storeAwaitedMemberships(db, batch.migrationId, listingId, { email: group, googleIds });
        }
      });
      if (!signal.aborted) await settleMemberships(worker, batch, listingId);
    });
  } finally {
    await dropListing(db, listingId);
  }
}

async function settleMemberships(worker: WorkerProcess, batch: LeasedBatch, listingId: string): Promise<void> {
  for (let after = 0; ;) {
    const page = await membershipsSeen(worker.ledger.db, batch.migrationId, listingId, {
      after,
      limit: membershipPage,
    });
    const changes = page.map(({ enrolmentId, seen, overdue, attempts }) =>
      changeFor(
        { enrolmentId, step: 'groups', attempts, overdue, inDoubt: false },
        seen ? { kind: 'done' } : outcomeFor('membership_not_visible', { inDoubt: false }),
        worker.timeScale,
      ),
    );
    await commit(worker, batch, changes);
    after = page.at(-1)?.enrolmentId ?? after;
    if (page.length < membershipPage) return;
  }
}

/** Long enough for Google to have assigned a licence, in Google's time. */
const licencePatienceMs = 900_000;
/** One sweep corrects so many at most: the API takes one licence a second. */
const correctedMax = 100;

/**
 * Confirms automatic licences from the licence listing, 100 a page, and corrects what Google passed over. Under automatic
 * licensing nobody tells us that the pool is empty, and accounts that were made meanwhile stay without a licence even when
 * there are some again: so one that has waited long is assigned by us, and if Google refuses that, its reason is the cause.
 */
export async function listLicences(
  worker: WorkerProcess,
  batch: LeasedBatch,
  call: CallContext,
  signal: AbortSignal,
): Promise<ErrandEnd> {
  const { db } = worker.ledger;
  return tolerantly(async () => {
    for (const licence of await licencesAwaited(db, batch.migrationId)) {
      const listing = pages((page) => worker.workspace.licensing.list(call, licence, page));
      await settlePages(signal, listing, ({ addresses }) => settleLicences(worker, batch, addresses));
      if (signal.aborted) return;
    }
    const waitedMs = licencePatienceMs / worker.timeScale;
    const passedOver = await longUnlicensed(db, batch.migrationId, waitedMs, correctedMax);
    await assignPassedOver(worker, batch, call, signal, passedOver);
  });
}

/** Corrections are committed in groups, at least this often: under Google's quota that is one by one. */
const correctionsGroupMs = 250;

async function assignPassedOver(
  worker: WorkerProcess,
  batch: LeasedBatch,
  call: CallContext,
  signal: AbortSignal,
  items: readonly ListedItem[],
): Promise<void> {
  let assigned: StepChange[] = [];
  let committedAt = performance.now();
  const settleAssigned = async () => {
    const changes = assigned;
    assigned = [];
    await commit(worker, batch, changes);
    committedAt = performance.now();
  };
  try {
    for (const item of items) {
      if (signal.aborted) return;
      if (await assignLicence(worker, call, item)) assigned.push(changeFor(item, { kind: 'done' }, worker.timeScale));
      if (performance.now() - committedAt >= correctionsGroupMs) await settleAssigned();
    }
  } finally {
    await settleAssigned();
  }
}

/** What hits this account alone is left to its own step and deadline; what would hit everyone is thrown. */
async function assignLicence(worker: WorkerProcess, call: CallContext, item: ListedItem): Promise<boolean> {
  try {
    await worker.workspace.licensing.insert(call, item.desired.licence, item.desired.primaryEmail);
    return true;
  } catch (error) {
    if (!(error instanceof GoogleCallError) || failures[error.reason].kind === 'everyone') throw error;
    // It has one after all: Google was only slow.
    return error.reason === 'licence_not_visible';
  }
}

async function settleLicences(worker: WorkerProcess, batch: LeasedBatch, addresses: readonly string[]): Promise<void> {
  const items = await stepsAwaiting(worker.ledger.db, batch.migrationId, {
    addresses: addresses.map((address) => address.toLowerCase()),
    steps: ['licence'],
  });
  await commit(
    worker,
    batch,
    items
      .filter(({ desired }) => desired.licence.assignment === 'automatic')
      .map((item) => changeFor(item, { kind: 'done' }, worker.timeScale)),
  );
}

/** A listing that breaks off has settled what it showed; only trouble that hits everyone is more than another try. */
async function tolerantly(list: () => Promise<void>): Promise<ErrandEnd> {
  try {
    await list();
    return { whole: true };
  } catch (error) {
    if (!(error instanceof GoogleCallError)) throw error;
    return { whole: false, halt: failures[error.reason].kind === 'everyone' ? error.reason : undefined };
  }
}
