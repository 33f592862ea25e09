import type { FeedField, FileSettings, ScimSettings } from '#libs/vocabulary';
import { dialects, ownDialects, type FileShape, type RawRow } from '../dialects/index.js';
import { Headers } from '../fields.js';
import { spellingOf, type Spelling } from '../spelling.js';
import { declaredFile } from './declared-file.js';
import { utf8Bytes, type Bytes } from './encodings.js';

export type { Bytes } from './encodings.js';
export { contentTypeOf, declaredFile, mediaTypes, UnknownMediaTypeError } from './declared-file.js';

/** How the files of one source are read. */
export interface FileReading extends FileShape {
  readonly encoding: FileSettings['encoding'];
  readonly spelling: Spelling;
  readonly scim: ScimSettings;
}

export function readingOf(settings: FileSettings, scim: ScimSettings): FileReading {
  const { encoding, delimiter, columns, constants: given } = settings;
  const constants = new Map<FeedField, string>();
  const put = (field: FeedField, constant: string | undefined) => {
    if (constant !== undefined) constants.set(field, constant);
  };
  put('status', given.status);
  put('workerType', given.worker_type);
  put('country', given.country);
  put('companyCode', given.company_code);
  const headers = new Headers(columns, new Set(constants.keys()));
  return { encoding, delimiter, constants, headers, spelling: spellingOf(settings), scim };
}

/**
 * The rows of a file in any encoding and dialect, a chunk's at a time. `contentType` is as `contentTypeOf` wrote it.
 *
 * @throws FeedRefusedError when the file as a whole cannot be used.
 */
export async function* fileRows(
  bytes: Bytes,
  contentType: string,
  reading: FileReading,
): AsyncGenerator<readonly RawRow[]> {
  const own = ownDialects[contentType];
  if (own !== undefined) {
    yield* own(bytes(), reading);
    return;
  }
  const { mediaType, encoding } = declaredFile(contentType);
  const dialect = dialects[mediaType];
  if (dialect === undefined) throw new Error(`a delivery of the unknown type ${mediaType} was let in`);
  yield* dialect(utf8Bytes(bytes, encoding, reading.encoding), reading);
}
