import { mediaTypeByEnding, type FileEncoding } from '#libs/vocabulary';

/** How the bytes of a file are put together. */
export type FileKind = 'csv' | 'tsv' | 'ndjson' | 'json' | 'workbook' | 'zip';

/** What a file is, as its sender declares it. */
export interface DeclaredFile {
  readonly mediaType: string;
  readonly kind: FileKind;
  /** Undefined when no charset was declared. */
  readonly encoding: FileEncoding | undefined;
}

/** The media types of feeds, without parameters; the first of each kind is the documented one. */
const kinds = new Map<string, FileKind>([
  ['text/csv', 'csv'],
  ['text/tab-separated-values', 'tsv'],
  ['application/x-ndjson', 'ndjson'],
  ['application/json', 'json'],
  ['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'workbook'],
  ['application/zip', 'zip'],
  ['application/csv', 'csv'],
  ['text/plain', 'csv'],
  ['application/jsonl', 'ndjson'],
  ['application/x-zip-compressed', 'zip'],
]);
export const mediaTypes: readonly string[] = [...kinds.keys()];

/**
 * The charsets that a feed may declare. ISO 8859-1 is read as Windows-1252, as the WHATWG's encoding standard has it: who
 * says the one means the other. US-ASCII is UTF-8 already.
 */
const charsets = new Map<string, FileEncoding>([
  ['utf-8', 'utf-8'],
  ['utf8', 'utf-8'],
  ['us-ascii', 'utf-8'],
  ['utf-16', 'utf-16le'],
  ['utf-16le', 'utf-16le'],
  ['utf-16be', 'utf-16be'],
  ['windows-1250', 'windows-1250'],
  ['cp1250', 'windows-1250'],
  ['windows-1251', 'windows-1251'],
  ['cp1251', 'windows-1251'],
  ['windows-1252', 'windows-1252'],
  ['cp1252', 'windows-1252'],
  ['iso-8859-1', 'windows-1252'],
  ['latin1', 'windows-1252'],
  ['iso-8859-2', 'iso-8859-2'],
  ['latin2', 'iso-8859-2'],
  ['iso-8859-15', 'iso-8859-15'],
  ['latin9', 'iso-8859-15'],
]);

/** Why a Content-Type cannot be taken. */
export class UnknownMediaTypeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnknownMediaTypeError';
  }
}

/**
 * What a Content-Type (RFC 9110, 8.3) declares.
 *
 * @throws UnknownMediaTypeError for a media type or a charset that no feed may have.
 */
export function declaredFile(contentType: string): DeclaredFile {
  const [type = '', ...parameters] = contentType.toLowerCase().split(';');
  const mediaType = type.trim();
  const kind = kinds.get(mediaType);
  if (kind === undefined) throw new UnknownMediaTypeError(`Send a feed as one of these: ${mediaTypes.join(', ')}.`);
  const charset = parameters
    .map((parameter) => /^\s*charset\s*=\s*"?([^"]*?)"?\s*$/.exec(parameter)?.[1])
    .find((found) => found !== undefined && found !== '');
  if (charset === undefined) return { mediaType, kind, encoding: undefined };
  const encoding = charsets.get(charset);
  if (encoding !== undefined) return { mediaType, kind, encoding };
  throw new UnknownMediaTypeError(`A feed’s charset may be one of these: ${[...charsets.keys()].join(', ')}.`);
}

/** The one way in which a declaration is written down; `declaredFile` reads it. */
export function contentTypeOf({ mediaType, encoding }: DeclaredFile): string {
  return encoding === undefined ? mediaType : `${mediaType}; charset=${encoding}`;
}

/** The media type of a file by its name, or undefined when that says nothing. */
export function mediaTypeOfName(name: string): string | undefined {
  return mediaTypeByEnding.get(/\.([a-z]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '');
}
