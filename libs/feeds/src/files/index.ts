import type { FeedField, FileEncoding, FileSettings, ScimSettings } from '#libs/vocabulary';
import { dialects, FeedRefusedError, ownDialects, type FileShape, type RawRow } from '../dialects/index.js';
import { Headers } from '../fields.js';
import { spellingOf, type Spelling } from '../spelling.js';
import { workbookRows } from '../workbooks/index.js';
import { declaredFile, mediaTypeOfName, type FileKind } from './declared-file.js';
import { utf8Bytes, type Bytes } from './encodings.js';
import { bounded, gunzipped, type ReadingBounds } from './plain-bytes.js';
import { held, type StoredFile } from './stored-file.js';
import { openZip, type ZipMember } from './zip.js';

export { contentTypeOf, declaredFile, mediaTypeOfName, mediaTypes, UnknownMediaTypeError } from './declared-file.js';
export type { StoredFile } from './stored-file.js';

/** How the files of one source are read. */
export interface FileReading extends FileShape {
  readonly encoding: FileSettings['encoding'];
  readonly spelling: Spelling;
  readonly scim: ScimSettings;
}

export function readingOf(settings: FileSettings, scim: ScimSettings): FileReading {
  const { encoding, delimiter, sheet, columns, constants: given } = settings;
  const constants = new Map<FeedField, string>();
  const put = (field: FeedField, constant: string | undefined) => {
    if (constant !== undefined) constants.set(field, constant);
  };
  put('status', given.status);
  put('workerType', given.worker_type);
  put('country', given.country);
  put('companyCode', given.company_code);
  const headers = new Headers(columns, new Set(constants.keys()));
  return { encoding, delimiter, sheet, constants, headers, spelling: spellingOf(settings), scim };
}

/** What is known of a file before its first byte is read. */
export interface FileDeclaration {
  /** As `contentTypeOf` wrote it. */
  readonly mediaType: string;
  /** `gzip`, or null. */
  readonly contentEncoding: string | null;
}

/**
 * The rows of a file of any kind, in any encoding, a chunk's at a time.
 *
 * @throws FeedRefusedError when the file as a whole cannot be used; the signal's reason when that comes first.
 */
export async function* fileRows(
  file: StoredFile,
  declaration: FileDeclaration,
  reading: FileReading,
  bounds: ReadingBounds,
): AsyncGenerator<readonly RawRow[]> {
  const own = ownDialects[declaration.mediaType];
  if (own !== undefined) {
    const plain = declaration.contentEncoding === 'gzip' ? gunzipped(file.stream()) : file.stream();
    yield* own(bounded(plain, bounds), reading);
    return;
  }
  const opened = await openFile(file, declaration, bounds);
  if (opened.kind === 'workbook') yield* workbookRows(opened.file, reading, bounds);
  else yield* dialects[opened.kind](utf8Bytes(opened.bytes, opened.encoding, reading.encoding), reading);
}

/** A file out of whatever it was packed in. */
export type OpenedFile =
  | { readonly kind: 'workbook'; readonly file: StoredFile }
  | { readonly kind: keyof typeof dialects; readonly bytes: Bytes; readonly encoding: FileEncoding | undefined };

/** @throws FeedRefusedError when it is packed wrongly. */
export async function openFile(
  file: StoredFile,
  { mediaType, contentEncoding }: FileDeclaration,
  bounds: ReadingBounds,
): Promise<OpenedFile> {
  const { kind, encoding } = declaredFile(mediaType);
  const isPacked = contentEncoding === 'gzip';
  const bytes = () => bounded(isPacked ? gunzipped(file.stream()) : file.stream(), bounds);
  if (kind !== 'workbook' && kind !== 'zip') return { kind, bytes, encoding };
  const whole = isPacked ? await held(bytes()) : file;
  if (kind === 'workbook') return { kind, file: whole };
  const member = onlyMember(await openZip(whole, { broken: 'zip_broken', encrypted: 'zip_encrypted' }));
  const memberKind = kindOf(member);
  const memberBytes = () => bounded(member.stream(), bounds);
  if (memberKind === 'workbook') return { kind: memberKind, file: await held(memberBytes()) };
  return { kind: memberKind, bytes: memberBytes, encoding };
}

/** macOS puts a file of its own beside each that it packs. */
const isOfMacOs = ({ name }: ZipMember) => name.startsWith('__MACOSX/') || /(^|\/)\.DS_Store$/.test(name);

function onlyMember(members: readonly ZipMember[]): ZipMember {
  const [member, another] = members.filter((one) => !isOfMacOs(one));
  if (member === undefined || another !== undefined) throw new FeedRefusedError('zip_not_one_file');
  return member;
}

function kindOf({ name }: ZipMember): Exclude<FileKind, 'zip'> {
  const mediaType = mediaTypeOfName(name);
  const kind = mediaType === undefined ? undefined : declaredFile(mediaType).kind;
  if (kind === undefined || kind === 'zip') throw new FeedRefusedError('zip_unknown_file');
  return kind;
}
