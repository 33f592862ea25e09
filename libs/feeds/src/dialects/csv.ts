import { Transform, type Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { headerFault } from '../fields.js';
import { FeedRefusedError, type RawRow } from './raw-row.js';

const separators = [',', ';', '\t', '|'] as const;

/**
 * CSV with a header row, RFC 4180 and what HR systems make of it: the separator is taken from the header, a byte order
 * mark is dropped. Rows with too few or too many columns are reported, not guessed at.
 */
export async function* csvRows(bytes: Readable): AsyncGenerator<RawRow> {
  const { delimiter, stream } = await sniff(bytes);
  const parser = parse({ bom: true, delimiter, relaxColumnCount: true, skipEmptyLines: true, info: true });
  stream.on('error', (error) => parser.destroy(error));
  stream.pipe(parser);
  let headers: string[] | undefined;
  try {
    for await (const item of parser) {
      const { record, line } = rowOf(item);
      if (headers === undefined) {
        headers = record;
        refuseBadHeader(headers);
        continue;
      }
      yield asRow(headers, record, line);
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new FeedRefusedError('row_unbalanced_quote', `the quoting breaks: ${error.code}`);
  }
  if (headers === undefined) throw new FeedRefusedError('empty_file', 'the file is empty');
}

function rowOf(item: unknown): { record: string[]; line: number } {
  if (typeof item === 'object' && item !== null && 'record' in item && 'info' in item && Array.isArray(item.record)) {
    const { record, info } = item;
    const line = typeof info === 'object' && info !== null && 'lines' in info ? Number(info.lines) : 0;
    return { record: record.map(String), line };
  }
  throw new Error('csv-parse gave no record');
}

function refuseBadHeader(headers: readonly string[]): void {
  const fault = headerFault(headers);
  if (fault === undefined) return;
  const sentences = {
    header_missing_column: `the column ${fault.column} is missing`,
    header_duplicate_column: `the column ${fault.column} stands there twice`,
    header_unwanted_column: `the column ${fault.column} holds data that accounts do not need; leave it out`,
  };
  throw new FeedRefusedError(fault.code, sentences[fault.code]);
}

function asRow(headers: readonly string[], record: readonly string[], line: number): RawRow {
  if (record.length !== headers.length) {
    const message = `the row has ${record.length} columns, the header ${headers.length}.`;
    return { line, unreadable: { reason: 'row_column_count', message } };
  }
  return { line, fields: Object.fromEntries(headers.map((header, index) => [header, record[index] ?? ''])) };
}

/** Looks at the first line to tell the separator, then gives the whole stream on, decoded as UTF-8. */
async function sniff(bytes: Readable): Promise<{ delimiter: string; stream: Readable }> {
  const iterator: AsyncIterator<Buffer> = bytes[Symbol.asyncIterator]();
  const head: Buffer[] = [];
  for (let size = 0; size < 65_536;) {
    const next = await iterator.next();
    if (next.done === true) break;
    head.push(next.value);
    size += next.value.length;
    if (next.value.includes(10)) break;
  }
  const [firstLine = ''] = Buffer.concat(head).toString('utf8').split(/\r?\n/);
  const counted = separators.map((separator) => ({ separator, count: firstLine.split(separator).length }));
  const best = counted.reduce((a, b) => (b.count > a.count ? b : a));
  const stream = new Transform();
  const pump = async () => {
    for (const chunk of head) if (!stream.push(chunk)) await drained(stream);
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      if (!stream.push(next.value)) await drained(stream);
    }
    stream.push(null);
  };
  pump().catch((error: unknown) => stream.destroy(error instanceof Error ? error : new Error('the stream broke')));
  return { delimiter: best.separator, stream };
}

const drained = (stream: Transform) =>
  new Promise<void>((resolve) => {
    stream._read = () => resolve();
  });
