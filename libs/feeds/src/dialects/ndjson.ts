import { StringDecoder } from 'node:string_decoder';
import { rejection } from '#libs/vocabulary';
import { JsonRows } from './json-row.js';
import { FeedRefusedError, rowCharactersMax, type FileShape, type RawRow } from './raw-row.js';

/** One JSON object a line; lines end in LF, CRLF or CR. Blank lines are no rows. */
export async function* ndjsonRows(bytes: AsyncIterable<Buffer>, shape: FileShape): AsyncGenerator<readonly RawRow[]> {
  const decoder = new StringDecoder('utf8');
  const splitter = new LineSplitter(new JsonRows(shape));
  let count = 0;
  for await (const chunk of bytes) {
    const rows = splitter.feed(decoder.write(chunk));
    count += rows.length;
    if (rows.length > 0) yield rows;
  }
  const rest = [...splitter.feed(decoder.end()), ...splitter.end()];
  if (count + rest.length === 0) throw new FeedRefusedError('empty_file');
  if (rest.length > 0) yield rest;
}

const endOfLine = /\r\n|\n|\r/g;

class LineSplitter {
  private text = '';
  private isTooLong = false;
  private line = 1;
  private afterReturn = false;

  constructor(private readonly objects: JsonRows) {}

  feed(chunk: string): RawRow[] {
    if (chunk === '') return [];
    const rows: RawRow[] = [];
    // An end of line that was cut between its two characters has been counted already.
    let start = this.afterReturn && chunk.startsWith('\n') ? 1 : 0;
    this.afterReturn = chunk.endsWith('\r');
    endOfLine.lastIndex = start;
    for (let found = endOfLine.exec(chunk); found !== null; found = endOfLine.exec(chunk)) {
      this.append(chunk.slice(start, found.index));
      this.close(rows);
      start = endOfLine.lastIndex;
    }
    this.append(chunk.slice(start));
    return rows;
  }

  /** What stands after the last end of line: a row, or the beginning of one whose rest was lost. */
  end(): RawRow[] {
    const rows: RawRow[] = [];
    const line = this.line;
    this.close(rows);
    if (rows[0]?.problem?.reason === 'row_not_json') throw new FeedRefusedError('file_cut', `line ${line}`);
    return rows;
  }

  private append(text: string): void {
    if (this.isTooLong) return;
    this.text += text;
    if (this.text.length <= rowCharactersMax) return;
    this.text = '';
    this.isTooLong = true;
  }

  private close(rows: RawRow[]): void {
    const text = (this.line === 1 ? this.text.replace(/^\uFEFF/, '') : this.text).trim();
    if (this.isTooLong) rows.push({ line: this.line, problem: rejection('row_too_long') });
    else if (text !== '') rows.push(this.objects.row(text, this.line));
    this.text = '';
    this.isTooLong = false;
    this.line += 1;
  }
}
