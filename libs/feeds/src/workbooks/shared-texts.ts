import { FeedRefusedError } from '../dialects/raw-row.js';
import type { ZipMember } from '../files/zip.js';
import { readXml } from './xml.js';

const bytesMax = 256 * 1024 * 1024;
/** What a number costs beside its text. */
const bytesPerText = 4;
/** What a cell holds at most (Microsoft, Excel specifications and limits). */
const textMax = 32_767;
/** A character that is escaped is written as seven. */
const writtenMax = textMax * 7;
const escaped = /_x([0-9A-Fa-f]{4})_/g;

/** Characters that XML cannot hold are written `_x000D_` in a workbook (ECMA-376 part 1, 22.9.2.19). */
export const unescaped = (text: string): string =>
  text.includes('_x') ? text.replaceAll(escaped, (_whole, code) => String.fromCharCode(parseInt(code, 16))) : text;

/**
 * The texts that the cells of a workbook share by number (ECMA-376 part 1, 18.4): one after another in one block of memory,
 * bounded, for they come after the sheet that needs them.
 */
export class SharedTexts {
  private bytes = Buffer.alloc(65_536);
  private size = 0;
  private ends = new Uint32Array(4_096);
  private count = 0;

  /** The text of a number; undefined when there is none. */
  get(index: number): string | undefined {
    if (!Number.isInteger(index) || index < 0 || index >= this.count) return undefined;
    return this.bytes.toString('utf8', index === 0 ? 0 : this.ends[index - 1], this.ends[index]);
  }

  /** @throws FeedRefusedError when it is longer than a cell can be, or there is more text than memory shall hold. */
  add(text: string): void {
    const needed = this.size + Buffer.byteLength(text);
    if (text.length > textMax || needed + this.count * bytesPerText > bytesMax) {
      throw new FeedRefusedError('workbook_too_large');
    }
    if (needed > this.bytes.length) {
      const larger = Buffer.alloc(Math.min(bytesMax, Math.max(needed, this.bytes.length * 2)));
      this.bytes.copy(larger, 0, 0, this.size);
      this.bytes = larger;
    }
    if (this.count === this.ends.length) {
      const longer = new Uint32Array(this.ends.length * 2);
      longer.set(this.ends);
      this.ends = longer;
    }
    this.size += this.bytes.write(text, this.size);
    this.ends[this.count] = this.size;
    this.count += 1;
  }
}

/** Reads the shared texts; their formatting and the pronunciation beside them are passed over. */
export async function sharedTexts(member: ZipMember | undefined): Promise<SharedTexts> {
  const texts = new SharedTexts();
  if (member === undefined) return texts;
  let text = '';
  let isText = false;
  let isSound = false;
  await readXml(() => member.stream(), {
    opened: (name) => {
      if (name === 'si') text = '';
      else if (name === 'rPh') isSound = true;
      else isText = name === 't' && !isSound;
    },
    text: (part) => {
      if (!isText) return;
      text += part;
      if (text.length > writtenMax) throw new FeedRefusedError('workbook_too_large');
    },
    closed: (name) => {
      isText = false;
      if (name === 'rPh') isSound = false;
      else if (name === 'si') texts.add(unescaped(text));
    },
  });
  return texts;
}
