import type { User } from '../account.js';
import { entryTypes } from '../payload.js';
import { invalid, Refusal } from '../refusal.js';
import { isRecord, textIn } from '../json.js';
import type { World } from '../world.js';

type Body = Readonly<Record<string, unknown>>;

const kilobyte = 1_024;

/**
 * Writable fields that are kept as they came, with the most bytes that each may have.
 * Source: https://developers.google.com/workspace/admin/directory/reference/rest/v1/users
 */
const keptFields: ReadonlyMap<string, number> = new Map([
  ['emails', 10 * kilobyte],
  ['addresses', 10 * kilobyte],
  ['organizations', 10 * kilobyte],
  ['locations', 10 * kilobyte],
  ['externalIds', 2 * kilobyte],
  ['relations', 2 * kilobyte],
  ['ims', 2 * kilobyte],
  ['websites', 2 * kilobyte],
  ['phones', kilobyte],
  ['languages', kilobyte],
  ['keywords', kilobyte],
  ['gender', kilobyte],
  ['notes', 10 * kilobyte],
  ['posixAccounts', 10 * kilobyte],
  ['sshPublicKeys', 10 * kilobyte],
  ['customSchemas', 100 * kilobyte],
  ['recoveryEmail', kilobyte],
  ['recoveryPhone', kilobyte],
  ['changePasswordAtNextLogin', kilobyte],
  ['includeInGlobalAddressList', kilobyte],
  ['ipWhitelisted', kilobyte],
]);

/** Fields of the body replace those that were there, whole; null clears; what is left out stays. */
export function fieldsOf(world: World, body: Body, present: Readonly<Record<string, string>>): Record<string, string> {
  const fields: Record<string, string> = { ...present };
  for (const [name, bytesMax] of keptFields) {
    const value = body[name];
    if (value === undefined) continue;
    if (value === null) {
      delete fields[name];
      continue;
    }
    checkEntries(name, value);
    const json = JSON.stringify(value);
    if (Buffer.byteLength(json) > bytesMax) throw invalid(`${name}: too large`);
    fields[name] = world.shared(json);
  }
  return fields;
}

function checkEntries(name: string, value: unknown): void {
  const types = entryTypes[name];
  const entries: unknown[] = Array.isArray(value) ? value : [];
  for (const entry of entries) {
    if (!isRecord(entry)) continue;
    const type = textIn(entry, 'type');
    if (types !== undefined && type !== undefined && !types.has(type)) throw invalid(name);
    if (types !== undefined && type === 'custom' && textIn(entry, 'customType') === undefined) throw invalid(name);
    if (name === 'externalIds' && textIn(entry, 'value') === undefined) throw invalid(name);
  }
  if (name === 'languages') checkLanguages(entries);
  if (name === 'recoveryPhone' && !/^(\+[1-9]\d{1,14})?$/.test(String(value))) throw invalid('Invalid recovery phone');
  if (entries.filter((entry) => isRecord(entry) && entry['primary'] === true).length > 1) throw invalid(name);
}

function checkLanguages(entries: readonly unknown[]): void {
  for (const entry of entries) {
    if (!isRecord(entry)) continue;
    const code = textIn(entry, 'languageCode');
    if (code === undefined) {
      if (textIn(entry, 'customLanguage') === undefined) throw invalid('languages');
    } else if (!/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(code)) throw invalid('languages');
  }
}

const localPart = /^[a-z0-9'_.-]{1,64}$/;
const reserved = new Set(['abuse', 'postmaster']);

/** Refuses an address that Google would not give: its letters, a reserved name, a domain that is not the customer's. */
export function checkAddress(address: string, domains: readonly string[]): void {
  const [local = '', domain = '', ...more] = address.split('@');
  const dots = local.includes('..') || local.startsWith('.') || local.endsWith('.');
  if (!localPart.test(local) || dots || more.length > 0 || reserved.has(local)) throw invalid('primary_user_email');
  if (!domains.includes(domain)) throw new Refusal(404, 'notFound', 'Domain not found.');
}

/** Google's reference says 60 characters, its limits page 40. */
const nameMax = 60;

export function checkName(body: Body, present: User | undefined): Pick<User, 'givenName' | 'familyName'> {
  const names = isRecord(body['name']) ? body['name'] : {};
  const givenName = textIn(names, 'givenName') ?? present?.givenName ?? '';
  const familyName = textIn(names, 'familyName') ?? present?.familyName ?? '';
  if (isRecord(body['name']) || present === undefined) {
    if (givenName.trim() === '') throw new Refusal(400, 'required', 'Invalid Given/Family Name: GivenName');
    if (familyName.trim() === '') throw new Refusal(400, 'required', 'Invalid Given/Family Name: FamilyName');
    if (givenName.length > nameMax || familyName.length > nameMax || /[<>]/.test(givenName + familyName)) {
      throw invalid('Invalid Given/Family Name');
    }
    if ((textIn(names, 'displayName') ?? '').length > 256) throw invalid('displayName');
  }
  return { givenName, familyName };
}

const hashes: Readonly<Record<string, RegExp>> = {
  MD5: /^[0-9a-fA-F]{32}$/,
  'SHA-1': /^[0-9a-fA-F]{40}$/,
  crypt:
    /^(\$1\$[^$]{0,8}\$[./0-9A-Za-z]{22}|\$[56]\$(rounds=\d+\$)?[^$]{0,16}\$[./0-9A-Za-z]{43,86}|[./0-9A-Za-z]{13})$/,
};
const roundsMax = 10_000;

/** Eight to a hundred ASCII characters in clear, or a hash that its function could have made. */
export function checkPassword(body: Body): void {
  const password = textIn(body, 'password') ?? '';
  const hashFunction = textIn(body, 'hashFunction');
  const wrong = new Refusal(400, 'invalid', 'Invalid Password');
  if (hashFunction === undefined) {
    if (!/^[\x20-\x7e]{8,100}$/.test(password)) throw wrong;
    return;
  }
  const shape = hashes[hashFunction];
  if (shape === undefined) throw invalid('hashFunction');
  const rounds = Number(/rounds=(\d+)/.exec(password)?.[1] ?? 0);
  if (!shape.test(password) || rounds > roundsMax) throw wrong;
}
