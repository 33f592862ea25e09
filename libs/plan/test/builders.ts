import fc from 'fast-check';
import { markCustomType, type DesiredAccount, type ObservedAccount, type PlannedEmployee } from '#libs/vocabulary';
import { settingsFingerprint, userPatch, userWrite, type PlanInput, type UserBody } from '#libs/plan';

export const employeeId = '0b6a7f0e-6b4e-4c0a-9d27-2f2d8c3a1e55';
export const anotherId = '5a1c86a4-1de2-4d0c-8a53-6f4ab7a0c111';

export function desiredOf(changes: Partial<DesiredAccount> = {}): DesiredAccount {
  return {
    primaryEmail: 'zoe.lefevre@shop.example',
    name: { givenName: 'Zoé', familyName: 'Lefèvre' },
    orgUnitPath: '/Shop/FR',
    suspended: false,
    employeeNumber: '00042',
    organization: { title: 'Seller', department: 'Stores' },
    managerEmail: 'boss@shop.example',
    phones: [{ type: 'work', value: '+33 1 23' }],
    language: 'fr',
    aliases: ['zoe@shop.example'],
    groups: ['all-fr@shop.example'],
    licence: { assignment: 'automatic', productId: 'Google-Apps', skuId: '1010020026' },
    password: 'sso',
    gmail: {
      signature: { mode: 'always', value: '<b>Zoé</b>' },
      language: { mode: 'once', value: 'fr' },
    },
    calendar: { timeZone: { mode: 'once', value: 'Europe/Paris' } },
    ...changes,
  };
}

/** The account as Google would show it right after users.insert of this wish. */
export function observedOf(
  desired: DesiredAccount = desiredOf(),
  changes: Partial<ObservedAccount> = {},
): ObservedAccount {
  return { ...merged(blank, userWrite(desired, { employeeId })), ...changes };
}

/** An account of the years before: made by hand, known to other tools, without our mark. */
export function strangerOf(changes: Partial<ObservedAccount> = {}): ObservedAccount {
  const { organizations, externalIds, phones } = foreignEntries;
  return observedOf(desiredOf(), { organizations, externalIds, phones, relations: [], languages: [], ...changes });
}

export const foreignEntries = {
  externalIds: [{ type: 'custom', customType: 'badge', value: 'B-17' }],
  organizations: [{ type: 'school', name: 'Evening school', primary: false }],
  phones: [{ type: 'home', value: '+33 9 99' }],
};

const blank: ObservedAccount = {
  googleId: '117',
  primaryEmail: '',
  name: { givenName: '', familyName: '' },
  orgUnitPath: '/',
  suspended: false,
  archived: false,
  isAdmin: false,
  isDelegatedAdmin: false,
  isMailboxSetup: true,
  aliases: [],
  nonEditableAliases: [],
  externalIds: [],
  organizations: [],
  relations: [],
  phones: [],
  languages: [],
};

/** Google's users.update: what is in the body replaces what was there, lists whole. */
export function merged(observed: ObservedAccount, body: UserBody): ObservedAccount {
  const sent = Object.entries(body).filter(([key]) => Object.hasOwn(blank, key));
  return { ...observed, ...Object.fromEntries(sent) };
}

/** The world after this plan was carried out: what the next planning would be given. */
export function afterwards(input: PlanInput, planned: PlannedEmployee): PlanInput {
  const desired = planned.desired ?? input.desired;
  if (planned.steps.length === 0) return input;
  const { observed } = input;
  const account =
    observed === undefined
      ? observedOf(desired)
      : merged(observed, userPatch(planned.changes, observed, desired, { employeeId }));
  const steps = new Set(planned.steps);
  return {
    ...input,
    observed: { ...account, aliases: [...account.aliases, ...(steps.has('aliases') ? desired.aliases : [])] },
    origin: input.origin ?? (observed === undefined ? 'created' : 'adopted'),
    matchedBy: 'mark',
    observedGroups:
      input.observedGroups && new Set([...input.observedGroups, ...(steps.has('groups') ? desired.groups : [])]),
    ...(input.observedLicence !== undefined && steps.has('licence') ? { observedLicence: desired.licence } : {}),
    suspendedByUs: desired.suspended,
    confirmedSettings: {
      ...input.confirmedSettings,
      ...(steps.has('gmail') ? { gmail: settingsFingerprint(desired).gmail } : {}),
      ...(steps.has('calendar') ? { calendar: settingsFingerprint(desired).calendar } : {}),
    },
  };
}

