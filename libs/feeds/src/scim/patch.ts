import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { ScimCondition, ScimObject, ScimValue } from '#libs/ledger';
import { type ScimAttribute } from './attributes.js';
import {
  boundedUser,
  canonicalMembers,
  canonicalOne,
  canonicalValue,
  checkedUser,
  folded,
  identity,
  isPrimary,
  isScimList,
  isScimObject,
  valueAt,
  withoutRepetition,
} from './canonical.js';
import { meets } from './meets.js';
import { describedValue, patchTargetOf, requiredTarget, type PatchTarget } from './patch-path.js';
import { coreUrn, namesOf, type ScimPlace } from './schemas.js';
import { ScimError } from './scim-error.js';

export const patchUrn = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const operationsMax = 1_000;
/** Paths, and members of values, which may be paths; filters in them are held against every value of an attribute. */
const namesMax = 2_000;
const nameCharactersMax = 100_000;

const operationSchema = z.object({
  op: z
    .string()
    .toLowerCase()
    .pipe(z.enum(['add', 'replace', 'remove'])),
  path: z.unknown().optional(),
  value: z.unknown().optional(),
});
const patchSchema = z.object({
  schemas: z.array(z.string()).refine((urns) => urns.some((urn) => urn.toLowerCase() === patchUrn.toLowerCase())),
  Operations: z.array(operationSchema).min(1).max(operationsMax),
});

/**
 * A user after all operations of a PATCH, or what is wrong with the first that cannot be carried out: all or nothing
 * (RFC 7644, 3.5.2). Gives the very same object when nothing changes.
 *
 * @throws ScimError
 */
export function patchedUser(user: ScimObject, body: unknown): ScimObject {
  const patch = patchSchema.safeParse(body);
  if (!patch.success) {
    throw new ScimError(
      400,
      'invalidSyntax',
      `A PATCH has schemas with ${patchUrn} and Operations, each with an op of add, replace or remove.`,
    );
  }
  requireBounds(patch.data.Operations);
  const after = patch.data.Operations.reduce((before, operation) => applied(before, operation), user);
  return isDeepStrictEqual(after, user) ? user : checkedUser(after);
}

type Operation = z.infer<typeof operationSchema>;
type Change = 'add' | 'replace';

function requireBounds(operations: readonly Operation[]): void {
  const names = operations.flatMap(({ path, value }) => [
    typeof path === 'string' ? path : '',
    ...Object.keys(membersSchema.safeParse(value).data ?? {}),
  ]);
  const characters = names.reduce((sum, name) => sum + name.length, 0);
  if (names.length <= namesMax && characters <= nameCharactersMax) return;
  throw new ScimError(400, 'invalidValue', 'The PATCH is too long: send the rest of it in another one.');
}

function applied(user: ScimObject, { op, path, value }: Operation): ScimObject {
  if (op === 'remove') {
    if (path === undefined || path === null || path === '') {
      throw new ScimError(400, 'noTarget', 'A remove needs a path.');
    }
    return removed(user, requiredTarget(path), value);
  }
  if (value === undefined) throw new ScimError(400, 'invalidValue', `${op} needs a value.`);
  const isWhole = path === undefined || path === null || path === '';
  if (isWhole || (typeof path === 'string' && path.toLowerCase() === coreUrn.toLowerCase())) {
    return withMembers(user, op, value, '');
  }
  return changed(user, op, requiredTarget(path), value);
}

const membersSchema = z.record(z.string(), z.unknown());

/**
 * A value without a path: its names are attributes, with dots and filters too (Entra). Names that no user has and what is
 * read-only are ignored, as in a POST.
 */
function withMembers(user: ScimObject, op: Change, value: unknown, prefix: string): ScimObject {
  const members = membersSchema.safeParse(value);
  if (!members.success)
    throw new ScimError(400, 'invalidValue', 'Without a path to an attribute the value must be an object.');
  return Object.entries(members.data).reduce((before, [name, one]) => {
    const target = patchTargetOf(`${prefix}${name}`);
    if (target === undefined) return before;
    if (target.kind === 'attribute' && isReadOnly(target.place)) return before;
    return changed(before, op, target, one);
  }, user);
}

const isReadOnly = ({ attribute, sub }: ScimPlace) =>
  attribute.mutability === 'readOnly' || sub?.mutability === 'readOnly';

