import { StringDecoder } from 'node:string_decoder';
import { rejection } from '#libs/vocabulary';
import { JsonRows } from './json-row.js';
import { FeedRefusedError, rowCharactersMax, type FileShape, type RawRow } from './raw-row.js';

/**
 * An array of objects, or an object with one array (`{"employees": […], "page": 1}`): cut into its elements while it
 * streams, so that memory holds one row. Structure is followed by depth and strings; each element is then parsed by itself.
 */
export async function* jsonRows(bytes: AsyncIterable<Buffer>, shape: FileShape): AsyncGenerator<readonly RawRow[]> {
  const decoder = new StringDecoder('utf8');
  const elements = new JsonRows(shape);
  const cutter = new ElementCutter<RawRow>((text, line) =>
    text === undefined ? { line, problem: rejection('row_too_long') } : elements.row(text, line),
  );
  for await (const chunk of bytes) {
    const rows = cutter.feed(decoder.write(chunk));
    if (rows.length > 0) yield rows;
  }
  const rows = cutter.feed(decoder.end());
  if (rows.length > 0) yield rows;
  cutter.end();
}

const code = (character: string) => character.charCodeAt(0);
const lineFeed = code('\n');
const quote = code('"');
const backslash = code('\\');
const comma = code(',');

const openBrace = code('{');
const closeBrace = code('}');
const openBracket = code('[');
const closeBracket = code(']');
const isBlank = (character: number) =>
  character === 32 || character === 9 || character === lineFeed || character === 13 || character === 0xfeff;
const isOpening = (character: number) => character === openBrace || character === openBracket;
const isClosing = (character: number) => character === closeBrace || character === closeBracket;

/** Where the next character stands: around everything, among the members of the root, between elements, within one. */
type Place = 'start' | 'members' | 'memberValue' | 'elements' | 'element' | 'scalar' | 'end';

/** Cuts an array into the texts of its elements; `read` is given each, or undefined for one that is too long. */
export class ElementCutter<Read> {
  private place: Place = 'start';
  private rootIsArray = false;
  private sawArray = false;
  /** Open braces and brackets of the element or member value. */
  private depth = 0;
  private inString = false;
  private escaped = false;
  private text = '';
  private isTooLong = false;
  private line = 1;
  private startLine = 1;
  private rows: Read[] = [];

  constructor(private readonly read: (text: string | undefined, line: number) => Read) {}

  feed(chunk: string): readonly Read[] {
    this.rows = [];
    let from = 0;
    for (let index = 0; index < chunk.length; index += 1) {
      const character = chunk.charCodeAt(index);
      if (character === lineFeed) this.line += 1;
      const before = this.place;
      this.step(character);
      if (before === 'elements' && (this.place === 'element' || this.place === 'scalar')) from = index;
      else if (before === 'element' && this.place === 'elements') this.cut(chunk.slice(from, index + 1));
      else if (before === 'scalar' && this.place !== 'scalar') this.cut(chunk.slice(from, index));
    }
    if (this.place === 'element' || this.place === 'scalar') this.append(chunk.slice(from));
    return this.rows;
  }

  end(): void {
    if (this.place === 'start') throw new FeedRefusedError('empty_file');
    if (this.place !== 'end') throw new FeedRefusedError('file_cut', `line ${this.line}`);
    if (!this.sawArray) throw new FeedRefusedError('json_no_array');
  }

  private step(character: number): void {
    switch (this.place) {
      case 'element':
      case 'memberValue':
        this.within(character);
        break;
      case 'scalar':
        if (character === closeBracket) this.leaveArray();
        else if (character === comma || isBlank(character)) this.place = 'elements';
        break;
      case 'elements':
        this.between(character);
        break;
      case 'members':
        this.member(character);
        break;
      case 'start':
        if (character === openBracket) this.enterArray(true);
        else if (character === openBrace) this.place = 'members';
        else if (!isBlank(character)) throw new FeedRefusedError('json_broken', `line ${this.line}`);
        break;
      case 'end':
        if (!isBlank(character)) throw new FeedRefusedError('json_broken', `line ${this.line}`);
        break;
    }
  }

  private between(character: number): void {
    if (character === closeBracket) this.leaveArray();
    else if (character !== comma && !isBlank(character)) {
      this.startLine = this.line;
      this.place = isOpening(character) || character === quote ? 'element' : 'scalar';
      if (this.place === 'element') this.within(character);
    }
  }

  /** Strings and structures among the root's members are passed over, but for the one array. */
  private member(character: number): void {
    if (character === openBracket) this.enterArray(false);
    else if (character === closeBrace) this.place = 'end';
    else if (character === openBrace || character === quote) {
      this.place = 'memberValue';
      this.within(character);
    } else if (character === closeBracket) throw new FeedRefusedError('json_broken', `line ${this.line}`);
  }

  private within(character: number): void {
    if (this.inString) {
      if (this.escaped) this.escaped = false;
      else if (character === backslash) this.escaped = true;
      else if (character === quote) this.inString = false;
    } else if (character === quote) this.inString = true;
    else if (isOpening(character)) this.depth += 1;
    else if (isClosing(character)) this.depth -= 1;
    if (this.inString || this.depth > 0) return;
    this.place = this.place === 'element' ? 'elements' : 'members';
  }

  private enterArray(isRoot: boolean): void {
    if (this.sawArray) throw new FeedRefusedError('json_several_arrays', `line ${this.line}`);
    this.sawArray = true;
    this.rootIsArray = isRoot;
    this.place = 'elements';
  }

  private leaveArray(): void {
    this.place = this.rootIsArray ? 'end' : 'members';
  }

  private append(text: string): void {
    if (this.isTooLong) return;
    this.text += text;
    if (this.text.length <= rowCharactersMax) return;
    this.text = '';
    this.isTooLong = true;
  }

  private cut(rest: string): void {
    this.append(rest);
    this.rows.push(this.read(this.isTooLong ? undefined : this.text, this.startLine));
    this.text = '';
    this.isTooLong = false;
  }
}