const word = fc.stringMatching(/^[A-Za-zé]{1,8}$/u);
const mode = fc.constantFrom('once' as const, 'always' as const);

export const desiredArbitrary: fc.Arbitrary<DesiredAccount> = fc
  .record(
    {
      primaryEmail: fc.constantFrom('zoe.lefevre@shop.example', 'Z@shop.example'),
      name: fc.record({ givenName: fc.oneof(word, fc.constant('é'.repeat(70))), familyName: word }),
      orgUnitPath: fc.constantFrom('/', '/Shop/FR', '/Shop/DE'),
      suspended: fc.boolean(),
      organization: fc.record({ title: word, department: fc.oneof(word, fc.constant('  ')) }, { requiredKeys: [] }),
      managerEmail: fc.constantFrom('boss@shop.example', 'Chief@shop.example'),
      phones: fc.subarray([
        { type: 'work' as const, value: '+33 1 23' },
        { type: 'mobile' as const, value: '+33 6' },
      ]),
      language: fc.constantFrom('fr', 'pt-BR', 'en_GB'),
      aliases: fc.subarray(['zoe@shop.example', 'ZOE.L@shop.example']),
      groups: fc.subarray(['all-fr@shop.example', 'stores@shop.example']),
      licence: fc.record({
        assignment: fc.constantFrom('automatic', 'assign', 'none'),
        productId: fc.constant('Google-Apps'),
        skuId: fc.constantFrom('1010020026', '1010020030'),
      }),
      gmail: fc.record(
        {
          signature: fc.record({ mode, value: word }),
          imap: fc.record({ mode, value: fc.record({ enabled: fc.boolean() }) }),
        },
        { requiredKeys: [] },
      ),
      calendar: fc.record(
        { timeZone: fc.record({ mode, value: fc.constantFrom('Europe/Paris', 'Europe/Berlin') }) },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  )
  .map((changes) => desiredOf(changes));

const entryOf = (types: readonly string[]) =>
  fc.record(
    { type: fc.constantFrom(...types), value: word, primary: fc.boolean() },
    { requiredKeys: ['type', 'value'] },
  );

export const observedArbitrary: fc.Arbitrary<ObservedAccount> = fc
  .record({
    name: fc.record({ givenName: word, familyName: word }),
    orgUnitPath: fc.constantFrom('/', '/shop/fr', '/Else'),
    suspended: fc.boolean(),
    isMailboxSetup: fc.boolean(),
    aliases: fc.subarray(['zoe@shop.example', 'old@shop.example']),
    externalIds: fc.array(
      fc.oneof(
        entryOf(['custom', 'login_id', 'organization']),
        fc.constant({ type: 'custom', customType: markCustomType, value: employeeId }),
      ),
      { maxLength: 4 },
    ),
    organizations: fc.array(
      fc.record(
        { type: fc.constantFrom('work', 'school'), title: word, primary: fc.boolean() },
        { requiredKeys: ['type'] },
      ),
      { maxLength: 3 },
    ),
    relations: fc.array(entryOf(['manager', 'assistant']), { maxLength: 3 }),
    phones: fc.array(entryOf(['work', 'mobile', 'home']), { maxLength: 4 }),
    languages: fc.array(
      fc.record(
        {
          languageCode: fc.constantFrom('fr', 'de', 'en-gb'),
          preference: fc.constantFrom('preferred', 'not_preferred'),
        },
        { requiredKeys: ['languageCode'] },
      ),
      { maxLength: 3 },
    ),
  })
  .map((changes) => strangerOf(changes));
