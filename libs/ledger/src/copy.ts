import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

/** A value of a COPY row. Arrays become PostgreSQL arrays of text, objects JSON, Uint8Array bytea. */
export type CopyValue =
  string | number | boolean | null | Uint8Array | readonly string[] | Readonly<Record<string, unknown>>;

const escapes: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };
const special = /[\\\t\n\r]/;
const escape = (text: string) =>
  special.test(text) ? text.replace(/[\\\t\n\r]/g, (character) => escapes[character] ?? character) : text;

const arrayElement = (text: string) => `"${text.replace(/["\\]/g, (character) => `\\${character}`)}"`;

function encode(value: CopyValue): string {
  if (value === null) return '\\N';
  if (typeof value === 'string') return escape(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value instanceof Uint8Array) return `\\\\x${Buffer.from(value).toString('hex')}`;
  if (isArray(value)) return escape(`{${value.map(arrayElement).join(',')}}`);
  return escape(JSON.stringify(value));
}

const isArray = (value: unknown): value is readonly string[] => Array.isArray(value);

const chunkRows = 500;

/**
 * Streams rows into a table by COPY, the fastest way in (2.4 times unnest, 4 times multi-row INSERT). Memory holds one
 * chunk of rows. `target` is a table with its columns, e.g. `wish (employee_id, address)`; it is code, never input.
 */
export async function copyInto(
  client: PoolClient,
  target: string,
  rows: AsyncIterable<readonly CopyValue[]> | Iterable<readonly CopyValue[]>,
): Promise<void> {
  await copyChunksInto(client, target, chunked(rows));
}

async function* chunked(rows: AsyncIterable<readonly CopyValue[]> | Iterable<readonly CopyValue[]>) {
  let chunk: (readonly CopyValue[])[] = [];
  for await (const row of rows) {
    chunk.push(row);
    if (chunk.length < chunkRows) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

/** The same for rows that come in chunks: a step of an async iterator for each row would cost more than the COPY. */
export async function copyChunksInto(
  client: PoolClient,
  target: string,
  chunks: AsyncIterable<readonly (readonly CopyValue[])[]>,
): Promise<void> {
  const text = async function* () {
    for await (const chunk of chunks) yield Buffer.from(chunk.map((row) => `${row.map(encode).join('\t')}\n`).join(''));
  };
  // Without a bound of its own the stream would read sixteen chunks ahead.
  await pipeline(Readable.from(text(), { highWaterMark: 1 }), client.query(copyFrom(`copy ${target} from stdin`)));
}
