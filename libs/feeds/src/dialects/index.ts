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
