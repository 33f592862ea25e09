import type { WorkItem } from '#libs/ledger';
import { accountDifferences, leaverDifferences, missingAliases, userPatch } from '#libs/plan';
import type { ObservedAccount, StepOutcome } from '#libs/vocabulary';
import { lookAgainMs } from '../outcome-changes.js';
import { lagWindowMs } from '../lag.js';
import type { Step } from '../step.js';

function differences(item: WorkItem, observed: ObservedAccount) {
  const { desired, employeeId } = item;
  if (item.action === 'suspend') return { fields: leaverDifferences(desired, observed, employeeId), aliases: [] };
  return {
    fields: accountDifferences(desired, observed, { mark: employeeId }),
    aliases: missingAliases(desired, observed),
  };
}

/**
 * Done means confirmed: the account as Google shows it is what the blueprint says. A mismatch younger than Google's lag is
 * waiting; an older one goes to a look of its own, which repairs it once.
 */
export function confirmed(item: WorkItem, observed: ObservedAccount, timeScale: number): StepOutcome {
  const { fields, aliases } = differences(item, observed);
  if (fields.length === 0 && aliases.length === 0) return { kind: 'done' };
  const settled = item.sinceWrittenMs !== null && item.sinceWrittenMs > lagWindowMs / timeScale;
  if (settled) return { kind: 'retry', reason: 'change_not_visible', inDoubt: true };
  return { kind: 'waiting', reason: 'change_not_visible', lookAgainMs: lookAgainMs('change_not_visible') };
}

export const confirm: Step = async ({ item, workspace, call }) => {
  const { googleId } = item;
  if (googleId === null) return { kind: 'failed', reason: 'account_missing' };
  const observed = await workspace.directory.getUser(call, googleId);
  if (observed === undefined) {
    return { kind: 'waiting', reason: 'account_not_visible', lookAgainMs: lookAgainMs('account_not_visible') };
  }
  const { fields, aliases } = differences(item, observed);
  if (fields.length === 0 && aliases.length === 0) return { kind: 'done' };
  const wait = {
    kind: 'waiting',
    reason: 'change_not_visible',
    lookAgainMs: lookAgainMs('change_not_visible'),
  } as const;
  if (!item.inDoubt && !item.overdue) return wait;
  if (item.facts['repaired'] === true) return { kind: 'failed', reason: 'mismatch_persists' };
  if (fields.length > 0) {
    const body = userPatch(fields, observed, item.desired, { employeeId: item.employeeId });
    await workspace.directory.updateUser(call, googleId, body);
  }
  for (const alias of aliases) await workspace.directory.insertAlias(call, googleId, alias);
  const origin = item.origin ?? 'adopted';
  return { ...wait, facts: { repaired: true }, account: { googleId, origin, wrote: true } };
};
