import { StringDecoder } from 'node:string_decoder';
import { SaxesParser } from 'saxes';
import { FeedRefusedError } from '../dialects/raw-row.js';
import { utf8Bytes } from '../files/encodings.js';

export type Attributes = Readonly<Record<string, string>>;

/** What a reader of one part of a workbook is told; names and attributes without their prefix. */
export interface XmlReader {
  opened(name: string, attributes: Attributes): void;
  text?(text: string): void;
  closed?(name: string): void;
}

/** So much is parsed at once: of each of its letters a row of the greatest length may hang, by shared texts. */
const sliceCharacters = 4_096;

/** No text of a workbook is longer (a cell holds 32,767 characters); whatever has no end is not gathered. */
const quietCharactersMax = 4_000_000;

/** No path, id, name or number format of a workbook is longer. */
const keptCharactersMax = 4_096;

/** @throws FeedRefusedError for an attribute that shall be kept and is longer than any workbook's. */
export function refuseLong(...kept: readonly (string | undefined)[]): void {
  if (kept.some((text) => text !== undefined && text.length > keptCharactersMax)) {
    throw new FeedRefusedError('workbook_broken');
  }
}

const local = (name: string) => name.slice(name.indexOf(':') + 1);

/**
 * Reads one part of a workbook; a step for each slice of its text, so that what was found can be taken meanwhile.
 *
 * @throws FeedRefusedError for what is not well-formed, and for document types, which no workbook has (ECMA-376 part 2,
 *   8.1.4) and attackers use.
 */
export async function* xmlSteps(part: () => AsyncIterable<Buffer>, reader: XmlReader): AsyncGenerator<void> {
  const parser = new SaxesParser<{ xmlns: false; position: false }>({ xmlns: false, position: false });
  let quiet = 0;
  parser.on('doctype', () => {
    throw new FeedRefusedError('workbook_broken');
  });
  parser.on('opentag', ({ name, attributes }) => {
    quiet = 0;
    const own: Record<string, string> = {};
    for (const key in attributes) if (!key.startsWith('xmlns')) own[local(key)] = attributes[key] ?? '';
    reader.opened(local(name), own);
  });
  parser.on('text', (text) => reader.text?.(text));
  parser.on('cdata', (text) => reader.text?.(text));
  parser.on('closetag', ({ name }) => {
    quiet = 0;
    reader.closed?.(local(name));
  });
  const decoder = new StringDecoder('utf8');
  for await (const chunk of utf8Bytes(part, undefined, 'utf-8')) {
    const text = decoder.write(chunk);
    for (let from = 0; from < text.length; from += sliceCharacters) {
      const slice = text.slice(from, from + sliceCharacters);
      quiet += slice.length;
      wellFormed(() => parser.write(slice));
      if (quiet > quietCharactersMax) throw new FeedRefusedError('workbook_broken');
      yield;
    }
  }
  wellFormed(() => parser.write(decoder.end()).close());
  yield;
}

function wellFormed(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    throw error instanceof FeedRefusedError ? error : new FeedRefusedError('workbook_broken');
  }
}

/** Reads a part to its end. */
export async function readXml(part: () => AsyncIterable<Buffer>, reader: XmlReader): Promise<void> {
  for await (const _step of xmlSteps(part, reader));
}
