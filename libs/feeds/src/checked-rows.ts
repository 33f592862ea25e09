import { hash } from 'node:crypto';
import {
  feedFields,
  fileSettingsSchema,
  type AuthoritySettings,
  type EmployeeRecord,
  type FileSettings,
  type RowProblem,
  type ScimSettings,
} from '#libs/vocabulary';
import { FeedRefusedError, ownDialects, type RawRow } from './dialects/index.js';
import { fileRows, readingOf, type FileDeclaration, type StoredFile } from './files/index.js';
import type { FieldValues } from './fields.js';
import { checkRow, latestHireDateAt, rowRules, type RowBounds } from './rows.js';
import type { Spelling } from './spelling.js';

/** How a file came, which says how it is to be read. */
export interface FeedFile extends FileDeclaration {
  /** What is settled for the source's files. */
  readonly settings: FileSettings;
  /** What is settled for its SCIM users. */
  readonly scim: ScimSettings;
  /** Of whom it may speak. */
  readonly authority: AuthoritySettings;
  /** Nobody is hired more than 366 days after this. */
  readonly receivedAt: Date;
}

/** A row of a file with its place in it, both counted from 1; without a record, `problems` says why. */
export interface FileRow {
  readonly row: number;
  readonly line: number;
  readonly employeeNumber: string | undefined;
  /** Of a row without a record, too: whom it is about is present. */
  readonly previousNumber?: string | undefined;
  readonly record: EmployeeRecord | undefined;
  readonly problems: readonly RowProblem[];
  /** Of a row without a record: it says all the same that the worker has left. */
  readonly hasLeft: boolean;
  /** Of what the row says, if it was asked for: the same gives the same record. 32 hex digits. */
  readonly fingerprint?: string | undefined;
  /** What the asked one has said of the row, which then was not read: neither record nor problem. */
  readonly known?: string | undefined;
}

/** Rows of which it is asked whether they need to be read. */
export interface SaidRows {
  readonly employeeNumbers: readonly string[];
  readonly rowFingerprints: readonly string[];
}

/** Knows of each row what was made of it before; undefined when it must be read. */
export type KnownRows = (rows: SaidRows) => Promise<readonly (string | undefined)[]>;

/** What one file may hold, whatever it claims. */
export interface FileLimits {
  readonly rows: number;
  readonly unpackedBytes: number;
}

export const documentedLimits: FileLimits = { rows: 2_000_000, unpackedBytes: 2 * 1024 * 1024 * 1024 };

/**
 * Reads the bytes of a feed as checked rows, a chunk at a time: memory holds two chunks, whatever the size of the file. While
 * `known` is asked of one chunk, the next is taken apart.
 *
 * @throws FeedRefusedError when the file as a whole cannot be used; the signal's reason when that comes first.
 */
export async function* checkedRows(
  stored: StoredFile,
  file: FeedFile,
  signal: AbortSignal,
  { limits = documentedLimits, known }: { readonly limits?: FileLimits; readonly known?: KnownRows } = {},
): AsyncGenerator<readonly FileRow[]> {
  const bounds = { signal, unpackedBytes: limits.unpackedBytes };
  const settings = file.mediaType in ownDialects ? fileSettingsSchema.parse({}) : file.settings;
  const reader = new RowReader({ ...file, settings }, readingOf(settings, file.scim).spelling, known);
  let undecodable = 0;
  let waiting: Promise<readonly FileRow[]> | undefined;
  const take = async (rows: Promise<readonly FileRow[]>) => {
    const read = await rows;
    undecodable += read.filter((row) => row.problems.some(({ reason }) => reason === 'row_invalid_encoding')).length;
    return read;
  };
  for await (const chunk of fileRows(stored, file, readingOf(settings, file.scim), bounds)) {
    const read = reader.read(chunk);
    // It is awaited one chunk later, and must not count as unheard until then.
    read.catch(() => undefined);
    if (reader.count > limits.rows) throw new FeedRefusedError('too_many_rows');
    if (waiting !== undefined) yield await take(waiting);
    waiting = read;
  }
  if (waiting !== undefined) yield await take(waiting);
  // A few broken rows are those rows' trouble; many say that the whole file is in another encoding.
  if (undecodable > 10 && undecodable * 100 > reader.count) throw new FeedRefusedError('encoding_undecodable');
}

/** Reads the rows of one file, but for those that are known. */
class RowReader {
  count = 0;
  private readonly bounds: RowBounds;
  /** Whatever decides, beside its own words, what a row means. */
  private readonly rules: string;

  constructor(
    { settings: { dates, decimal, fte, words }, authority: { countries }, receivedAt }: FeedFile,
    private readonly spelling: Spelling,
    private readonly known: KnownRows | undefined,
  ) {
    this.bounds = { latestHireDate: latestHireDateAt(receivedAt), countries: new Set(countries) };
    this.rules = JSON.stringify([rowRules, dates, decimal, fte, words, countries]);
  }

  async read(chunk: readonly RawRow[]): Promise<readonly FileRow[]> {
    const before = this.count;
    this.count += chunk.length;
    const { known } = this;
    if (known === undefined) return chunk.map((raw, index) => this.checked(raw, before + index + 1));
    const fingerprints = chunk.map(({ values }) => values && this.fingerprintOf(values));
    const found = await known({
      employeeNumbers: chunk.map(({ values }) => (values === undefined ? '' : numberOf(values))),
      rowFingerprints: fingerprints.map((fingerprint) => fingerprint ?? noFingerprint),
    });
    return chunk.map((raw, index) => {
      const row = before + index + 1;
      const made = found[index];
      if (raw.values === undefined || made === undefined)
        return { ...this.checked(raw, row), fingerprint: fingerprints[index] };
      const employeeNumber = numberOf(raw.values);
      return { row, line: raw.line, employeeNumber, record: undefined, problems: [], hasLeft: false, known: made };
    });
  }

  private checked(raw: RawRow, row: number): FileRow {
    const { line } = raw;
    if (raw.problem === undefined) return { row, line, ...checkRow(raw.values, this.bounds, this.spelling) };
    const { employeeNumber, problem } = raw;
    return { row, line, employeeNumber, record: undefined, problems: [problem], hasLeft: false };
  }

  private fingerprintOf(values: FieldValues): string {
    const said = JSON.stringify(feedFields.map((field) => values.get(field)));
    return hash('sha256', this.rules + said, 'hex').slice(0, noFingerprint.length);
  }
}

/** Of a row that could not even be taken apart: no row has it. */
const noFingerprint = '0'.repeat(32);

function numberOf(values: FieldValues): string {
  const number = values.get('employeeNumber');
  // PostgreSQL takes no NUL, not even to look for it.
  return typeof number === 'string' && !number.includes('\0') ? number.trim() : '';
}
