import { expect, test } from 'vitest';
import { foldedWords, searchWords } from './names.js';

const record = (givenName: string, familyName: string, latin = '') => ({
  employeeNumber: '1',
  status: 'active' as const,
  workerType: 'employee' as const,
  legalName: { givenName, familyName },
  ...(latin !== '' && { latinName: { familyName: latin } }),
  hireDate: '2020-01-01',
  country: 'DE',
  legacyEmails: [],
});

test.each([
  ['Zoë', 'Müller', 'Zoe Muller'],
  ['Zoë', 'Müller', 'MUELLER zoe'],
  ['Jean-Noël', 'L’Hôpital', "l'hopital jean noel"],
  ['Jean-Noël', 'L’Hôpital', 'Hopital'],
  ['Sørine', 'Ågård', 'Soerine Aagaard'],
  ['Świętosława', 'Brzęczyszczykiewicz-Łącka', 'lacka swietoslawa'],
  ['Юлія', 'Згурська', 'Юлія'],
])('%s %s is found as %s', (given, family, typed) => {
  const words = searchWords(record(given, family));
  for (const word of foldedWords(typed)) expect(words.some((one) => one.startsWith(word))).toBe(true);
});

test('the Latin spelling of a name is found too', () => {
  expect(searchWords(record('伟', '张', 'Zhang'))).toContain('zhang');
});

test('words hold Latin letters and digits only', () => {
  for (const word of searchWords(record("'; drop table --", '🌸 A-12 & | ! :*'))) expect(word).toMatch(/^[a-z0-9]+$/);
});
