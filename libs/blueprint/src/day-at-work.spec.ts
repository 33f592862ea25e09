import { expect, test } from 'vitest';
import { dayAtWork, lastDayOnEarth } from './day-at-work.js';

const longAgo = '2020-01-01';

test('the day is the one at the place of work, not of the server', () => {
  const lateInUtc = new Date('2026-11-25T23:30:00Z');
  expect(dayAtWork({ country: 'FR', hireDate: longAgo }, lateInUtc)).toBe('2026-11-26');
  expect(dayAtWork({ country: 'GB', hireDate: longAgo }, lateInUtc)).toBe('2026-11-25');
});

test('in a country of many time zones a first day begins early and a last day ends late', () => {
  const evening = new Date('2026-11-26T06:00:00Z');
  expect(dayAtWork({ country: 'US', hireDate: '2026-11-26' }, evening)).toBe('2026-11-26');
  expect(dayAtWork({ country: 'US', hireDate: longAgo }, evening)).toBe('2026-11-25');
});

test('a code that is no country’s has the day of UTC', () => {
  expect(dayAtWork({ country: 'ZZ', hireDate: longAgo }, new Date('2026-11-25T23:30:00Z'))).toBe('2026-11-25');
});

test('nobody on earth has a later day than the last one', () => {
  const now = new Date('2026-11-25T10:30:00Z');
  expect(lastDayOnEarth(now)).toBe('2026-11-26');
  expect(dayAtWork({ country: 'KI', hireDate: '2026-11-26' }, now)).toBe('2026-11-26');
});
