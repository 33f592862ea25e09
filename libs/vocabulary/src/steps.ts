/** One queue per Google API: a slow quota in one never holds another up. */
export const lanes = ['directory', 'licensing', 'gmail', 'calendar'] as const;
export type Lane = (typeof lanes)[number];

/**
 * The steps of one employee, in the order in which a person would do them. `waitsFor` makes the graph: gmail waits for
 * the mailbox, calendar does not wait for gmail. `listed` steps are confirmed from Google's listings when many wait, by
 * one read each when few do. `firstTryAfterMs` is how long Google usually needs after a new account before the step can
 * work at all (in Google's time: divided by the time scale); trying earlier only spends quota.
 */
export const steps = {
  account: { lane: 'directory', waitsFor: [], listed: false, firstTryAfterMs: 0 },
  aliases: { lane: 'directory', waitsFor: ['account'], listed: false, firstTryAfterMs: 20_000 },
  licence: { lane: 'licensing', waitsFor: ['account'], listed: false, firstTryAfterMs: 20_000 },
  groups: { lane: 'directory', waitsFor: ['account'], listed: false, firstTryAfterMs: 15_000 },
  mailbox: { lane: 'directory', waitsFor: ['account', 'licence'], listed: true, firstTryAfterMs: 60_000 },
  gmail: { lane: 'gmail', waitsFor: ['mailbox'], listed: false, firstTryAfterMs: 0 },
  calendar: { lane: 'calendar', waitsFor: ['account'], listed: false, firstTryAfterMs: 60_000 },
  confirm: { lane: 'directory', waitsFor: ['account', 'aliases', 'groups'], listed: true, firstTryAfterMs: 60_000 },
} as const satisfies Record<
  string,
  { lane: Lane; waitsFor: readonly string[]; listed: boolean; firstTryAfterMs: number }
>;

export type StepName = keyof typeof steps;

export const stepNames = Object.keys(steps).filter(isStepName);

export function isStepName(word: string): word is StepName {
  return Object.hasOwn(steps, word);
}

/** Reads a stored step; a word that this version lacks is a fault of the deployment, not a default. */
export function parseStepName(word: string): StepName {
  if (!isStepName(word)) throw new Error(`unknown step in the ledger: ${word}; is an older version running?`);
  return word;
}
