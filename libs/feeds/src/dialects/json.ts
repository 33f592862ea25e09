import { StringDecoder } from 'node:string_decoder';
import type { Readable } from 'node:stream';
import { FeedRefusedError, type RawRow } from './raw-row.js';
import { parseRow } from './ndjson.js';

const rowCharactersMax = 1_000_000;

/**
 * An array of objects, or an object with one such array (`{"employees": […]}`): cut into its objects while it streams, so
 * that memory holds one row. Structure is followed by depth and strings; each object is then parsed by itself.
 */
export async function* jsonRows(bytes: Readable): AsyncGenerator<RawRow> {
  const decoder = new StringDecoder('utf8');
  const cutter = new ObjectCutter();
  for await (const chunk of bytes) yield* cutter.feed(decoder.write(chunk));
  yield* cutter.feed(decoder.end());
  if (!cutter.sawArray) throw new FeedRefusedError('empty_file', 'there is no array of employees in the document');
  if (cutter.isInside) throw new FeedRefusedError('row_unbalanced', 'the document ends in the middle of a row');
}

class ObjectCutter {
  sawArray = false;
  private depth = 0;
  private text = '';
  private inString = false;
  private escaped = false;
  private line = 1;
  private startLine = 1;

  get isInside(): boolean {
    return this.depth > 0;
  }

  *feed(chunk: string): Generator<RawRow> {
    for (const character of chunk) {
      if (character === '\n') this.line += 1;
      if (this.depth === 0) this.outside(character);
      else if (this.inside(character)) {
        yield parseRow(this.text, this.startLine);
        this.text = '';
      }
    }
  }

  private outside(character: string): void {
    if (character === '[') this.sawArray = true;
    else if (character === '{' && this.sawArray) {
      this.depth = 1;
      this.text = '{';
      this.startLine = this.line;
    }
  }

  /** True when the object has just closed. */
  private inside(character: string): boolean {
    this.text += character;
    if (this.text.length > rowCharactersMax)
      throw new FeedRefusedError('row_too_long', 'a row is longer than a megabyte');
    if (this.inString) {
      if (this.escaped) this.escaped = false;
      else if (character === '\\') this.escaped = true;
      else if (character === '"') this.inString = false;
      return false;
    }
    if (character === '"') this.inString = true;
    else if (character === '{' || character === '[') this.depth += 1;
    else if (character === '}' || character === ']') this.depth -= 1;
    return this.depth === 0;
  }
}
