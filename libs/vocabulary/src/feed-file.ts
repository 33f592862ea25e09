import { z } from 'zod';
import { feedColumns, feedFields, foldHeader } from './feed-columns.js';

/** The media type of a feed by the ending of its file's name, in lower case and without the dot. */
export const mediaTypeByEnding: ReadonlyMap<string, string> = new Map([
  ['csv', 'text/csv'],
  ['txt', 'text/csv'],
  ['tsv', 'text/tab-separated-values'],
  ['tab', 'text/tab-separated-values'],
  ['ndjson', 'application/x-ndjson'],
  ['jsonl', 'application/x-ndjson'],
  ['json', 'application/json'],
  ['xlsx', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
  ['zip', 'application/zip'],
]);

const dotted = [...mediaTypeByEnding.keys()].map((ending) => `.${ending}`);
/** For a sentence that says how a feed's file may be called. */
export const feedEndings = `${dotted.slice(0, -1).join(', ')} or ${dotted.at(-1)}, perhaps packed: .gz`;

/**
 * The encodings in which HR systems send files, by the names of the WHATWG's encoding standard. `detect` asks to tell a
 * Windows-1252 file from a UTF-8 one by its bytes; see docs/feed-settings.md.
 */
export const fileEncodings = [
  'utf-8',
  'utf-16le',
  'utf-16be',
  'windows-1250',
  'windows-1251',
  'windows-1252',
  'iso-8859-2',
  'iso-8859-15',
] as const;
export type FileEncoding = (typeof fileEncodings)[number];

/**
 * How a file writes its dates; YYYY-MM-DD is understood beside each. Days and months may have one digit, years have four;
 * `mmm` is a month's English abbreviation, `serial` the day's number in a spreadsheet that counts from 1900.
 */
export const dateFormats = [
  'iso',
  'dd/mm/yyyy',
  'mm/dd/yyyy',
  'dd.mm.yyyy',
  'dd-mm-yyyy',
  'mm-dd-yyyy',
  'yyyy/mm/dd',
  'yyyy.mm.dd',
  'yyyymmdd',
  'ddmmyyyy',
  'dd-mmm-yyyy',
  'serial',
] as const;
export type DateFormat = (typeof dateFormats)[number];

export const fileDelimiters = [',', ';', '\t', '|'] as const;

const columnNames = feedFields.map((field) => feedColumns[field][0]);
const header = z.string().trim().min(1).max(255);

/** Their header to our column; null for one that is known and not wanted. */
const columnsSchema = z
  .record(header, z.enum(columnNames).nullable())
  .default({})
  .superRefine((columns, context) => {
    const headers = new Set<string>();
    const meant = new Set<string>();
    for (const [name, column] of Object.entries(columns)) {
      const say = (message: string) => context.addIssue({ code: 'custom', path: [name], message });
      if (headers.has(foldHeader(name))) say('is there twice: case, spaces, dashes and underscores do not count');
      if (column !== null && meant.has(column)) say(`is the second header that means ${column}`);
      headers.add(foldHeader(name));
      if (column !== null) meant.add(column);
    }
  });

const words = <T extends z.ZodType>(meaning: T) => z.record(z.string().trim().min(1).max(255), meaning).default({});

export const statusWords = ['ACTIVE', 'PREHIRE', 'LEAVE', 'TERMINATED'] as const;
export const workerTypeWords = ['EMPLOYEE', 'TEMP', 'CONTRACTOR', 'INTERN'] as const;
const countryCode = z.string().regex(/^[A-Z]{2}$/, 'is not two letters of ISO 3166-1, such as FR');

/** Their words to ours; what stands in no list is read as documented. */
const wordsSchema = z.strictObject({
  status: words(z.enum(statusWords)),
  worker_type: words(z.enum(workerTypeWords)),
  country: words(countryCode),
});

/** What every row of a source says that has no column for it. */
const constantsSchema = z.strictObject({
  status: z.enum(statusWords).optional(),
  worker_type: z.enum(workerTypeWords).optional(),
  country: countryCode.optional(),
  company_code: z.string().min(1).max(255).optional(),
});

/** How a source's files are to be read, as far as a file does not say so itself; see docs/feed-settings.md. */
export const fileSettingsSchema = z.strictObject({
  encoding: z.enum([...fileEncodings, 'detect']).default('utf-8'),
  /** Told from the header when it is left out. */
  delimiter: z.enum(fileDelimiters).optional(),
  /** Of a workbook; the only visible one that holds something when it is left out. */
  sheet: z.string().trim().min(1).max(31).optional(),
  columns: columnsSchema,
  constants: constantsSchema.prefault({}),
  dates: z.enum(dateFormats).default('iso'),
  /** Either when it is left out. */
  decimal: z.enum(['.', ',']).optional(),
  /** What a full-time share of 1 is written as. */
  fte: z.enum(['1', '100']).default('1'),
  words: wordsSchema.prefault({}),
});
export type FileSettings = z.infer<typeof fileSettingsSchema>;
