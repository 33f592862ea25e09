import type { Readable } from 'node:stream';
import type { DropPlaceName } from '#libs/ledger';

export interface DropEntry {
  readonly name: string;
  /** `other` is whatever is never followed or read: links, pipes, devices. */
  readonly kind: 'file' | 'folder' | 'other';
  readonly bytes: number;
  /** Milliseconds since 1970, whole seconds: SFTP tells no more. */
  readonly modifiedAt: number;
}

/** A file that was opened: its bytes can be read from the start as often as wanted. */
export interface OpenedFile {
  readonly bytes: number;
  /** As in `DropEntry`. */
  readonly modifiedAt: number;
  read(): Readable;
  /** Whether what lies there now is this very file, unchanged since it was opened. */
  liesAt(path: string): Promise<boolean>;
  close(): Promise<void>;
}

/** Where one source leaves its files. Paths are relative to the source's own folder there, their parts joined by `/`. */
export interface DropPlace {
  readonly name: DropPlaceName;
  /** What a folder holds; nothing when there is no such folder. */
  list(folder: string): Promise<readonly DropEntry[]>;
  open(path: string): Promise<OpenedFile>;
  /** Within the place; makes the folder that it goes to. */
  move(from: string, to: string): Promise<void>;
  /** Moves something to where it was, unless something newer lies there: then it stays. */
  putBack(from: string, to: string): Promise<void>;
  /** Puts a whole file there, or nothing: a reader never sees half of it. */
  write(path: string, content: AsyncIterable<string>): Promise<void>;
  /** A file that is gone already is no fault. */
  remove(path: string): Promise<void>;
}
