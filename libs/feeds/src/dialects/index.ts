import { csvRows } from './csv.js';
import { jsonRows } from './json.js';
import { ndjsonRows } from './ndjson.js';
import type { ScimSettings } from '#libs/vocabulary';
import { bulkRows } from '../scim/bulk-rows.js';
import type { Dialect, FileShape, RawRow } from './raw-row.js';

export { FeedRefusedError, type FileShape, type RawRow } from './raw-row.js';

/** The dialects of text in which a feed may be. */
export const dialects = {
  csv: csvRows,
  tsv: (bytes, shape) => csvRows(bytes, { ...shape, delimiter: shape.delimiter ?? '\t' }),
  ndjson: ndjsonRows,
  json: jsonRows,
} as const satisfies Record<string, Dialect>;

/** What came by SCIM, and how it is read: in UTF-8 and our own spelling, whatever a source settles for its files. */
export const scimChangesType = 'application/vnd.bascule.scim-changes+x-ndjson';
/** A BulkRequest of users, as it was sent. */
export const scimUploadType = 'application/scim+json';

/** A dialect that goes by what is settled for a source's SCIM users, too. */
type OwnDialect = (
  bytes: AsyncIterable<Buffer>,
  shape: FileShape & { readonly scim: ScimSettings },
) => AsyncGenerator<readonly RawRow[]>;
export const ownDialects: Readonly<Record<string, OwnDialect>> = {
  [scimChangesType]: ndjsonRows,
  [scimUploadType]: (bytes, { scim }) => bulkRows(bytes, scim),
};
