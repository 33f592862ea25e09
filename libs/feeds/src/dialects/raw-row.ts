import { refusal, type FeedField, type FileSettings, type RefusalReason, type RowProblem } from '#libs/vocabulary';
import type { FieldValues, Headers } from '../fields.js';

/** A row as its dialect gives it, with the line on which it begins (from 1); or why it could not be read. */
export type RawRow =
  | { readonly line: number; readonly values: FieldValues; readonly problem?: undefined }
  | {
      readonly line: number;
      readonly values?: undefined;
      readonly problem: RowProblem;
      /** As far as it could be read: whoever stands in a broken row is present all the same. */
      readonly employeeNumber?: string | undefined;
    };

/** A whole file that cannot be used: nothing of it is applied. The message is the delivery's cause. */
export class FeedRefusedError extends Error {
  constructor(
    readonly reason: RefusalReason,
    place?: string,
  ) {
    super(refusal(reason, place));
    this.name = 'FeedRefusedError';
  }
}

/** What is settled for a source about the shape of its files. */
export interface FileShape {
  readonly headers: Headers;
  /** What every row says of fields that have no column. */
  readonly constants: ReadonlyMap<FeedField, string>;
  /** Undefined: told from the header. */
  readonly delimiter: FileSettings['delimiter'];
  /** Of a workbook; undefined: the only one that holds something. */
  readonly sheet: FileSettings['sheet'];
}

/**
 * Reads a file's bytes, which are UTF-8, as rows, a chunk's rows at a time, so that memory never depends on the number of
 * rows.
 */
export type Dialect = (bytes: AsyncIterable<Buffer>, shape: FileShape) => AsyncGenerator<readonly RawRow[]>;

/** A row is kept in memory whole, so it has a bound. */
export const rowCharactersMax = 1_000_000;
