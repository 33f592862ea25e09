import { GoogleCallError } from '#libs/google';
import type { SettledBars, WorkItem } from '#libs/ledger';
import { accountDifferences, leaverDifferences, obstacleTo, userPatch, userWrite } from '#libs/plan';
import { markOf, type FieldChange, type ObservedAccount } from '#libs/vocabulary';
import { lookAgainMs } from '../outcome-changes.js';
import type { AccountPassword, Step, StepContext, StepResult } from '../step.js';

/** Creates, adopts or updates the account. The insert itself carries our mark, so that a lost reply can be found out. */
export const account: Step = async (context) => {
  const { item } = context;
  return item.action === 'create' && item.googleId === null ? create(context) : bringInLine(context);
};

async function create(context: StepContext): Promise<StepResult> {
  const { item, workspace, call } = context;
  if (item.inDoubt) {
    const found = await workspace.directory.getUser(call, item.desired.primaryEmail);
    if (found !== undefined) return whoseIsIt(context, found);
    // Not found proves nothing for some seconds after an insert: the next insert's refusal is the better witness.
  }
  const body = userWrite(item.desired, { employeeId: item.employeeId, password: await passwordOf(context) });
  try {
    return createdAs(item, await workspace.directory.insertUser(call, body));
  } catch (error) {
    if (!(error instanceof GoogleCallError) || error.status !== 409) throw error;
    const found = await workspace.directory.getUser(call, item.desired.primaryEmail);
    if (found === undefined) return heldByNoUser(context);
    return whoseIsIt(context, found);
  }
}

/** A group took the address since the plan, or the account that has it cannot be read yet. */
async function heldByNoUser({ item, workspace, call }: StepContext): Promise<StepResult> {
  const group = await workspace.directory.getGroup(call, item.desired.primaryEmail);
  if (group !== undefined) return { kind: 'failed', reason: 'address_taken_since' };
  return { kind: 'retry', reason: 'conflicting_request', inDoubt: true };
}

function passwordOf({ item, throwAwayPassword }: StepContext): Promise<AccountPassword> {
  if (item.desired.password === 'sso') return throwAwayPassword();
  if (item.passwordHash === null) throw new Error('no first password was sealed for an account that needs one');
  return Promise.resolve({ value: item.passwordHash, hashFunction: 'SHA-1' });
}

const createdAs = ({ desired }: WorkItem, { googleId }: ObservedAccount): StepResult => ({
  kind: 'done',
  facts: { googleId, origin: 'created' },
  account: {
    googleId,
    origin: 'created',
    wrote: true,
    bars: { suspendedByUs: desired.suspended, archivedByUs: false, foundSuspended: false, foundArchived: false },
  },
});

/** Ours is proved by our mark, never by the address. */
function whoseIsIt({ item }: StepContext, found: ObservedAccount): StepResult {
  if (markOf(found) === item.employeeId) return createdAs(item, found);
  const sameAddress = found.primaryEmail.toLowerCase() === item.desired.primaryEmail.toLowerCase();
  return { kind: 'failed', reason: sameAddress ? 'account_turned_up' : 'address_taken_since' };
}

/**
 * The account may have changed since the plan looked at it: what would be an obstacle to planning is one here too, and the
 * prior value is what is read now, not what was listed then.
 */
async function bringInLine(context: StepContext): Promise<StepResult> {
  const { item, workspace, call } = context;
  const { googleId } = item;
  if (googleId === null) return { kind: 'failed', reason: 'account_missing' };
  const origin = item.origin ?? 'adopted';
  const observed = await workspace.directory.getUser(call, googleId);
  // Our own new account may not be readable everywhere yet.
  if (observed === undefined && origin === 'created') {
    return { kind: 'waiting', reason: 'account_not_visible', lookAgainMs: lookAgainMs('account_not_visible') };
  }
  if (observed === undefined) return { kind: 'failed', reason: 'account_missing' };
  const obstacle = obstacleOf(item, observed);
  if (obstacle !== undefined) return obstacle;
  const changes =
    item.action === 'suspend'
      ? leaverDifferences(item.desired, observed, item.employeeId)
      : accountDifferences(item.desired, observed, { mark: item.employeeId });
  const isArchiving = ({ field, to }: FieldChange) => field === 'archived' && to === true;
  const settled = { googleId, origin, wrote: changes.length > 0, bars: barsAfter(item, observed, changes) };
  if (changes.length > 0) await context.recordPrior(observed);
  const write = async (some: readonly FieldChange[]) => {
    if (some.length === 0) return;
    const body = userPatch(some, observed, item.desired, { employeeId: item.employeeId });
    await workspace.directory.updateUser(call, googleId, body);
  };
  await write(changes.filter((change) => !isArchiving(change)));
  try {
    // By itself and last: where no archive licence is left, who has gone is suspended all the same.
    await write(changes.filter(isArchiving));
  } catch (error) {
    if (!(error instanceof GoogleCallError) || error.reason !== 'archive_licence_missing') throw error;
    return {
      kind: 'failed',
      reason: error.reason,
      account: { ...settled, bars: { ...settled.bars, archivedByUs: null } },
    };
  }
  return { kind: 'done', facts: { googleId, origin }, account: settled };
}

/** Whose doing the account's suspension and archiving are once the changes are written. */
function barsAfter({ desired }: WorkItem, observed: ObservedAccount, changes: readonly FieldChange[]): SettledBars {
  const archives = desired.leaving?.archive === true;
  const written = (name: string) => {
    const change = changes.find(({ field }) => field === name);
    return change === undefined ? null : change.to === true;
  };
  return {
    suspendedByUs: desired.suspended ? written('suspended') : false,
    archivedByUs: desired.suspended ? written('archived') : false,
    foundSuspended: desired.suspended && observed.suspended,
    foundArchived: archives && observed.archived,
  };
}

function obstacleOf(item: WorkItem, observed: ObservedAccount): StepResult | undefined {
  const obstacle = obstacleTo(
    {
      desired: item.desired,
      employeeId: item.employeeId,
      origin: item.origin ?? undefined,
      matchedBy: 'ledger',
      namedByAdmin: item.namedByAdmin,
      renameApproved: item.addressAsked,
      leaver: item.action === 'suspend',
      suspendedByUs: item.suspendedByUs,
      archivedByUs: item.archivedByUs,
    },
    observed,
  );
  if (obstacle?.reason === undefined) return undefined;
  return { kind: obstacle.action === 'skip' ? 'skipped' : 'failed', reason: obstacle.reason };
}
