import { GoogleCallError } from '#libs/google';
import type { StepFacts } from '#libs/vocabulary';
import { lookAgainMs } from '../outcome-changes.js';
import type { Step, StepContext, StepResult } from '../step.js';

/**
 * Adds the account to its groups, then waits until the memberships are seen: in the listings when many wait, by one read
 * each when few do. A membership that stays unseen is written once more, then it is a failure.
 */
export const groups: Step = async (context) => {
  const { item } = context;
  if (item.facts['asked'] !== true || item.inDoubt) return join(context, { asked: true });
  const missing = await unseen(context);
  if (missing.length === 0) return { kind: 'done' };
  if (!item.overdue) return waiting({});
  if (item.facts['joinedAgain'] === true) return { kind: 'failed', reason: 'mismatch_persists' };
  return join(context, { joinedAgain: true });
};

const waiting = (facts: StepFacts): StepResult => ({
  kind: 'waiting',
  reason: 'membership_not_visible',
  lookAgainMs: lookAgainMs('membership_not_visible'),
  facts,
});

async function join(context: StepContext, facts: StepFacts) {
  const { item, workspace, call } = context;
  const joined = new Set(joinedBefore(item.facts));
  for (const group of item.desired.groups) {
    try {
      await workspace.directory.insertMember(call, group, { email: item.desired.primaryEmail });
      joined.add(group);
    } catch (error) {
      // Already a member, or applied late: the listing will tell.
      if (!(error instanceof GoogleCallError) || error.status !== 409) throw error;
    }
  }
  await leave(context);
  return waiting({ ...facts, ...(joined.size > 0 && { joined: [...joined] }) });
}

const joinedBefore = ({ joined }: Readonly<Record<string, unknown>>): readonly string[] =>
  Array.isArray(joined) ? joined.filter((group): group is string => typeof group === 'string') : [];

async function leave({ item, workspace, call }: StepContext): Promise<void> {
  for (const group of item.desired.groupsToLeave ?? []) {
    try {
      await workspace.directory.deleteMember(call, group, item.desired.primaryEmail);
    } catch (error) {
      // Not a member any more, or the group is gone: what was wanted.
      if (!(error instanceof GoogleCallError) || error.status !== 404) throw error;
    }
  }
}

/** Groups that do not show yet what was asked for. */
async function unseen({ item, workspace, call }: StepContext): Promise<string[]> {
  const missing: string[] = [];
  for (const group of item.desired.groups) {
    const member = await workspace.directory.getMember(call, group, item.desired.primaryEmail);
    if (member === undefined) missing.push(group);
  }
  for (const group of item.desired.groupsToLeave ?? []) {
    const member = await workspace.directory.getMember(call, group, item.desired.primaryEmail);
    if (member !== undefined) missing.push(group);
  }
  return missing;
}
