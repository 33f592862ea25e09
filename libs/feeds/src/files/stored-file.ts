import { FeedRefusedError } from '../dialects/raw-row.js';

/** A file that lies somewhere, whole: read from its start, or piece by piece in any order. */
export interface StoredFile {
  /** All of its bytes, each time anew. */
  stream(): AsyncIterable<Buffer>;
  /** The sizes in bytes of its pieces, in order. */
  pieceSizes(): Promise<readonly number[]>;
  /** One piece, counted from 0. */
  piece(index: number): Promise<Buffer>;
}

/** A file that memory holds. */
export function fileInMemory(bytes: Buffer): StoredFile {
  return {
    async *stream() {
      yield bytes;
    },
    pieceSizes: async () => [bytes.length],
    piece: async () => bytes,
  };
}

/** A workbook within another container can only be read from memory. */
const heldBytesMax = 64 * 1024 * 1024;

/** @throws FeedRefusedError when there are more bytes than memory shall hold. */
export async function held(bytes: AsyncIterable<Buffer>): Promise<StoredFile> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > heldBytesMax) throw new FeedRefusedError('workbook_too_large');
    chunks.push(chunk);
  }
  return fileInMemory(Buffer.concat(chunks));
}
