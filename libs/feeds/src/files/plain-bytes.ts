import { pipeline, Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { FeedRefusedError } from '../dialects/raw-row.js';

/** Small enough that other requests are answered between two chunks. */
const chunkBytes = 65_536;

/** What a reading is bounded by. */
export interface ReadingBounds {
  readonly signal: AbortSignal;
  /** How many bytes a file may have when it is unpacked. */
  readonly unpackedBytes: number;
}

/** What was unpacked of a file whose parts are bounded together. */
export interface Unpacked {
  bytes: number;
}

/**
 * Bytes in chunks, with a pause after each. Streams that are given the same `unpacked` share the bound.
 *
 * @throws FeedRefusedError when there are too many; the signal's reason when that comes first.
 */
export async function* bounded(
  bytes: AsyncIterable<Buffer>,
  { signal, unpackedBytes }: ReadingBounds,
  unpacked: Unpacked = { bytes: 0 },
): AsyncGenerator<Buffer> {
  for await (const piece of bytes) {
    unpacked.bytes += piece.length;
    if (unpacked.bytes > unpackedBytes) throw new FeedRefusedError('file_too_large');
    for (let from = 0; from < piece.length; from += chunkBytes) {
      signal.throwIfAborted();
      yield piece.subarray(from, from + chunkBytes);
      await setImmediate();
    }
  }
}

/** @throws FeedRefusedError for bytes that are no gzip, or broken. */
export async function* gunzipped(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  // The reader below sees the error as the stream's own.
  pipeline(Readable.from(bytes, { highWaterMark: 1 }), gunzip, () => undefined);
  try {
    for await (const chunk of gunzip) yield Buffer.from(chunk);
  } catch (error) {
    const isZlib = error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
    throw isZlib ? new FeedRefusedError('gzip_broken') : error;
  }
}
