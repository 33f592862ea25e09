import type { Readable } from 'node:stream';

/** A row as its dialect gives it, with the line on which it begins; or why it could not be read. */
export interface RawRow {
  readonly line: number;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly unreadable?: { readonly reason: string; readonly message: string };
}

/** A whole file that cannot be used: nothing of it is applied. */
export class FeedRefusedError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'FeedRefusedError';
  }
}

export type Dialect = (bytes: Readable) => AsyncGenerator<RawRow>;
