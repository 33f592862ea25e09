import { StringDecoder } from 'node:string_decoder';
import type { CsvError, InfoRecord } from 'csv-parse';
import { parse } from 'csv-parse/sync';
import { fileDelimiters, rejection } from '#libs/vocabulary';
import { FeedRefusedError, rowCharactersMax, type FileShape, type RawRow } from './raw-row.js';
import { TableHeader } from './table-header.js';

const lineFeed = 10;
const carriageReturn = 13;

/**
 * CSV with a header row, RFC 4180 and what HR systems make of it: the separator is taken from the header, a byte order
 * mark is dropped, lines may end in LF, CRLF or CR. Rows with too few or too many columns are reported, not guessed at.
 */
export async function* csvRows(bytes: AsyncIterable<Buffer>, shape: FileShape): AsyncGenerator<readonly RawRow[]> {
  const iterator = bytes[Symbol.asyncIterator]();
  let lastByte = lineFeed;
  try {
    const head = await headOf(iterator);
    const reader = new CsvReader(shape.delimiter ?? separatorOf(head), shape);
    for (let chunk = head; chunk.length > 0; chunk = await chunkOf(iterator)) {
      lastByte = chunk.at(-1) ?? lastByte;
      reader.write(chunk);
      const rows = reader.take();
      if (rows.length > 0) yield rows;
    }
    reader.end();
    const rows = reader.take();
    const isEnded = lastByte === lineFeed || lastByte === carriageReturn;
    if (reader.endsShort && !isEnded) throw new FeedRefusedError('file_cut', `line ${rows.at(-1)?.line}`);
    if (rows.length > 0) yield rows;
  } finally {
    await iterator.return?.();
  }
}

async function chunkOf(iterator: AsyncIterator<Buffer>): Promise<Buffer> {
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
    if (next.value.length > 0) return next.value;
  }
  return Buffer.alloc(0);
}

/** The bytes up to and with the first line, as far as they come within 64 KiB. */
async function headOf(iterator: AsyncIterator<Buffer>): Promise<Buffer> {
  let head = await chunkOf(iterator);
  while (head.length < 65_536 && !head.includes(lineFeed) && !head.includes(carriageReturn)) {
    const chunk = await chunkOf(iterator);
    if (chunk.length === 0) break;
    head = Buffer.concat([head, chunk]);
  }
  return head;
}

/** The separator that stands most often in the header outside quotes. */
export function separatorOf(head: Buffer): (typeof fileDelimiters)[number] {
  const [firstLine = ''] = head.toString('utf8').split(/[\r\n]/, 1);
  const unquoted = firstLine.replaceAll(/"[^"]*"/g, '');
  const counted = fileDelimiters.map((separator) => ({ separator, count: unquoted.split(separator).length }));
  return counted.reduce((a, b) => (b.count > a.count ? b : a)).separator;
}

const lineEnds = /\r\n?|\n/g;

/** Where the line after that at `from` begins, or the end of the text. */
function nextLine(text: string, from: number): number {
  lineEnds.lastIndex = from;
  return lineEnds.exec(text) === null ? text.length : lineEnds.lastIndex;
}

/** Where the line begins that comes so many after the one at `from`. */
function afterLines(text: string, from: number, lines: number): number {
  let end = from;
  for (let line = 0; line < lines; line += 1) end = nextLine(text, end);
  return end;
}

/** Up to where the text has whole lines: a CR at its end may be half of an end of line. */
const wholeLines = (text: string) => Math.max(text.lastIndexOf('\n'), text.slice(0, -1).lastIndexOf('\r')) + 1;

/**
 * Reads what comes in pieces, as far as its lines are whole. A line without a quote is its values with separators between
 * them; whatever holds a quote is the parser's.
 */
class CsvReader {
  /** Whether the last record had fewer columns than the header. */
  endsShort = false;
  private readonly decoder = new StringDecoder('utf8');
  private waiting = '';
  /** How much of it was tried, and ended within a quote. */
  private tried = 0;
  private isBegun = false;
  /** Lines that are read. */
  private lines = 0;
  /** Undefined until the header was read. */
  private header: TableHeader | undefined;
  private rows: RawRow[] = [];

  constructor(
    private readonly delimiter: string,
    private readonly shape: FileShape,
  ) {}

  write(chunk: Buffer): void {
    const text = this.decoder.write(chunk);
    this.waiting += this.isBegun ? text : text.replace(/^\uFEFF/, '');
    this.isBegun ||= text !== '';
    this.read(wholeLines(this.waiting), false);
  }

  /** @throws FeedRefusedError when there was nothing. */
  end(): void {
    this.waiting += this.decoder.end();
    this.read(this.waiting.length, true);
    if (this.header === undefined) throw new FeedRefusedError('empty_file');
  }

  take(): readonly RawRow[] {
    const { rows } = this;
    this.rows = [];
    return rows;
  }

  private read(end: number, isLast: boolean): void {
    const text = this.waiting.slice(0, end);
    // Only a quote can close a quote.
    const canGoOn = this.tried === 0 || isLast || text.includes('"', this.tried);
    const from = canGoOn ? this.readLines(text) : 0;
    this.waiting = this.waiting.slice(from);
    this.tried = end - from;
    // Nobody knows where this record ends.
    if (this.waiting.length > rowCharactersMax || (isLast && this.waiting !== ''))
      throw this.unbalanced(this.lines + 1);
  }

