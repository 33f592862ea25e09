import {
  fileSettingsSchema,
  type EmployeeRecord,
  type FileSettings,
  type RowProblem,
  type ScimSettings,
} from '#libs/vocabulary';
import { FeedRefusedError, ownDialects, type RawRow } from './dialects/index.js';
import { fileRows, readingOf, type FileDeclaration, type StoredFile } from './files/index.js';
import { checkRow, latestHireDateAt } from './rows.js';
import type { Spelling } from './spelling.js';

/** How a file came, which says how it is to be read. */
export interface FeedFile extends FileDeclaration {
  /** What is settled for the source's files. */
  readonly settings: FileSettings;
  /** What is settled for its SCIM users. */
  readonly scim: ScimSettings;
  /** Nobody is hired more than 366 days after this. */
  readonly receivedAt: Date;
}

/** A row of a file with its place in it, both counted from 1; without a record, `problems` says why. */
export interface FileRow {
  readonly row: number;
  readonly line: number;
  readonly employeeNumber: string | undefined;
  readonly record: EmployeeRecord | undefined;
  readonly problems: readonly RowProblem[];
  /** Of a row without a record: it says all the same that the worker has left. */
  readonly hasLeft: boolean;
}

/** What one file may hold, whatever it claims. */
export interface FileLimits {
  readonly rows: number;
  readonly unpackedBytes: number;
}

export const documentedLimits: FileLimits = { rows: 2_000_000, unpackedBytes: 2 * 1024 * 1024 * 1024 };

/**
 * Reads the bytes of a feed as checked rows, a chunk at a time: memory holds one chunk, whatever the size of the file.
 *
 * @throws FeedRefusedError when the file as a whole cannot be used; the signal's reason when that comes first.
 */
export async function* checkedRows(
  stored: StoredFile,
  file: FeedFile,
  signal: AbortSignal,
  limits: FileLimits = documentedLimits,
): AsyncGenerator<readonly FileRow[]> {
  const bounds = { signal, unpackedBytes: limits.unpackedBytes };
  const reading = readingOf(file.mediaType in ownDialects ? fileSettingsSchema.parse({}) : file.settings, file.scim);
  const latestHireDate = latestHireDateAt(file.receivedAt);
  let count = 0;
  let undecodable = 0;
  for await (const chunk of fileRows(stored, file, reading, bounds)) {
    const checked = chunk.map((raw, index) => checkedRow(raw, count + index + 1, latestHireDate, reading.spelling));
    count += checked.length;
    if (count > limits.rows) throw new FeedRefusedError('too_many_rows');
    undecodable += checked.filter((row) => row.problems.some(({ reason }) => reason === 'row_invalid_encoding')).length;
    yield checked;
  }
  // A few broken rows are those rows' trouble; many say that the whole file is in another encoding.
  if (undecodable > 10 && undecodable * 100 > count) throw new FeedRefusedError('encoding_undecodable');
}

function checkedRow(raw: RawRow, row: number, latestHireDate: string, spelling: Spelling): FileRow {
  const { line } = raw;
  if (raw.problem !== undefined) {
    const { employeeNumber, problem } = raw;
    return { row, line, employeeNumber, record: undefined, problems: [problem], hasLeft: false };
  }
  return { row, line, ...checkRow(raw.values, latestHireDate, spelling) };
}
