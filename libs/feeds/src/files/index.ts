import type { FileSettings } from '#libs/vocabulary';
import { dialects, type RawRow } from '../dialects/index.js';
import { utf8Bytes, type Bytes } from './encodings.js';
import { declaredFile } from './declared-file.js';

export type { Bytes } from './encodings.js';
export { contentTypeOf, declaredFile, mediaTypes, UnknownMediaTypeError } from './declared-file.js';

/**
 * The rows of a file in any encoding and dialect, a chunk's at a time. `contentType` is as `contentTypeOf` wrote it.
 *
 * @throws FeedRefusedError when the file as a whole cannot be used.
 */
export async function* fileRows(
  bytes: Bytes,
  contentType: string,
  settings: FileSettings,
): AsyncGenerator<readonly RawRow[]> {
  const { mediaType, encoding } = declaredFile(contentType);
  const dialect = dialects[mediaType];
  if (dialect === undefined) throw new Error(`a delivery of the unknown type ${mediaType} was let in`);
  yield* dialect(utf8Bytes(bytes, encoding, settings.encoding));
}
