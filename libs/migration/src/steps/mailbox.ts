import type { ObservedAccount, StepOutcome } from '#libs/vocabulary';
import { lookAgainMs } from '../outcome-changes.js';
import type { Step } from '../step.js';

/** The mailbox exists when Google says so of the account (`isMailboxSetup`); waiting for it spends no quota. */
export function mailboxReady(observed: ObservedAccount): StepOutcome {
  if (observed.isMailboxSetup) return { kind: 'done' };
  return { kind: 'waiting', reason: 'mailbox_not_ready', lookAgainMs: lookAgainMs('mailbox_not_ready') };
}

export const mailbox: Step = async ({ item, workspace, call }) => {
  if (item.googleId === null) return { kind: 'failed', reason: 'account_missing' };
  const observed = await workspace.directory.getUser(call, item.googleId);
  if (observed === undefined) {
    return { kind: 'waiting', reason: 'account_not_visible', lookAgainMs: lookAgainMs('account_not_visible') };
  }
  return mailboxReady(observed);
};
