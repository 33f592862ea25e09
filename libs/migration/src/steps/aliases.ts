import { GoogleCallError } from '#libs/google';
import type { Step } from '../step.js';

/** Adds the aliases that are missing. An alias that is already this account's is done; anybody else's is a conflict. */
export const aliases: Step = async ({ item, workspace, call }) => {
  const { googleId } = item;
  if (googleId === null) return { kind: 'failed', reason: 'account_missing' };
  for (const alias of item.desired.aliases) {
    try {
      await workspace.directory.insertAlias(call, googleId, alias);
    } catch (error) {
      if (!(error instanceof GoogleCallError) || error.status !== 409) throw error;
      const held = await workspace.directory.listAliases(call, googleId);
      if (!held.some((address) => address.toLowerCase() === alias.toLowerCase())) {
        return { kind: 'failed', reason: 'address_held_by_alias' };
      }
    }
  }
  const origin = item.origin ?? 'adopted';
  return { kind: 'done', account: { googleId, origin, wrote: item.desired.aliases.length > 0 } };
};
