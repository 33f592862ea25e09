import { csvRows } from './csv.js';
import { jsonRows } from './json.js';
import { ndjsonRows } from './ndjson.js';
import type { Dialect } from './raw-row.js';

export { FeedRefusedError } from './raw-row.js';

/** The dialect of each media type. */
export const dialects: Readonly<Record<string, Dialect>> = {
  'text/csv': csvRows,
  'application/x-ndjson': ndjsonRows,
  'application/json': jsonRows,
};
