import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { feedEndings, mediaTypeByEnding } from '#libs/vocabulary';
import { UsageError } from '../context.js';

/** For each verb that takes a feed. */
export const charsetOption = [
  '--charset <charset>',
  'the encoding of a text file, when it is not UTF-8: windows-1252, utf-16, …',
] as const;

const packed = /\.gz$/i;

interface FeedFile {
  readonly body: ReadableStream;
  readonly headers: Record<string, string>;
}

interface Reading {
  /** The encoding that is declared with the file. */
  readonly charset?: string | undefined;
  /** Of a text that is not packed so many bytes are enough. */
  readonly textBytes?: number;
}

/** A feed that was named on the command line, with the headers that say what it is, by its ending. */
export async function feedFile(file: string, { charset, textBytes }: Reading = {}): Promise<FeedFile> {
  const isPacked = packed.test(file);
  const ending = file.replace(packed, '').split('.').at(-1)?.toLowerCase() ?? '';
  const type = mediaTypeByEnding.get(ending);
  if (type === undefined) throw new UsageError(`${file}: the ending must be ${feedEndings}`);
  await stat(file).catch(() => {
    throw new UsageError(`${file} cannot be read: is the path right?`);
  });
  const isPart = textBytes !== undefined && !isPacked && ending !== 'xlsx' && ending !== 'zip';
  return {
    body: Readable.toWeb(createReadStream(file, isPart ? { end: textBytes - 1 } : {})),
    headers: {
      'content-type': charset === undefined ? type : `${type}; charset=${charset}`,
      ...(isPacked && { 'content-encoding': 'gzip' }),
    },
  };
}
