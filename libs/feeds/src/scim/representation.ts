import type { ScimObject, ScimUserRow, ScimValue } from '#libs/ledger';
import type { ScimAttribute } from './attributes.js';
import { isScimList, isScimObject } from './canonical.js';
import { coreUrn, extensionOf, extensions, placeOf, topAttributes, workerUrn } from './schemas.js';

/** Which attributes an answer shall have (RFC 7644, 3.9); names that no user has are passed over. */
export interface Wanted {
  readonly attributes?: readonly string[] | undefined;
  readonly excludedAttributes?: readonly string[] | undefined;
}

/** A weak entity tag (RFC 7644, 3.14). */
export const versionTag = (version: number): string => `W/"${version}"`;

/** What became of a user's latest change. */
export interface Provisioning {
  readonly state: string;
  readonly problems: readonly string[];
}

/** Whether an answer shall tell what became of the latest change. */
export const asksProvisioning = ({ attributes = [] }: Wanted): boolean =>
  attributes.some((name) => extensionOf(name)?.id !== workerUrn && placeOf(name)?.attribute.name === 'provisioning');

/** A user as a client sees them. `location` is the address of all users. */
export function representation(
  row: ScimUserRow,
  location: string,
  wanted: Wanted = {},
  provisioning?: Provisioning,
): ScimObject {
  const resource = provisioning === undefined ? row.resource : withProvisioning(row.resource, provisioning);
  const whole: ScimObject = {
    schemas: [coreUrn, ...extensions.map(({ id }) => id).filter((id) => resource[id] !== undefined)],
    id: row.id,
    ...resource,
    meta: {
      resourceType: 'User',
      created: row.createdAt.toISOString(),
      lastModified: row.changedAt.toISOString(),
      location: `${location}/${row.id}`,
      version: versionTag(row.version),
    },
  };
  return projected(whole, wanted);
}

function withProvisioning(resource: ScimObject, { state, problems }: Provisioning): ScimObject {
  const worker = resource[workerUrn];
  const provisioning = { state, ...(problems.length > 0 && { problems }) };
  return { ...resource, [workerUrn]: { ...(isScimObject(worker) ? worker : {}), provisioning } };
}

/** One name of a list: a whole extension, an attribute, or a part of one. */
interface Selection {
  readonly extension: string | undefined;
  readonly attribute: string | undefined;
  readonly sub: string | undefined;
}

const selectionsOf = (names: readonly string[]): Selection[] =>
  names.flatMap((name): Selection[] => {
    const extension = extensionOf(name);
    if (extension !== undefined) return [{ extension: extension.id, attribute: undefined, sub: undefined }];
    const place = placeOf(name);
    if (place === undefined) return [];
    return [{ extension: place.extension, attribute: place.attribute.name, sub: place.sub?.name }];
  });

function projected(whole: ScimObject, wanted: Wanted): ScimObject {
  const only = wanted.attributes === undefined ? undefined : selectionsOf(wanted.attributes);
  const not = only === undefined ? selectionsOf(wanted.excludedAttributes ?? []) : [];
  const result: Record<string, ScimValue> = {};
  for (const [name, value] of Object.entries(whole)) {
    const extension = extensions.find(({ id }) => id === name);
    if (extension === undefined) {
      const kept = keptAttribute(attributeOf(topAttributes, name), undefined, value, only, not);
      if (kept !== undefined) result[name] = kept;
    } else if (isScimObject(value)) {
      const kept = keptMembers(extension.attributes, extension.id, value, only, not);
      if (kept !== undefined) result[name] = kept;
    }
  }
  return result;
}

const attributeOf = (attributes: readonly ScimAttribute[], name: string) => attributes.find((one) => one.name === name);

function keptMembers(
  attributes: readonly ScimAttribute[],
  extension: string,
  members: ScimObject,
  only: readonly Selection[] | undefined,
  not: readonly Selection[],
): ScimObject | undefined {
  const kept: Record<string, ScimValue> = {};
  for (const [name, value] of Object.entries(members)) {
    const one = keptAttribute(attributeOf(attributes, name), extension, value, only, not);
    if (one !== undefined) kept[name] = one;
  }
  return Object.keys(kept).length === 0 ? undefined : kept;
}

function keptAttribute(
  attribute: ScimAttribute | undefined,
  extension: string | undefined,
  value: ScimValue,
  only: readonly Selection[] | undefined,
  not: readonly Selection[],
): ScimValue | undefined {
  if (attribute === undefined) return undefined;
  if (attribute.returned === 'always') return value;
  const isMeant = (selection: Selection) =>
    selection.extension === extension && (selection.attribute === undefined || selection.attribute === attribute.name);
  if (only !== undefined) {
    const meant = only.filter(isMeant);
    // A whole extension does not include what is returned on request only.
    const whole = meant.filter(
      ({ sub, attribute: named }) => sub === undefined && (named !== undefined || attribute.returned !== 'request'),
    );
    if (whole.length > 0) return value;
    const subs = meant.flatMap(({ sub }) => sub ?? []);
    return subs.length === 0 ? undefined : withParts(value, (name) => subs.includes(name));
  }
  if (attribute.returned !== 'default') return undefined;
  const meant = not.filter(isMeant);
  if (meant.some(({ sub }) => sub === undefined)) return undefined;
  const subs = meant.flatMap(({ sub }) => sub ?? []);
  return subs.length === 0 ? value : withParts(value, (name) => !subs.includes(name));
}

function withParts(value: ScimValue, isKept: (name: string) => boolean): ScimValue | undefined {
  if (isScimList(value)) {
    const values = value.map((one) => withParts(one, isKept)).filter((one) => one !== undefined);
    return values.length === 0 ? undefined : values;
  }
  if (!isScimObject(value)) return value;
  const parts = Object.fromEntries(Object.entries(value).filter(([name]) => isKept(name)));
  return Object.keys(parts).length === 0 ? undefined : parts;
}
