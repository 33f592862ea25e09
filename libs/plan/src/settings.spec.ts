import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { desiredArbitrary, desiredOf } from '../test/builders.js';
import { settingsFingerprint, settingStepsNeeded, settingsToWrite } from './settings.js';

const always = { signature: { mode: 'always' as const, value: '<b>Zoé</b>' } };

describe('the settings to write', () => {
  it('are all of them to an account that we created', () => {
    expect(settingsToWrite(desiredOf(), 'created')).toEqual({
      gmail: desiredOf().gmail,
      calendar: desiredOf().calendar,
    });
  });

  it('are the enforced ones to an adopted account', () => {
    expect(settingsToWrite(desiredOf(), 'adopted')).toEqual({ gmail: always, calendar: {} });
  });

  it('are the enforced ones to an account that was confirmed before, step by step', () => {
    const { gmail } = settingsFingerprint(desiredOf());
    expect(settingsToWrite(desiredOf(), 'created', { gmail })).toEqual({
      gmail: always,
      calendar: desiredOf().calendar,
    });
  });
});

describe('the fingerprint of settings', () => {
  it('is the same whatever order the settings stand in', () => {
    const imap = { mode: 'always' as const, value: { enabled: false } };
    const one = desiredOf({ gmail: { ...always, imap } });
    const other = desiredOf({ gmail: { imap, ...always } });
    expect(settingsFingerprint(one)).toEqual(settingsFingerprint(other));
  });

  it('changes with an enforced setting, not with one that is the person’s own', () => {
    const before = settingsFingerprint(desiredOf());
    const language = { mode: 'once' as const, value: 'de' };
    expect(settingsFingerprint(desiredOf({ gmail: { ...always, language } }))).toEqual(before);
    expect(settingsFingerprint(desiredOf({ gmail: { signature: { mode: 'always', value: 'x' } } })).gmail).not.toBe(
      before.gmail,
    );
  });

  it('means that no step is needed once it is confirmed', () => {
    fc.assert(
      fc.property(desiredArbitrary, fc.constantFrom('created' as const, 'adopted' as const), (desired, origin) => {
        const none = { gmail: false, calendar: false };
        expect(settingStepsNeeded(desired, origin, settingsFingerprint(desired))).toEqual(none);
      }),
    );
  });
});
