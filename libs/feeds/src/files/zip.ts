import { Readable } from 'node:stream';
import { callbackify } from 'node:util';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import type { RefusalReason } from '#libs/vocabulary';
import { FeedRefusedError } from '../dialects/raw-row.js';
import type { StoredFile } from './stored-file.js';

/** What a file that should be a zip is refused with when it is none: a workbook is one too, and says so otherwise. */
export interface ZipRefusals {
  readonly broken: RefusalReason;
  readonly encrypted: RefusalReason;
}

/** One file within a zip. */
export interface ZipMember {
  readonly name: string;
  /** @throws FeedRefusedError when it is broken, encrypted, or unpacks to far more than any feed. */
  stream(): AsyncIterable<Buffer>;
}

/** A workbook with a picture for each of a thousand people is no feed. */
const membersMax = 1_000;
/** Feeds pack to a tenth, repetitive sheets to a fiftieth; deflate's utmost is 1,032. */
const ratioMax = 200;
const ratioCountsFromBytes = 16 * 1024 * 1024;

/**
 * Opens a zip (APPNOTE 6.3) by its central directory, which lies at its end: the stored file is read where it is needed,
 * never as a whole. Gives its members, folders left out.
 *
 * @throws FeedRefusedError for what is no zip, or a broken one.
 */
export async function openZip(file: StoredFile, refusals: ZipRefusals): Promise<readonly ZipMember[]> {
  const sizes = await file.pieceSizes();
  const reader = new PieceReader(file, sizes);
  const size = sizes.reduce((sum, one) => sum + one, 0);
  return reader.refusing(refusals.broken, async () => {
    const zip = await yauzl.fromRandomAccessReaderPromise(reader, size, { autoClose: false, lazyEntries: true });
    if (zip.entryCount > membersMax) throw new FeedRefusedError(refusals.broken);
    const members: ZipMember[] = [];
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith('/')) continue;
      members.push({ name: entry.fileName, stream: () => memberBytes(zip, entry, reader, refusals) });
    }
    return members;
  });
}

async function* memberBytes(
  zip: ZipFile,
  entry: Entry,
  reader: PieceReader,
  refusals: ZipRefusals,
): AsyncGenerator<Buffer> {
  if (entry.isEncrypted()) throw new FeedRefusedError(refusals.encrypted);
  const { compressedSize, uncompressedSize } = entry;
  // The reader holds a member to the size that it claims.
  if (uncompressedSize > ratioCountsFromBytes && uncompressedSize > compressedSize * ratioMax) {
    throw new FeedRefusedError('zip_bomb');
  }
  const stream = await reader.refusing(refusals.broken, () => zip.openReadStreamPromise(entry));
  const iterator = stream[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await reader.refusing(refusals.broken, () => iterator.next());
      if (next.done === true) return;
      yield Buffer.from(next.value);
    }
  } finally {
    stream.destroy();
  }
}

/** Reads ranges of a file by its pieces; holds one piece at a time. */
class PieceReader extends yauzl.RandomAccessReader {
  private heldIndex = -1;
  private heldPiece: Promise<Buffer> = Promise.resolve(Buffer.alloc(0));
  /** What went wrong with the store: no fault of the file's. */
  private fault: { readonly error: unknown } | undefined;

  constructor(
    private readonly file: StoredFile,
    private readonly sizes: readonly number[],
  ) {
    super();
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.range(start, end), { objectMode: false });
  }

  override read(buffer: Buffer, offset: number, length: number, position: number, done: (error: Error | null) => void) {
    const copy = async () => {
      let at = offset;
      for await (const part of this.range(position, position + length)) at += part.copy(buffer, at);
      if (at < offset + length) throw new Error('the file ends too early');
    };
    callbackify(copy)(done);
  }

  /** Runs `act`; what goes wrong is the file's fault, unless its store failed. */
  async refusing<T>(reason: RefusalReason, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      if (this.fault !== undefined) throw this.fault.error;
      throw error instanceof FeedRefusedError ? error : new FeedRefusedError(reason);
    }
  }

  private async *range(start: number, end: number): AsyncGenerator<Buffer> {
    let from = 0;
    for (const [index, size] of this.sizes.entries()) {
      if (from >= end) return;
      if (from + size > start) {
        const piece = await this.piece(index);
        yield piece.subarray(Math.max(start - from, 0), Math.min(end - from, size));
      }
      from += size;
    }
  }

  private async piece(index: number): Promise<Buffer> {
    if (this.heldIndex !== index) {
      this.heldIndex = index;
      this.heldPiece = this.file.piece(index);
    }
    try {
      return await this.heldPiece;
    } catch (error) {
      this.fault ??= { error };
      throw error;
    }
  }
}
