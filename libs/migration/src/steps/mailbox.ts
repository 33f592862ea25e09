import type { ObservedAccount, StepOutcome } from '#libs/vocabulary';
import { lookAgainMs } from '../outcome-changes.js';
import type { Step } from '../step.js';

/**
 * The mailbox exists when Google says so of the account (`isMailboxSetup`); waiting for it spends no quota. A suspended
 * account's may come with the first working day only.
 */
export function mailboxReady(observed: ObservedAccount, suspended: boolean): StepOutcome {
  if (observed.isMailboxSetup) return { kind: 'done' };
  if (suspended) {
    return { kind: 'waiting', reason: 'suspended_until_start', lookAgainMs: lookAgainMs('suspended_until_start') };
  }
  return { kind: 'waiting', reason: 'mailbox_not_ready', lookAgainMs: lookAgainMs('mailbox_not_ready') };
}

export const mailbox: Step = async ({ item, workspace, call }) => {
  if (item.googleId === null) return { kind: 'failed', reason: 'account_missing' };
  if (item.desired.suspended && item.waitedFor === 'suspended_until_start') {
    // Looked at before: until the first working day a look costs nothing.
    return { kind: 'waiting', reason: 'suspended_until_start', lookAgainMs: lookAgainMs('suspended_until_start') };
  }
  const observed = await workspace.directory.getUser(call, item.googleId);
  if (observed === undefined) {
    return { kind: 'waiting', reason: 'account_not_visible', lookAgainMs: lookAgainMs('account_not_visible') };
  }
  return mailboxReady(observed, item.desired.suspended);
};
