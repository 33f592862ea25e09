import { markCustomType, type DesiredAccount, type FieldChange, type ObservedAccount } from '#libs/vocabulary';
import {
  isEmployeeNumber,
  isManager,
  isMark,
  ownOrganization,
  preferredLanguage,
  type Entry,
} from './account-lists.js';
import { canonicalAddress, canonicalName } from './canonical.js';
import { organizationFields } from './differences.js';

/** A body for the Directory API's users resource: plain JSON. */
export type UserBody = Record<string, unknown>;

export interface UserWriteOptions {
  /** Written as our mark by the insert itself. */
  readonly employeeId: string;
  /** In clear (8 to 100 ASCII characters) without `hashFunction`, else the hash. Google requires one on insert. */
  readonly password?: { readonly value: string; readonly hashFunction?: 'MD5' | 'SHA-1' | 'crypt' };
}

/** The body of users.insert. Source: Directory API, REST resource users, method insert. */
export function userWrite(desired: DesiredAccount, options: UserWriteOptions): UserBody {
  const body: UserBody = {
    primaryEmail: canonicalAddress(desired.primaryEmail),
    name: { givenName: canonicalName(desired.name.givenName), familyName: canonicalName(desired.name.familyName) },
    orgUnitPath: desired.orgUnitPath,
    suspended: desired.suspended,
    externalIds: externalIds(desired, options.employeeId, []),
    changePasswordAtNextLogin: desired.password === 'handover',
  };
  const organization = organizations(desired, undefined);
  if (organization.length > 0) body['organizations'] = organization;
  if (desired.managerEmail !== undefined) body['relations'] = relations(desired.managerEmail, []);
  if (desired.phones.length > 0) body['phones'] = phones(desired, []);
  if (desired.language !== undefined) body['languages'] = languages(desired.language, undefined);
  if (options.password !== undefined) {
    body['password'] = options.password.value;
    if (options.password.hashFunction !== undefined) body['hashFunction'] = options.password.hashFunction;
  }
  return body;
}

/**
 * The body of users.update for these changes and nothing else. A list that a change touches is sent whole, because
 * Google replaces it: entries of other tools stay as they are. The address comes first, as a rename is answered apart.
 */
export function userPatch(
  changes: readonly FieldChange[],
  observed: ObservedAccount,
  desired: DesiredAccount,
  options: Pick<UserWriteOptions, 'employeeId'>,
): UserBody {
  const fields = new Set(changes.map(({ field }) => field.split('.')[0]));
  const body: UserBody = {};
  if (fields.has('primaryEmail')) body['primaryEmail'] = canonicalAddress(desired.primaryEmail);
  if (fields.has('name')) {
    body['name'] = {
      givenName: canonicalName(desired.name.givenName),
      familyName: canonicalName(desired.name.familyName),
    };
  }
  if (fields.has('orgUnitPath')) body['orgUnitPath'] = desired.orgUnitPath;
  if (fields.has('suspended')) body['suspended'] = desired.suspended;
  if (fields.has('archived')) body['archived'] = desired.leaving?.archive === true;
  if (fields.has('mark') || fields.has('employeeNumber')) {
    const numberToo = fields.has('employeeNumber');
    body['externalIds'] = externalIds(desired, options.employeeId, observed.externalIds, numberToo);
  }
  if (fields.has('organization')) body['organizations'] = organizations(desired, observed);
  if (fields.has('managerEmail') && desired.managerEmail !== undefined) {
    body['relations'] = relations(desired.managerEmail, observed.relations);
  }
  if (fields.has('phones')) body['phones'] = phones(desired, observed.phones);
  if (fields.has('language') && desired.language !== undefined) {
    body['languages'] = languages(desired.language, observed);
  }
  return body;
}

function externalIds(
  desired: DesiredAccount,
  employeeId: string,
  present: readonly Entry[],
  withNumber = true,
): Entry[] {
  const kept = present.filter((entry) => !isMark(entry));
  const mark = { type: 'custom', customType: markCustomType, value: employeeId };
  const entries = withNumber
    ? replaceFirst(kept, isEmployeeNumber, { type: 'organization', value: desired.employeeNumber })
    : kept;
  return [...entries, mark];
}

function organizations(desired: DesiredAccount, observed: ObservedAccount | undefined): Entry[] {
  const present = observed?.organizations ?? [];
  const own = observed === undefined ? undefined : ownOrganization(observed);
  const fields = organizationFields.flatMap((key) => {
    const value = desired.organization[key];
    return value === undefined ? [] : [[key, value] as const];
  });
  if (fields.length === 0) return [...present];
  const written = { ...(own ?? { type: 'work' }), primary: true, ...Object.fromEntries(fields) };
  return replaceFirst(present, (entry) => entry === own, written);
}

function relations(manager: string, present: readonly Entry[]): Entry[] {
  const others = present.filter((entry) => !isManager(entry));
  return [...others, { type: 'manager', value: canonicalAddress(manager) }];
}

function phones(desired: DesiredAccount, present: readonly Entry[]): Entry[] {
  return desired.phones.reduce<Entry[]>(
    (entries, { type, value }) => replaceFirst(entries, (entry) => entry['type'] === type, { type, value }),
    [...present],
  );
}

function languages(tag: string, observed: ObservedAccount | undefined): Entry[] {
  const present = observed?.languages ?? [];
  const own = observed === undefined ? undefined : preferredLanguage(observed);
  const written = { languageCode: tag, preference: 'preferred' };
  return own === undefined ? [...present, written] : present.map((entry) => (entry === own ? written : entry));
}

/** Merges into the first entry that matches, keeping what else it says (a `primary` flag), or appends. */
function replaceFirst(entries: readonly Entry[], matches: (entry: Entry) => boolean, written: Entry): Entry[] {
  const index = entries.findIndex(matches);
  if (index === -1) return [...entries, written];
  return entries.map((entry, at) => (at === index ? { ...entry, ...written } : entry));
}
