import type { FileEncoding } from '#libs/vocabulary';
import { dialects } from '../dialects/index.js';

/** What a file is, as its sender declares it. */
export interface DeclaredFile {
  readonly mediaType: string;
  /** Undefined when no charset was declared. */
  readonly encoding: FileEncoding | undefined;
}

/** The media types of feeds, without parameters. */
export const mediaTypes: readonly string[] = Object.keys(dialects);

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
  const mediaType = mediaTypes.find((known) => known === type.trim());
  if (mediaType === undefined)
    throw new UnknownMediaTypeError(`Send a feed as one of these: ${mediaTypes.join(', ')}.`);
  const charset = parameters
    .map((parameter) => /^\s*charset\s*=\s*"?([^"]*?)"?\s*$/.exec(parameter)?.[1])
    .find((found) => found !== undefined && found !== '');
  if (charset === undefined) return { mediaType, encoding: undefined };
  const encoding = charsets.get(charset);
  if (encoding !== undefined) return { mediaType, encoding };
  throw new UnknownMediaTypeError(`A feed’s charset may be one of these: ${[...charsets.keys()].join(', ')}.`);
}

/** The one way in which a declaration is written down; `declaredFile` reads it. */
export function contentTypeOf({ mediaType, encoding }: DeclaredFile): string {
  return encoding === undefined ? mediaType : `${mediaType}; charset=${encoding}`;
}
