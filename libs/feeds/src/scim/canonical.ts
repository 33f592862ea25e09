import type { ScimObject, ScimValue } from '#libs/ledger';
import { attributeNamed, type ScimAttribute } from './attributes.js';
import { coreUrn, enterpriseUrn, extensions, extensionOf, topAttributes } from './schemas.js';
import { ScimError } from './scim-error.js';

/** Longer than any text that HR or an identity platform sends, pictures and certificates included. */
const textMax = 32_768;
const valuesMax = 500;
/** Of names and numbers, by which users are found. */
const nameMax = 255;
const employeeNumberPath = [enterpriseUrn, 'employeeNumber'];
/** Thousands of users are in memory at once when they are delivered. */
const userCharactersMax = 65_536;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

const invalid = (path: string, what: string) => new ScimError(400, 'invalidValue', `${path} ${what}.`);

/**
 * The canonical form of what a client says of a user: known attributes under their own names, values of their types, nothing
 * null or empty (RFC 7643, 2.5). What is read-only or unknown is ignored (RFC 7644, 3.3).
 *
 * @throws ScimError `invalidSyntax` without the core schema's URN, `invalidValue` for a value of the wrong type.
 */
export function canonicalUser(body: unknown): ScimObject {
  if (!isObject(body)) throw new ScimError(400, 'invalidSyntax', 'The body must be a JSON object.');
  const schemas = Object.entries(body).find(([name]) => name.toLowerCase() === 'schemas')?.[1];
  const urns = isList(schemas) ? schemas.map((urn) => String(urn).toLowerCase()) : [];
  if (!urns.includes(coreUrn.toLowerCase())) {
    throw new ScimError(400, 'invalidSyntax', `schemas must contain ${coreUrn}.`);
  }
  const user: Record<string, ScimValue> = {};
  for (const [name, value] of Object.entries(body)) {
    const extension = extensionOf(name);
    if (extension !== undefined) {
      const content = canonicalMembers(extension.attributes, value, extension.id);
      if (content !== undefined) user[extension.id] = content;
      continue;
    }
    const attribute = attributeNamed(topAttributes, name);
    if (attribute === undefined || attribute.mutability === 'readOnly') continue;
    if (Object.hasOwn(user, attribute.name)) throw invalid(attribute.name, 'is there twice');
    const canonical = canonicalValue(attribute, value, attribute.name);
    if (canonical !== undefined) user[attribute.name] = canonical;
  }
  return checkedUser(user);
}

/** @throws ScimError `invalidValue` for a user without a name, with a name or number that is too long, or one that is too large. */
export function checkedUser(user: Readonly<Record<string, ScimValue>>): ScimObject {
  const name = user['userName'];
  if (typeof name !== 'string' || name.trim() === '') throw invalid('userName', 'is required and may not be empty');
  const said = { userName: name, externalId: user['externalId'], employeeNumber: valueAt(user, employeeNumberPath) };
  for (const [path, value] of Object.entries(said)) {
    if (typeof value === 'string' && value.length > nameMax) throw invalid(path, `may have ${nameMax} characters`);
  }
  return boundedUser(user);
}

/** @throws ScimError `invalidValue` for a user who is too large. */
export function boundedUser(user: ScimObject): ScimObject {
  if (JSON.stringify(user).length <= userCharactersMax) return user;
  throw invalid('A user', `may have ${userCharactersMax} characters`);
}

/** What stands at a path of names; undefined where there is nothing. */
export function valueAt(value: ScimValue, path: readonly string[]): ScimValue | undefined {
  return path.reduce<ScimValue | undefined>(
    (at, name) => (isScimObject(at) && Object.hasOwn(at, name) ? at[name] : undefined),
    value,
  );
}

/** The members of a complex value or an extension; undefined when nothing is left. */
export function canonicalMembers(
  attributes: readonly ScimAttribute[],
  value: unknown,
  path: string,
): ScimObject | undefined {
  if (value === null || value === undefined) return undefined;
  if (!isObject(value)) throw invalid(path, 'must be an object');
  const members: Record<string, ScimValue> = {};
  for (const [name, one] of Object.entries(value)) {
    const attribute = attributeNamed(attributes, name);
    if (attribute === undefined || attribute.mutability === 'readOnly') continue;
    const canonical = canonicalValue(attribute, one, `${path}.${attribute.name}`);
    if (canonical !== undefined) members[attribute.name] = canonical;
  }
  return Object.keys(members).length === 0 ? undefined : members;
}

/** A value of an attribute; undefined for null, an empty list and an empty object: all mean unassigned. */
export function canonicalValue(attribute: ScimAttribute, value: unknown, path: string): ScimValue | undefined {
  if (value === null || value === undefined) return undefined;
  if (!attribute.multiValued) return canonicalOne(attribute, value, path);
  const listed = isList(value) ? value : [value];
  if (listed.length > valuesMax) throw invalid(path, `may have ${valuesMax} values`);
  const values = listed.map((one) => canonicalOne(attribute, one, path)).filter((one) => one !== undefined);
  return values.length === 0 ? undefined : withoutRepetition(values, path);
}

