import { GoogleCallError } from '#libs/google';
import { accountDifferences, userPatch, userWrite } from '#libs/plan';
import { markOf, type ObservedAccount } from '#libs/vocabulary';
import type { Step, StepContext, StepResult } from '../step.js';

/** Creates, adopts or updates the account. The insert itself carries our mark, so that a lost reply can be found out. */
export const account: Step = async (context) => {
  const { item } = context;
  if (item.newerVersion && item.employmentStatus === 'terminated' && item.action !== 'suspend') {
    return { kind: 'skipped', reason: 'left' };
  }
  return item.action === 'create' && item.googleId === null ? create(context) : bringInLine(context);
};

async function create(context: StepContext): Promise<StepResult> {
  const { item, workspace, call } = context;
  if (item.inDoubt) {
    const found = await workspace.directory.getUser(call, item.desired.primaryEmail);
    if (found !== undefined) return whoseIsIt(context, found);
    // Not found proves nothing for some seconds after an insert: the next insert's refusal is the better witness.
  }
  const body = userWrite(item.desired, { employeeId: item.employeeId, password: await context.password() });
  try {
    return createdAs(await workspace.directory.insertUser(call, body));
  } catch (error) {
    if (!(error instanceof GoogleCallError) || error.status !== 409) throw error;
    const found = await workspace.directory.getUser(call, item.desired.primaryEmail);
    if (found === undefined) return { kind: 'retry', reason: 'conflicting_request', inDoubt: true };
    return whoseIsIt(context, found);
  }
}

const createdAs = ({ googleId }: ObservedAccount): StepResult => ({
  kind: 'done',
  facts: { googleId, origin: 'created' },
  account: { googleId, origin: 'created', wrote: true },
});

/** Ours is proved by our mark, never by the address. */
function whoseIsIt({ item }: StepContext, found: ObservedAccount): StepResult {
  if (markOf(found) === item.employeeId) return createdAs(found);
  const sameAddress = found.primaryEmail.toLowerCase() === item.desired.primaryEmail.toLowerCase();
  return { kind: 'failed', reason: sameAddress ? 'account_turned_up' : 'address_taken_since' };
}

async function bringInLine({ item, workspace, call }: StepContext): Promise<StepResult> {
  if (item.googleId === null) return { kind: 'failed', reason: 'account_missing' };
  const origin = item.origin ?? 'adopted';
  const observed = await workspace.directory.getUser(call, item.googleId);
  if (observed === undefined) return { kind: 'failed', reason: 'account_missing' };
  const mark = markOf(observed);
  if (mark !== undefined && mark !== item.employeeId) return { kind: 'failed', reason: 'account_claimed_twice' };
  const changes = accountDifferences(item.desired, observed, { mark: item.employeeId }).filter(
    ({ field }) => item.action !== 'suspend' || field === 'suspended',
  );
  if (changes.length > 0) {
    const body = userPatch(changes, observed, item.desired, { employeeId: item.employeeId });
    await workspace.directory.updateUser(call, item.googleId, body);
  }
  const { googleId } = item;
  return {
    kind: 'done',
    facts: { googleId, origin },
    account: { googleId, origin, wrote: changes.length > 0 },
  };
}