function refuseReadOnly(place: ScimPlace): void {
  if (isReadOnly(place)) throw new ScimError(400, 'mutability', `${place.attribute.name} is read-only.`);
}

function changed(user: ScimObject, op: Change, target: PatchTarget, value: unknown): ScimObject {
  if (target.kind === 'extension') return withMembers(user, op, value, `${target.extension.id}:`);
  const { place, filter } = target;
  refuseReadOnly(place);
  const { attribute } = place;
  const path = [place.extension, attribute.name].filter((name) => name !== undefined);
  const before = valueAt(user, path);
  const after = attribute.multiValued
    ? changedList(op, place, filter, isScimList(before) ? before : [], value)
    : changedSingle(place, before, value);
  return boundedUser(withValue(user, path, after));
}

function changedSingle(
  { attribute, sub }: ScimPlace,
  before: ScimValue | undefined,
  value: unknown,
): ScimValue | undefined {
  if (attribute.type !== 'complex') return canonicalValue(attribute, value, attribute.name);
  const members = isScimObject(before) ? before : {};
  if (sub !== undefined)
    return withValue(members, [sub.name], canonicalValue(sub, value, `${attribute.name}.${sub.name}`));
  const said = canonicalOne(attribute, value, attribute.name);
  // What the value leaves out stays (RFC 7644, 3.5.2.1 and 3.5.2.3); what it sets to null goes.
  if (said === undefined || !isScimObject(said)) return value === null ? undefined : without(members, nullsOf(value));
  return { ...without(members, nullsOf(value)), ...said };
}

const nullsOf = (value: unknown): string[] =>
  Object.entries(membersSchema.safeParse(value).data ?? {}).flatMap(([name, one]) =>
    one === null ? [name.toLowerCase()] : [],
  );

const without = (members: ScimObject, names: readonly string[]): ScimObject =>
  Object.fromEntries(Object.entries(members).filter(([name]) => !names.includes(name.toLowerCase())));

function changedList(
  op: Change,
  place: ScimPlace,
  filter: ScimCondition | undefined,
  before: readonly ScimValue[],
  value: unknown,
): readonly ScimValue[] {
  const { attribute, sub } = place;
  if (filter === undefined && sub === undefined) {
    const said = canonicalValue(attribute, value, attribute.name);
    const values = isScimList(said) ? said : [];
    return op === 'replace' ? values : withOnePrimary(before, merged(before, values), attribute);
  }
  const isMeant = (one: ScimValue) => filter === undefined || meets(filter, folded(attribute, one));
  if (!before.some(isMeant)) return withDescribed(place, filter, before, value);
  const after = before.flatMap((one) => {
    if (!isMeant(one)) return [one];
    const next = changedValue(op, attribute, sub, one, value);
    return next === undefined ? [] : [next];
  });
  return withOnePrimary(before, after, attribute);
}

function changedValue(
  op: Change,
  attribute: ScimAttribute,
  sub: ScimAttribute | undefined,
  one: ScimValue,
  value: unknown,
): ScimValue | undefined {
  if (sub !== undefined) {
    const members = isScimObject(one) ? one : {};
    const next = withValue(members, [sub.name], canonicalValue(sub, value, `${attribute.name}.${sub.name}`));
    return Object.keys(next).length === 0 ? undefined : next;
  }
  const [alone] = Array.isArray(value) && value.length === 1 ? value : [value];
  const said = canonicalOne(attribute, alone, attribute.name);
  return op === 'add' && isScimObject(one) && isScimObject(said) ? { ...one, ...said } : said;
}

/** No value is meant yet: one that the filter describes is made, else there is no target. */
function withDescribed(
  { attribute, sub }: ScimPlace,
  filter: ScimCondition | undefined,
  before: readonly ScimValue[],
  value: unknown,
): readonly ScimValue[] {
  const described = filter === undefined ? {} : describedValue(filter, attribute);
  if (described === undefined)
    throw new ScimError(400, 'noTarget', `No value of ${attribute.name} is meant by the path.`);
  const said = sub === undefined ? value : { [sub.name]: value };
  const members = canonicalMembers(attribute.subAttributes ?? [], said, attribute.name);
  if (members === undefined) return before;
  return withOnePrimary(before, [...before, { ...described, ...members }], attribute);
}