/** One value, of a list or alone. */
export function canonicalOne(attribute: ScimAttribute, value: unknown, path: string): ScimValue | undefined {
  if (value === null || value === undefined) return undefined;
  if (attribute.type === 'complex') return canonicalComplex(attribute, value, path);
  switch (attribute.type) {
    case 'boolean':
      return canonicalBoolean(value, path);
    case 'decimal':
    case 'integer':
      if (typeof value === 'number' && Number.isFinite(value)) return value;
      throw invalid(path, 'must be a number');
    case 'string':
    case 'dateTime':
    case 'reference':
    case 'binary':
      return canonicalText(attribute, value, path);
  }
}

/** Identity platforms send a complex value that has a `value` as that value alone, or in a list of one. */
function canonicalComplex(attribute: ScimAttribute, value: unknown, path: string): ScimValue | undefined {
  const alone = !attribute.multiValued && isList(value) && value.length <= 1 ? value[0] : value;
  const attributes = attribute.subAttributes ?? [];
  if (typeof alone === 'string' && attributeNamed(attributes, 'value') !== undefined) {
    return alone === '' ? undefined : canonicalMembers(attributes, { value: alone }, path);
  }
  return canonicalMembers(attributes, alone, path);
}

/** Entra sends "True" and "False". */
function canonicalBoolean(value: unknown, path: string): boolean {
  if (typeof value === 'boolean') return value;
  const word = typeof value === 'string' ? value.toLowerCase() : undefined;
  if (word === 'true' || word === 'false') return word === 'true';
  throw invalid(path, 'must be true or false');
}

function canonicalText(attribute: ScimAttribute, value: unknown, path: string): string {
  if (typeof value !== 'string') throw invalid(path, 'must be a text');
  if (value.length > textMax) throw invalid(path, 'is too long');
  // PostgreSQL takes neither NUL nor halves of surrogate pairs.
  if (value.includes('\0') || !value.isWellFormed()) throw invalid(path, 'holds characters that no text may hold');
  if (attribute.type === 'binary' && !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) throw invalid(path, 'must be base64');
  return value;
}

/** Each value once, one primary at most (RFC 7643, 2.4), and not too many. */
export function withoutRepetition(values: readonly ScimValue[], path: string): ScimValue[] {
  const seen = new Map<string, ScimValue>();
  for (const value of values) {
    const key = identity(value);
    if (!seen.has(key)) seen.set(key, value);
  }
  const kept = [...seen.values()];
  if (kept.length > valuesMax) throw invalid(path, `may have ${valuesMax} values`);
  if (kept.filter(isPrimary).length > 1) throw invalid(path, 'may have one primary value');
  return kept;
}

export const isScimObject = (value: ScimValue | undefined): value is ScimObject =>
  typeof value === 'object' && !Array.isArray(value);
export const isPrimary = (value: ScimValue): boolean => isScimObject(value) && value['primary'] === true;

/**
 * Two values of one type that say the same are one value, whatever else they carry. The ledger gives members back in an
 * order of its own, which makes no other value.
 */
export function identity(value: ScimValue): string {
  if (!isScimObject(value)) return JSON.stringify(value);
  if (value['value'] !== undefined) return JSON.stringify([value['type'] ?? null, value['value']]);
  return JSON.stringify(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** The same resource with texts in lower case where case does not count: what filters look at. */
export function searchForm(user: ScimObject): ScimObject {
  return Object.fromEntries(
    Object.entries(user).map(([name, value]) => {
      const extension = extensions.find(({ id }) => id === name);
      if (extension !== undefined && isScimObject(value)) return [name, foldedMembers(extension.attributes, value)];
      const attribute = attributeNamed(topAttributes, name);
      return [name, attribute === undefined ? value : folded(attribute, value)];
    }),
  );
}

function foldedMembers(attributes: readonly ScimAttribute[], members: ScimObject): ScimObject {
  return Object.fromEntries(
    Object.entries(members).map(([name, value]) => {
      const attribute = attributeNamed(attributes, name);
      return [name, attribute === undefined ? value : folded(attribute, value)];
    }),
  );
}

/** A value, or all of a list, as filters see it. */
export function folded(attribute: ScimAttribute, value: ScimValue): ScimValue {
  if (isScimList(value)) return value.map((one) => folded(attribute, one));
  if (isScimObject(value)) return foldedMembers(attribute.subAttributes ?? [], value);
  return typeof value === 'string' && !attribute.caseExact ? value.toLowerCase() : value;
}

export const isScimList = (value: ScimValue | undefined): value is readonly ScimValue[] => Array.isArray(value);
