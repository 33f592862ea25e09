import type { RoundActs, StandingSettings } from '#libs/ledger';
import { limitOf } from '#libs/vocabulary';

const words = {
  create: 'new accounts',
  suspend: 'suspensions',
  licence: 'changes of licence',
  change: 'changed accounts',
} as const satisfies Record<keyof RoundActs, string>;

const actNames = ['create', 'suspend', 'licence', 'change'] as const;

/**
 * Why a round must wait for a person, in a sentence for the admin; undefined when it stays within what the standing rule
 * lets through. What other rounds did within a day counts: many small deliveries are one large one. Pure.
 */
export function whyHeld(
  guard: StandingSettings['guard'],
  { planned, ofTheDay, accounts }: { planned: RoundActs; ofTheDay: RoundActs; accounts: number },
): string | undefined {
  const broken = actNames.flatMap((act) => {
    const most = limitOf(guard[act], accounts);
    if (planned[act] === 0 || planned[act] + ofTheDay[act] <= most) return [];
    const before = ofTheDay[act] === 0 ? '' : ` after ${ofTheDay[act]} within a day`;
    return [`${words[act]}: ${planned[act]}${before}, at most ${most} a day go through`];
  });
  if (broken.length === 0) return undefined;
  return `${broken.join('; ')}: look at the plan, then approve or cancel the round`;
}
