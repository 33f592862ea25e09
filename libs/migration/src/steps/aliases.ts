import { GoogleCallError } from '#libs/google';
import type { Step, StepContext, StepResult } from '../step.js';

/** Adds the aliases that are missing. An alias that is already this account's is done; anybody else's is a conflict. */
export const aliases: Step = async (context) => {
  const { item, workspace, call } = context;
  const { googleId } = item;
  if (googleId === null) return { kind: 'failed', reason: 'account_missing' };
  for (const alias of item.desired.aliases) {
    try {
      await workspace.directory.insertAlias(call, googleId, alias);
    } catch (error) {
      if (!(error instanceof GoogleCallError) || error.status !== 409) throw error;
      const refusal = await unlessOurs(context, googleId, alias);
      if (refusal !== undefined) return refusal;
    }
  }
  const origin = item.origin ?? 'adopted';
  return { kind: 'done', account: { googleId, origin, wrote: item.desired.aliases.length > 0 } };
};

/**
 * Whose the alias is. Asked by the alias itself: a list of the account's aliases may be a minute old and lack the one that
 * was just added, while an address leads to its holder or to nobody.
 */
async function unlessOurs(
  { workspace, call }: StepContext,
  googleId: string,
  alias: string,
): Promise<StepResult | undefined> {
  const holder = await workspace.directory.getUser(call, alias);
  if (holder?.googleId === googleId) return undefined;
  if (holder !== undefined) return { kind: 'failed', reason: 'address_held_by_alias' };
  if ((await workspace.directory.getGroup(call, alias)) !== undefined) {
    return { kind: 'failed', reason: 'address_held_by_group' };
  }
  return { kind: 'retry', reason: 'conflicting_request', inDoubt: true };
}
