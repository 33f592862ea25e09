/** One queue per Google API: a slow quota in one never holds another up. */
export const lanes = ['directory', 'licensing', 'gmail', 'calendar'] as const;
export type Lane = (typeof lanes)[number];

/**
 * The steps of one employee, in the order in which a person would do them. `waitsFor` makes the graph: gmail waits for
 * the mailbox, calendar does not wait for gmail. `listed` steps are confirmed from Google's listings when many wait, by
 * one read each when few do.
 */
export const steps = {
  account: { lane: 'directory', waitsFor: [], listed: false },
  aliases: { lane: 'directory', waitsFor: ['account'], listed: false },
  licence: { lane: 'licensing', waitsFor: ['account'], listed: true },
  groups: { lane: 'directory', waitsFor: ['account'], listed: false },
  mailbox: { lane: 'directory', waitsFor: ['account', 'licence'], listed: true },
  gmail: { lane: 'gmail', waitsFor: ['mailbox'], listed: false },
  calendar: { lane: 'calendar', waitsFor: ['account'], listed: false },
  confirm: { lane: 'directory', waitsFor: ['account', 'aliases', 'groups'], listed: true },
} as const satisfies Record<string, { lane: Lane; waitsFor: readonly string[]; listed: boolean }>;

export type StepName = keyof typeof steps;

export const stepNames = Object.keys(steps) as readonly StepName[];

export function isStepName(word: string): word is StepName {
  return Object.hasOwn(steps, word);
}