/** Values added to those there are; one that is there already is not there twice, but learns what is new of it. */
function merged(before: readonly ScimValue[], values: readonly ScimValue[]): ScimValue[] {
  const after = [...before];
  const places = new Map(before.map((value, place): [string, number] => [sameness(value), place]).toReversed());
  for (const value of values) {
    const place = places.get(sameness(value)) ?? after.length;
    places.set(sameness(value), place);
    const found = after[place];
    after[place] = isScimObject(found) && isScimObject(value) ? { ...found, ...value } : value;
  }
  return after;
}

/** Whatever else is new of a value, and whether it is the primary one or not, it is the same value. */
const sameness = (value: ScimValue): string => identity(unmarked(value));

const unmarked = (value: ScimValue): ScimValue => (isScimObject(value) ? without(value, ['primary']) : value);

/** A new primary value takes the place of the old one (RFC 7644, 3.5.2). */
function withOnePrimary(
  before: readonly ScimValue[],
  after: readonly ScimValue[],
  attribute: ScimAttribute,
): readonly ScimValue[] {
  if (after.filter(isPrimary).length < 2) return withoutRepetition(after, attribute.name);
  const old = before.find(isPrimary);
  const was = old === undefined ? undefined : sameness(old);
  const demoted = after.map((value) =>
    isScimObject(value) && isPrimary(value) && sameness(value) === was ? { ...value, primary: false } : value,
  );
  return withoutRepetition(demoted, attribute.name);
}

function removed(user: ScimObject, target: PatchTarget, value: unknown): ScimObject {
  if (target.kind === 'extension') return withValue(user, [target.extension.id], undefined);
  const { place, filter } = target;
  refuseReadOnly(place);
  const { attribute, sub } = place;
  if (attribute.required && sub === undefined) {
    throw new ScimError(400, 'mutability', `${attribute.name} is required and cannot be removed.`);
  }
  const path = [place.extension, attribute.name].filter((name) => name !== undefined);
  if (!attribute.multiValued) return withValue(user, namesOf(place), undefined);
  const found = valueAt(user, path);
  const before = isScimList(found) ? found : [];
  if (filter === undefined && sub === undefined) {
    return withValue(
      user,
      path,
      value === undefined || value === null ? undefined : unlisted(before, attribute, value),
    );
  }
  const isMeant = (one: ScimValue) => filter === undefined || meets(filter, folded(attribute, one));
  if (filter !== undefined && !before.some(isMeant)) {
    throw new ScimError(400, 'noTarget', `No value of ${attribute.name} is meant by the path.`);
  }
  const after = before.flatMap((one) => {
    if (!isMeant(one)) return [one];
    if (sub === undefined || !isScimObject(one)) return [];
    const next = without(one, [sub.name.toLowerCase()]);
    return Object.keys(next).length === 0 ? [] : [next];
  });
  return withValue(user, path, withoutRepetition(after, attribute.name));
}

/** A remove may list the values that shall go (Entra): each goes that says what is listed. */
function unlisted(before: readonly ScimValue[], attribute: ScimAttribute, value: unknown): ScimValue[] {
  const said = canonicalValue(attribute, value, attribute.name);
  const listed = isScimList(said) ? said : [];
  const forms = new Map<string, { names: readonly string[]; contents: Set<string> }>();
  for (const wanted of listed) {
    const names = isScimObject(wanted) ? Object.keys(wanted).toSorted() : [];
    const form = forms.get(names.join()) ?? { names, contents: new Set() };
    forms.set(names.join(), form);
    form.contents.add(contentOf(wanted, names));
  }
  const isListed = (one: ScimValue) =>
    [...forms.values()].some(({ names, contents }) => contents.has(contentOf(one, names)));
  return before.filter((one) => !isListed(one));
}

const contentOf = (value: ScimValue, names: readonly string[]): string =>
  JSON.stringify(isScimObject(value) ? names.map((name) => value[name] ?? null) : value);

/** The object with a value at a path; undefined and empty values go, and what they leave empty goes with them. */
function withValue(object: ScimObject, path: readonly string[], value: ScimValue | undefined): ScimObject {
  const [name, ...rest] = path;
  if (name === undefined) return object;
  const inner = object[name];
  const next = rest.length === 0 ? value : withValue(isScimObject(inner) ? inner : {}, rest, value);
  const isEmpty = next === undefined || (typeof next === 'object' && Object.keys(next).length === 0);
  if (!isEmpty) return { ...object, [name]: next };
  return Object.fromEntries(Object.entries(object).filter(([one]) => one !== name));
}
