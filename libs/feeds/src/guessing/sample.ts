import { parse } from 'csv-parse/sync';
import type { FileEncoding, FileSettings } from '#libs/vocabulary';
import { separatorOf } from '../dialects/csv.js';
import { FeedRefusedError } from '../dialects/raw-row.js';
import { ElementCutter } from '../dialects/json.js';
import { likelyEncoding } from '../files/encodings.js';
import { openFile, type FileDeclaration, type OpenedFile, type StoredFile } from '../files/index.js';
import type { ReadingBounds } from '../files/plain-bytes.js';
import { sheetRows } from '../workbooks/index.js';
import { headersIn } from '../workbooks/sheet.js';

/** The first rows of a file as a table of texts, whatever the file is. */
export interface Sample {
  readonly headers: readonly string[];
  /** A date of a workbook as YYYY-MM-DD; '' where nothing stands. */
  readonly rows: readonly (readonly string[])[];
  readonly delimiter: FileSettings['delimiter'];
  readonly encoding: { readonly encoding: FileEncoding; readonly isSure: boolean };
}

/** So much of a text is looked at, and so many rows of any file. */
const bytesMax = 1_048_576;
const rowsMax = 2_000;
const told = { encoding: 'utf-8', isSure: true } as const;

/**
 * Looks at the first part of a file; a text may be cut anywhere.
 *
 * @throws FeedRefusedError when there is no table in it.
 */
export async function sampleOf(
  file: StoredFile,
  declaration: FileDeclaration,
  sheet: string | undefined,
  bounds: ReadingBounds,
): Promise<Sample> {
  const opened = await openFile(file, declaration, bounds);
  const sample = opened.kind === 'workbook' ? await ofWorkbook(opened.file, sheet, bounds) : await ofText(opened);
  if (sample.headers.length === 0) throw new FeedRefusedError('empty_file');
  return sample;
}

async function ofWorkbook(file: StoredFile, sheet: string | undefined, bounds: ReadingBounds): Promise<Sample> {
  const rows: string[][] = [];
  let headers: string[] = [];
  for await (const chunk of sheetRows(file, sheet, bounds)) {
    for (const row of chunk) {
      if (headers.length === 0) headers = headersIn(row);
      else rows.push(headers.map((_, column) => textOf(row.cells[column])));
    }
    if (rows.length >= rowsMax) break;
  }
  return { headers, rows: rows.slice(0, rowsMax), delimiter: undefined, encoding: told };
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Date) return value.toISOString().slice(0, 10);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

type OpenedText = Exclude<OpenedFile, { kind: 'workbook' }>;

async function ofText({ kind, bytes, encoding: declared }: OpenedText): Promise<Sample> {
  const { first, isWhole } = await firstOf(bytes());
  const encoding = declared === undefined ? likelyEncoding(first) : { encoding: declared, isSure: true };
  // The last character of a part may be cut: it is left out.
  const text = new TextDecoder(encoding.encoding).decode(first, { stream: true });
  if (kind === 'csv' || kind === 'tsv') {
    const delimiter = kind === 'tsv' ? '\t' : separatorOf(Buffer.from(text));
    return { ...ofCsv(text, delimiter, isWhole), delimiter, encoding };
  }
  return { ...ofObjects(kind === 'json' ? elementsOf(text) : linesOf(text, isWhole)), delimiter: undefined, encoding };
}

async function firstOf(bytes: AsyncIterable<Buffer>): Promise<{ first: Buffer; isWhole: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > bytesMax) return { first: Buffer.concat(chunks).subarray(0, bytesMax), isWhole: false };
  }
  return { first: Buffer.concat(chunks), isWhole: true };
}

function ofCsv(text: string, delimiter: string, isWhole: boolean): Pick<Sample, 'headers' | 'rows'> {
  const records: string[][] = [];
  parse(text, {
    bom: true,
    delimiter,
    recordDelimiter: ['\r\n', '\n', '\r'],
    relaxColumnCount: true,
    relaxQuotes: true,
    skipEmptyLines: true,
    skipRecordsWithError: true,
    to: rowsMax + 1,
    onRecord: (record: string[]) => {
      records.push(record);
      return null;
    },
  });
  const [headers = [], ...rows] = records;
  return { headers: headers.map((header) => header.trim()), rows: isWhole ? rows : rows.slice(0, -1) };
}

function elementsOf(text: string): string[] {
  const cutter = new ElementCutter<string>((element) => element ?? '');
  return [...cutter.feed(text)].slice(0, rowsMax);
}

function linesOf(text: string, isWhole: boolean): string[] {
  const lines = text.split(/\r\n|\n|\r/);
  return (isWhole ? lines : lines.slice(0, -1)).slice(0, rowsMax);
}

function ofObjects(texts: readonly string[]): Pick<Sample, 'headers' | 'rows'> {
  const objects = texts.flatMap((text) => objectIn(text));
  const headers = [...new Set(objects.flatMap((object) => [...object.keys()]))];
  return { headers, rows: objects.map((object) => headers.map((header) => textOf(object.get(header)))) };
}

function objectIn(text: string): Map<string, unknown>[] {
  try {
    const value: unknown = JSON.parse(text.trim());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? [new Map(Object.entries(value))] : [];
  } catch {
    return [];
  }
}
