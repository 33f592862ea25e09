import type { FileEncoding, FileSettings } from '#libs/vocabulary';
import { FeedRefusedError } from '../dialects/raw-row.js';

/** Bytes that can be read from the start more than once, one reader at a time. */
export type Bytes = () => AsyncIterable<Buffer>;

/** Enough to tell UTF-16 without a mark from anything else. */
const headBytes = 64;

/** The marks of RFC 3629, 6, and RFC 2781, 3.2; what bears one is in that encoding, whatever was declared. */
const marks: readonly (readonly [string, FileEncoding])[] = [
  ['efbbbf', 'utf-8'],
  ['fffe', 'utf-16le'],
  ['feff', 'utf-16be'],
];

/**
 * A file's bytes as UTF-8, whatever encoding it is in. In this order: a byte order mark; the charset that was declared with
 * the file; what is settled for its source; UTF-8. UTF-16 without a mark is told from UTF-8 by the zeros between its
 * letters. UTF-8 that is broken is never taken for something else, unless `detect` was settled and hardly any of the file's
 * other bytes would do as UTF-8. Bytes that are no characters become U+FFFD, which rejects their row.
 *
 * @throws FeedRefusedError `encoding_contradicted` at the end of a file that was declared as another encoding and is UTF-8:
 *   each of its letters beyond ASCII would be two wrong ones.
 */
export async function* utf8Bytes(
  bytes: Bytes,
  declared: FileEncoding | undefined,
  settled: FileSettings['encoding'],
): AsyncGenerator<Buffer> {
  let peeked = new PeekedBytes(bytes());
  try {
    const head = await peeked.head();
    let encoding = markOf(head) ?? declared ?? settled;
    if (encoding.startsWith('utf') || encoding === 'detect') encoding = markless(head) ?? encoding;
    if (encoding === 'detect') {
      await peeked.close();
      encoding = await detected(bytes());
      peeked = new PeekedBytes(bytes());
    }
    if (encoding === 'utf-8') yield* peeked;
    else if (encoding === 'utf-16le' || encoding === 'utf-16be') yield* decoded(peeked, encoding);
    else yield* contradicted(peeked, encoding);
  } finally {
    await peeked.close();
  }
}

/** Bytes whose first ones are looked at before they are read. */
class PeekedBytes implements AsyncIterable<Buffer> {
  private readonly iterator: AsyncIterator<Buffer>;
  private readonly first: Buffer[] = [];

  constructor(bytes: AsyncIterable<Buffer>) {
    this.iterator = bytes[Symbol.asyncIterator]();
  }

  async head(): Promise<Buffer> {
    for (let size = 0; size < headBytes; size += this.first.at(-1)?.length ?? 0) {
      const next = await this.iterator.next();
      if (next.done === true) break;
      this.first.push(next.value);
    }
    return Buffer.concat(this.first).subarray(0, headBytes);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    yield* this.first;
    for (let next = await this.iterator.next(); next.done !== true; next = await this.iterator.next()) yield next.value;
  }

  async close(): Promise<void> {
    await this.iterator.return?.();
  }
}

function markOf(head: Buffer): FileEncoding | undefined {
  const start = head.subarray(0, 3).toString('hex');
  return marks.find(([mark]) => start.startsWith(mark))?.[1];
}

/** UTF-16 without a mark, when the head is plain ASCII in it: no text in another encoding has a zero at every other byte. */
function markless(head: Buffer): FileEncoding | undefined {
  const length = head.length - (head.length % 2);
  if (length < 8) return undefined;
  const isZeroAt = (parity: number) =>
    head.subarray(0, length).every((byte, at) => (byte === 0) === (at % 2 === parity));
  if (isZeroAt(1)) return 'utf-16le';
  return isZeroAt(0) ? 'utf-16be' : undefined;
}

/**
 * The encoding that a file's first bytes speak for. Not sure is Windows-1252, which other encodings of one byte a letter look
 * like.
 */
export function likelyEncoding(first: Buffer): { readonly encoding: FileEncoding; readonly isSure: boolean } {
  const told = markOf(first) ?? markless(first.subarray(0, headBytes));
  if (told !== undefined) return { encoding: told, isSure: true };
  const evidence = new Utf8Evidence();
  evidence.feed(first);
  const isUtf8 = evidence.invalid <= evidence.valid;
  return { encoding: isUtf8 ? 'utf-8' : 'windows-1252', isSure: isUtf8 };
}

/** UTF-8 or Windows-1252, by all of the file's bytes; UTF-8 when they speak for neither. */
async function detected(bytes: AsyncIterable<Buffer>): Promise<'utf-8' | 'windows-1252'> {
  const evidence = new Utf8Evidence();
  for await (const chunk of bytes) evidence.feed(chunk);
  return evidence.invalid > 0 && evidence.valid * 100 <= evidence.invalid ? 'windows-1252' : 'utf-8';
}

/** The encodings with one byte a letter have control characters here, or nothing; no text has either. */
const controls = /[\u0080-\u009F]/g;

async function* decoded(bytes: AsyncIterable<Buffer>, encoding: FileEncoding): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding);
  for await (const chunk of bytes) {
    const text = decoder.decode(chunk, { stream: true });
    if (text !== '') yield Buffer.from(text);
  }
  const rest = decoder.decode();
  if (rest !== '') yield Buffer.from(rest);
}

async function* contradicted(bytes: AsyncIterable<Buffer>, encoding: FileEncoding): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding);
  const evidence = new Utf8Evidence();
  for await (const chunk of bytes) {
    evidence.feed(chunk);
    yield Buffer.from(decoder.decode(chunk, { stream: true }).replaceAll(controls, '\uFFFD'));
  }
  if (evidence.valid > evidence.invalid) throw new FeedRefusedError('encoding_contradicted');
}

/** Counts the characters beyond ASCII that would do as UTF-8, and the bytes that would not, wherever chunks are cut. */
class Utf8Evidence {
  valid = 0;
  invalid = 0;
  /** Bytes that are still due in the character at hand, and those that have come. */
  private due = 0;
  private come = 0;

  feed(chunk: Buffer): void {
    for (const byte of chunk) {
      if (this.due > 0 && (byte & 0xc0) === 0x80) {
        this.due -= 1;
        this.come += 1;
        if (this.due === 0) this.valid += 1;
        continue;
      }
      if (this.due > 0) this.invalid += this.come;
      this.due =
        byte >= 0xc2 && byte <= 0xdf ? 1 : byte >= 0xe0 && byte <= 0xef ? 2 : byte >= 0xf0 && byte <= 0xf4 ? 3 : 0;
      this.come = 1;
      if (byte >= 0x80 && this.due === 0) this.invalid += 1;
    }
  }
}