  /** Gives up to where it came: the end, or the record that has no end yet. */
  private readLines(text: string): number {
    const end = text.length;
    let from = 0;
    while (from < end) {
      const quote = text.indexOf('"', from);
      const plain = text.slice(from, quote < 0 ? end : quote);
      const plainEnd = quote < 0 ? end : from + Math.max(plain.lastIndexOf('\n'), plain.lastIndexOf('\r')) + 1;
      if (plainEnd > from) this.readPlain(text.slice(from, plainEnd));
      from = plainEnd;
      if (from === end) break;
      const quotedEnd = this.readQuoted(text, from);
      if (quotedEnd === undefined) break;
      from = quotedEnd;
    }
    return from;
  }

  private readPlain(text: string): void {
    const lines = text.split('\n');
    // Behind the last end of line there is none.
    if (lines.at(-1) === '') lines.pop();
    for (const line of lines) {
      if (!line.includes('\r')) this.readLine(line);
      else for (const part of line.replace(/\r$/, '').split('\r')) this.readLine(part);
    }
  }

  private readLine(line: string): void {
    this.lines += 1;
    if (line.length > rowCharactersMax) throw this.unbalanced(this.lines);
    if (line !== '') this.add(line.split(this.delimiter), this.lines);
  }

  /** Reads lines with quotes, and gives where it came to; undefined when the first record of them is not closed yet. */
  private readQuoted(text: string, from: number): number | undefined {
    let end = nextLine(text, from);
    while (end < text.length && text.slice(end, nextLine(text, end)).includes('"')) end = nextLine(text, end);
    for (let more = 1; ; more *= 2) {
      const quoted = new QuotedLines(text.slice(from, end), this.delimiter);
      const closed = quoted.isClosed ? end : afterLines(text, from, quoted.closedLines);
      if (closed > from || quoted.faultLine !== undefined) {
        this.addQuoted(quoted, text.slice(from, closed));
        return closed;
      }
      if (end === text.length || end - from > rowCharactersMax) return undefined;
      end = afterLines(text, end, more);
    }
  }

  private addQuoted({ records, faultLine }: QuotedLines, text: string): void {
    const lines = text.split(lineEnds);
    for (const { line, values } of records) {
      if (values !== undefined) this.add(values, this.lines + line);
      // Nobody knows which columns there are, and so which row is broken.
      else if (this.header === undefined) throw this.unbalanced(this.lines + line);
      else {
        const employeeNumber = this.header.numberIn((lines[line - 1] ?? '').split(this.delimiter));
        this.rows.push({ line: this.lines + line, problem: rejection('row_unbalanced_quote'), employeeNumber });
      }
    }
    if (faultLine !== undefined) throw this.unbalanced(this.lines + faultLine);
    this.lines += text.match(lineEnds)?.length ?? 0;
  }

  private unbalanced(line: number): FeedRefusedError {
    return new FeedRefusedError('row_unbalanced_quote', `line ${line} or after`);
  }

  private add(record: readonly string[], line: number): void {
    const { header } = this;
    if (header === undefined) {
      this.header = new TableHeader(this.shape, record);
      return;
    }
    this.endsShort = record.length < header.width;
    if (record.length === header.width) this.rows.push({ line, values: header.values(record) });
    else this.rows.push({ line, problem: rejection('row_column_count'), employeeNumber: header.numberIn(record) });
  }
}

/** Whole lines with quotes, read by the parser. */
class QuotedLines {
  /** In their order with the line on which they begin, from 1; without values where a quote stands within a value. */
  readonly records: { readonly line: number; readonly values?: readonly string[] }[] = [];
  /** Whether the last record ends with the text; else the records are those that end before, and how many lines they are. */
  isClosed = true;
  closedLines = 0;
  /** The line from which on nobody knows where a row ends. */
  faultLine: number | undefined;
  private endedAt = 0;
  private emptyLines = 0;
  private countedTwice = 0;
  private closedRecords = 0;

  constructor(text: string, delimiter: string) {
    parse(text, {
      delimiter,
      recordDelimiter: ['\r\n', '\n', '\r'],
      relaxColumnCount: true,
      skipEmptyLines: true,
      maxRecordSize: rowCharactersMax,
      skipRecordsWithError: true,
      onRecord: (record: string[], context) => {
        this.add(record, context);
        return null;
      },
      onSkip: (error) => {
        this.skip(error);
        return undefined;
      },
    });
    if (!this.isClosed) this.records.length = this.closedRecords;
  }

  private add(values: readonly string[], { lines, empty_lines: emptyLines }: InfoRecord): void {
    const counted = this.endedAt + (emptyLines - this.emptyLines) + 1;
    const line = counted - this.countedTwice;
    // The parser counts an end of line within quotes twice when it has two characters.
    if (lines > counted) for (const value of values) this.countedTwice += value.split('\r\n').length - 1;
    this.endedAt = lines;
    this.emptyLines = emptyLines;
    this.records.push({ line, values });
    this.closedLines = lines - this.countedTwice;
    this.closedRecords = this.records.length;
  }

  /** After a quote within an unquoted value the next line is a row again; after others nobody knows where a row ends. */
  private skip(error: CsvError | undefined): void {
    const line = error !== undefined && 'lines' in error ? Number(error.lines) : this.endedAt + 1;
    if (error?.code === 'CSV_QUOTE_NOT_CLOSED') this.isClosed = false;
    else if (error?.code === 'INVALID_OPENING_QUOTE') {
      // Each quote of the line is told.
      const last = this.records.at(-1);
      const isTold = last !== undefined && last.values === undefined && last.line === line - this.countedTwice;
      if (!isTold) this.records.push({ line: line - this.countedTwice });
      this.endedAt = line;
    } else this.faultLine ??= this.endedAt + 1 - this.countedTwice;
  }
}
