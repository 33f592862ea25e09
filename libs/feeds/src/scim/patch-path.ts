import type { ScimCondition } from '#libs/ledger';
import { attributeNamed, type ScimAttribute } from './attributes.js';
import { parseValueFilter } from './filter.js';
import { extensionOf, placeOf, type ScimPlace, type ScimSchema } from './schemas.js';
import { ScimError } from './scim-error.js';

/** What an operation is about (RFC 7644, 3.5.2): an attribute, perhaps only some of its values, or a whole extension. */
export type PatchTarget =
  | { readonly kind: 'extension'; readonly extension: ScimSchema }
  | { readonly kind: 'attribute'; readonly place: ScimPlace; readonly filter?: ScimCondition | undefined };

const valuePath = /^([^[]+)\[(.*)\](?:\.(\$?\w+))?$/s;

/** The target that a path names; undefined when no user has such an attribute. @throws ScimError for a bad filter. */
export function patchTargetOf(path: string): PatchTarget | undefined {
  const extension = extensionOf(path);
  if (extension !== undefined) return { kind: 'extension', extension };
  const found = valuePath.exec(path);
  if (found === null) {
    const place = placeOf(path);
    return place && { kind: 'attribute', place };
  }
  const [, name = '', filterText = '', subName] = found;
  const place = placeOf(name);
  if (place === undefined || place.sub !== undefined || !place.attribute.multiValued) return undefined;
  const filter = parseValueFilter(filterText, place.attribute);
  if (subName === undefined) return { kind: 'attribute', place, filter };
  const sub = attributeNamed(place.attribute.subAttributes ?? [], subName);
  return sub && { kind: 'attribute', place: { ...place, sub }, filter };
}

/** @throws ScimError `invalidPath` */
export function requiredTarget(path: unknown): PatchTarget {
  const target = typeof path === 'string' ? patchTargetOf(path.trim()) : undefined;
  if (target === undefined) throw new ScimError(400, 'invalidPath', 'The path names no attribute of a user.');
  return target;
}

/**
 * The value that a filter describes, for platforms that set `emails[type eq "work"].value` before there is such a value: only
 * for types that the schema lists, so that a mistake is still told.
 */
export function describedValue(
  filter: ScimCondition,
  attribute: ScimAttribute,
): Readonly<Record<string, string | boolean>> | undefined {
  const value: Record<string, string | boolean> = {};
  for (const part of filter.kind === 'and' ? filter.parts : [filter]) {
    if (part.kind !== 'compare' || part.operator !== 'eq' || part.operand.column !== undefined) return undefined;
    const [name = ''] = part.operand.path;
    const sub = attributeNamed(attribute.subAttributes ?? [], name);
    const listed = sub?.canonicalValues?.find((one) => one.toLowerCase() === part.value);
    if (sub?.name === 'primary' && part.value === true) value['primary'] = true;
    else if (listed !== undefined) value[name] = listed;
    else return undefined;
  }
  return value;
}
