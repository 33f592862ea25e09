import { expect, test } from 'vitest';
import type { DesiredAccount, PlannedEmployee } from '#libs/vocabulary';
import { CallTally } from './call-tally.js';

const desired: DesiredAccount = {
  primaryEmail: 'zoe@shop.example',
  name: { givenName: 'Zoé', familyName: 'L' },
  orgUnitPath: '/',
  suspended: false,
  employeeNumber: '1',
  organization: {},
  phones: [],
  aliases: ['z@shop.example'],
  groups: ['all@shop.example', 'fr@shop.example'],
  licence: { assignment: 'assign', productId: 'Google-Apps', skuId: '1' },
  password: 'sso',
  gmail: { language: { mode: 'once', value: 'fr' }, signature: { mode: 'always', value: 'Z' } },
  calendar: { timeZone: { mode: 'once', value: 'Europe/Paris' } },
};
const create: PlannedEmployee = {
  action: 'create',
  desired,
  steps: ['account', 'aliases', 'licence', 'groups', 'mailbox', 'gmail', 'calendar', 'confirm'],
  changes: [],
};

test('counts what one new employee costs at each API, the listings that confirm included', () => {
  const tally = new CallTally();
  tally.add(create);
  expect(Object.fromEntries(tally.total(1, 2))).toEqual({
    'directory.users.insert': 1,
    'directory.aliases.insert': 1,
    'directory.members.insert': 2,
    'licensing.licenseAssignments.insert': 1,
    'token.mint': 1,
    'gmail.settings.updateLanguage': 1,
    'gmail.settings.sendAs.patch': 1,
    'gmail.settings.sendAs.get': 1,
    'calendar.calendars.update': 1,
    'calendar.calendars.get': 1,
    'directory.users.list': 1,
    'directory.members.list': 9,
    'licensing.licenseAssignments.listForProductAndSku': 1,
  });
  expect(Object.fromEntries(tally.createsPerDomain())).toEqual({ 'shop.example': 1 });
});

test('an account that is there costs a read and a write, and only for what differs', () => {
  const tally = new CallTally();
  tally.add({ ...create, action: 'adopt', steps: ['account', 'confirm'] });
  expect(Object.fromEntries(tally.total(1, 2))).toEqual({
    'directory.users.get': 1,
    'directory.users.update': 1,
    'directory.users.list': 1,
  });
});

test('who has nothing to do, a conflict or a skip costs nothing', () => {
  const tally = new CallTally();
  tally.add({ action: 'nothing', desired, steps: [], changes: [] });
  tally.add({ action: 'conflict', reason: 'maybe_same_person', desired, steps: [], changes: [] });
  tally.add({ action: 'skip', reason: 'left', steps: [], changes: [] });
  expect(tally.total(160_000, 40).size).toBe(0);
});
