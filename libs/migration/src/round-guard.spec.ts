import { expect, test } from 'vitest';
import { standingSettingsSchema } from '#libs/ledger';
import { whyHeld } from './round-guard.js';

const none = { create: 0, suspend: 0, licence: 0, change: 0 };
const { guard } = standingSettingsSchema.parse({ guard: { suspend: { people: 3, share: 0.02 } } });

test('a round within the guard goes through', () => {
  expect(whyHeld(guard, { planned: { ...none, suspend: 3 }, ofTheDay: none, accounts: 10 })).toBeUndefined();
  expect(whyHeld(guard, { planned: none, ofTheDay: { ...none, suspend: 99 }, accounts: 10 })).toBeUndefined();
});

test('the share counts where it is more than the number', () => {
  expect(whyHeld(guard, { planned: { ...none, suspend: 20 }, ofTheDay: none, accounts: 1_000 })).toBeUndefined();
  expect(whyHeld(guard, { planned: { ...none, suspend: 21 }, ofTheDay: none, accounts: 1_000 })).toMatch(
    /^suspensions: 21, at most 20 a day go through/,
  );
});

test('what went through within a day counts, and every limit that breaks is told', () => {
  const planned = { create: 0, suspend: 2, licence: 1, change: 5 };
  expect(whyHeld(guard, { planned, ofTheDay: { ...none, suspend: 2 }, accounts: 10 })).toBe(
    'suspensions: 2 after 2 within a day, at most 3 a day go through; changes of licence: 1, at most 0 a day go through: ' +
      'look at the plan, then approve or cancel the round',
  );
});
