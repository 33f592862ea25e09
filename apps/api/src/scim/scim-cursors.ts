import { createHash } from 'node:crypto';
import { ScimError } from '#libs/feeds';
import type { ScimSearch } from './scim-requests.js';

/** What must be the same from page to page. */
const queryMark = (search: ScimSearch): Buffer =>
  createHash('sha256')
    .update(JSON.stringify([search.filter ?? '', search.sortBy ?? '', search.sortOrder ?? 'ascending']))
    .digest()
    .subarray(0, 8);

const idBytes = 16;

/** After whom the next page begins, in unreserved characters (RFC 9865, 2): an id and a mark, nothing that anyone is called. */
export const cursorAfter = (id: string, search: ScimSearch): string =>
  Buffer.concat([Buffer.from(id.replaceAll('-', ''), 'hex'), queryMark(search)]).toString('base64url');

/** The user after whom a page begins. @throws ScimError `invalidCursor` for one that was not made for this query. */
export function userBefore(cursor: string, search: ScimSearch): string {
  const bytes = Buffer.from(cursor, 'base64url');
  const isOurs = bytes.length === idBytes + 8 && bytes.subarray(idBytes).equals(queryMark(search));
  if (!isOurs || bytes.toString('base64url') !== cursor) throw invalidCursor();
  return bytes.toString('hex', 0, idBytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export const invalidCursor = () =>
  new ScimError(
    400,
    'invalidCursor',
    'The cursor was not given for this query: begin with an empty cursor and repeat the query unchanged.',
  );
