import type { ScimSort } from '#libs/ledger';
import { attributeNamed } from './attributes.js';
import { columnOfPlace, namesOf, placeOf } from './schemas.js';
import { ScimError } from './scim-error.js';

/**
 * What `sortBy` asks for (RFC 7644, 3.4.2.3): a complex attribute goes by its `value`, a list by its primary value, else the
 * first.
 *
 * @throws ScimError `invalidPath` for what nothing can be sorted by.
 */
export function sortOf(sortBy: string, descending: boolean): ScimSort {
  const place = placeOf(sortBy.trim());
  if (place === undefined || place.attribute.name === 'schemas') throw unsortable();
  const { extension, attribute } = place;
  if (attribute.name === 'meta' && extension === undefined) {
    const name = place.sub?.name;
    if (name !== 'created' && name !== 'lastModified') throw unsortable();
    return { operand: { column: name, type: 'moment' }, descending };
  }
  const column = columnOfPlace(place);
  if (column !== undefined) return { operand: { column, type: 'text' }, descending };
  const sub = place.sub ?? attributeNamed(attribute.subAttributes ?? [], 'value');
  if ((attribute.type === 'complex' && sub === undefined) || attribute.returned === 'request') throw unsortable();
  const type = 'text';
  const list = namesOf({ extension, attribute });
  if (!attribute.multiValued) return { operand: { path: namesOf({ extension, attribute, sub }), type }, descending };
  return { operand: { path: sub === undefined ? [] : [sub.name], type }, among: list, descending };
}

const unsortable = () => new ScimError(400, 'invalidPath', 'sortBy names no attribute that users can be sorted by.');
