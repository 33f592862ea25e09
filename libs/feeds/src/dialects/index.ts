import { csvRows } from './csv.js';
import { jsonRows } from './json.js';
import { ndjsonRows } from './ndjson.js';
import type { Dialect } from './raw-row.js';

export { FeedRefusedError, type FileShape, type RawRow } from './raw-row.js';

/** The dialect of each media type that a feed may have. */
export const dialects: Readonly<Record<string, Dialect>> = {
  'text/csv': csvRows,
  'application/x-ndjson': ndjsonRows,
  'application/json': jsonRows,
};

/** What Bascule itself makes deliveries of, and how they are read: in UTF-8 and our own spelling, whatever a source settles. */
export const scimChangesType = 'application/vnd.bascule.scim-changes+x-ndjson';
export const ownDialects: Readonly<Record<string, Dialect>> = { [scimChangesType]: ndjsonRows };
