import { CsvError, parse, type InfoRecord, type Parser } from 'csv-parse';
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
      await reader.write(chunk);
      const rows = reader.take();
      if (rows.length > 0) yield rows;
    }
    await reader.end();
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

/** Rows are taken by callback and handed out in chunks: an object stream costs more than the parsing. */
class CsvReader {
  /** Whether the last record had fewer columns than the header. */
  endsShort = false;
  private readonly parser: Parser;
  /** Undefined until the header was read. */
  private header: TableHeader | undefined;
  private rows: RawRow[] = [];
  private fault: Error | undefined;
  private endedAt = 0;
  private emptyLines = 0;
  private countedTwice = 0;

  constructor(
    delimiter: string,
    private readonly shape: FileShape,
  ) {
    this.parser = parse({
      bom: true,
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
    this.parser.resume();
  }

  write(chunk: Buffer): Promise<void> {
    return this.settled((done) => this.parser.write(chunk, done));
  }

  async end(): Promise<void> {
    await this.settled((done) => this.parser.end(done));
    if (this.header === undefined) throw new FeedRefusedError('empty_file');
  }

  take(): readonly RawRow[] {
    const { rows } = this;
    this.rows = [];
    return rows;
  }

  private async settled(act: (done: (error?: Error | null) => void) => void): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      act((error) => (error === undefined || error === null ? resolve() : reject(error)));
    });
    if (this.fault !== undefined) throw this.fault;
  }

  private add(record: readonly string[], { lines, empty_lines: emptyLines }: InfoRecord): void {
    const counted = this.endedAt + (emptyLines - this.emptyLines) + 1;
    const line = counted - this.countedTwice;
    // The parser counts an end of line within quotes twice when it has two characters.
    if (lines > counted) for (const cell of record) this.countedTwice += cell.split('\r\n').length - 1;
    this.endedAt = lines;
    this.emptyLines = emptyLines;
    const { header } = this;
    if (header === undefined) {
      this.takeHeader(record);
      return;
    }
    this.endsShort = record.length < header.width;
    if (record.length === header.width) this.rows.push({ line, values: header.values(record) });
    else this.rows.push({ line, problem: rejection('row_column_count'), employeeNumber: header.numberIn(record) });
  }

  /** The parser must not be left by an exception. */
  private takeHeader(record: readonly string[]): void {
    try {
      this.header = new TableHeader(this.shape, record);
    } catch (error) {
      if (!(error instanceof FeedRefusedError)) throw error;
      this.fault ??= error;
    }
  }

  /** After a quote within an unquoted value the next line is a row again; after others nobody knows where a row ends. */
  private skip(error: CsvError | undefined): void {
    const line = error !== undefined && 'lines' in error ? Number(error.lines) : this.endedAt + 1;
    if (this.header === undefined || error?.code !== 'INVALID_OPENING_QUOTE') {
      this.fault ??= new FeedRefusedError(
        'row_unbalanced_quote',
        `line ${this.endedAt + 1 - this.countedTwice} or after`,
      );
      return;
    }
    this.rows.push({ line: line - this.countedTwice, problem: rejection('row_unbalanced_quote') });
    this.endedAt = line;
  }
}
