import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { FeedRefusedError, type RawRow } from './raw-row.js';

/** One JSON object a line. */
export async function* ndjsonRows(bytes: Readable): AsyncGenerator<RawRow> {
  let line = 0;
  let rows = 0;
  for await (const text of createInterface({ input: bytes, crlfDelay: Infinity })) {
    line += 1;
    const trimmed = text.replace(/^\uFEFF/, '').trim();
    if (trimmed === '') continue;
    rows += 1;
    yield parseRow(trimmed, line);
  }
  if (rows === 0) throw new FeedRefusedError('empty_file', 'the file is empty');
}

export function parseRow(text: string, line: number): RawRow {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return { line, fields: value };
  } catch {
    return { line, unreadable: { reason: 'row_not_json', message: 'the row is not JSON.' } };
  }
  return { line, unreadable: { reason: 'row_not_object', message: 'the row is not a JSON object.' } };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
