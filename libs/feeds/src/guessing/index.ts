import type { DateFormat, FeedField, FileSettings } from '#libs/vocabulary';
import { columnOf, Headers, requiredFields } from '../fields.js';
import type { FileDeclaration, StoredFile } from '../files/index.js';
import type { ReadingBounds } from '../files/plain-bytes.js';
import { candidatesOf, chosen, guessedColumn, type Candidate, type GuessedColumn } from './columns.js';
import { dateFormatsOf } from './dates.js';
import { sampleOf, type Sample } from './sample.js';
import { countryMeanings, statusMeanings, workerTypeMeanings } from './words.js';
import { foldWord } from '../spelling.js';

/** What a person must decide before the mapping can be used: where in the `file` section, and what may be put there. */
export interface Decision {
  readonly path: readonly string[];
  readonly question: string;
  readonly choices: readonly string[];
}

/** What a file's headers and values seem to mean; nothing is settled by it. */
export interface MappingGuess {
  /** The `file` section of the source's settings as far as it could be guessed; the rest has its defaults. */
  readonly file: GuessedFile;
  readonly columns: readonly GuessedColumn[];
  /** Our columns that every file must have and that no header seems to mean. */
  readonly missing: readonly string[];
  readonly decisions: readonly Decision[];
  /** How many rows were looked at. */
  readonly rows: number;
}

type WordLists = { -readonly [Column in keyof FileSettings['words']]?: Record<string, string> };

interface GuessedFile {
  readonly encoding?: string;
  readonly delimiter?: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly dates?: string;
  readonly decimal?: string;
  readonly fte?: string;
  readonly words?: WordLists;
}

/**
 * Guesses how a source's files are to be read, from the first part of one. Ambiguous things are left out and listed for a
 * person: which of two formats a date has is never chosen.
 *
 * @throws FeedRefusedError when there is no table in the file.
 */
export async function guessMapping(
  file: StoredFile,
  declaration: FileDeclaration,
  settings: Pick<FileSettings, 'sheet'>,
  bounds: ReadingBounds,
): Promise<MappingGuess> {
  const sample = await sampleOf(file, declaration, settings.sheet, bounds);
  const { columns, rivals } = chosen(candidatesOf(sample));
  const decisions = [...encodingDecision(sample), ...columnDecisions(columns, rivals)];
  const valuesOf = (field: FeedField) => columns.find((column) => column.field === field)?.values ?? [];
  const dates = datesOf(columns, decisions);
  const words = wordsOf(valuesOf, decisions);
  return {
    file: {
      ...(sample.encoding.encoding !== 'utf-8' && { encoding: sample.encoding.encoding }),
      ...(sample.delimiter !== undefined && { delimiter: sample.delimiter }),
      columns: mappingOf(columns),
      ...(dates !== undefined && { dates }),
      ...shareFormat(valuesOf('fte')),
      ...(Object.keys(words).length > 0 && { words }),
    },
    columns: columns.map(guessedColumn),
    missing: missingAmong(columns, rivals),
    decisions,
    rows: sample.rows.length,
  };
}

/** Headers that have our names need no mapping, unless another header has one for the same field, too. */
function mappingOf(columns: readonly Candidate[]): Record<string, string> {
  const documented = new Headers();
  const named = Map.groupBy(columns, ({ header }) => documented.fieldOf(header));
  const mapped = columns.flatMap(({ header, field }) => {
    if (field === undefined) return [];
    const others = (named.get(field) ?? []).filter((other) => other.header !== header);
    const isClear = documented.fieldOf(header) === field && others.length === 0;
    return isClear ? [] : [[header, columnOf(field)] as const];
  });
  return Object.fromEntries(mapped);
}

/** Our columns without which a file is refused: of the two legal names one is enough. */
function missingAmong(columns: readonly Candidate[], rivals: ReadonlyMap<FeedField, unknown>): string[] {
  const isThere = (field: FeedField) => columns.some((column) => column.field === field) || rivals.has(field);
  const missing: FeedField[] = requiredFields.filter((field) => !isThere(field));
  if (!isThere('legalFamilyName') && !isThere('legalGivenName')) missing.push('legalFamilyName');
  return missing.map(columnOf);
}

function encodingDecision({ encoding: { encoding, isSure } }: Sample): Decision[] {
  if (isSure) return [];
  const question = `The file is not UTF-8. ${encoding} is likely, but other encodings look like it: are the names right in it?`;
  return [
    {
      path: ['encoding'],
      question,
      choices: ['windows-1252', 'windows-1250', 'iso-8859-2', 'iso-8859-15', 'windows-1251'],
    },
  ];
}

function columnDecisions(
  columns: readonly Candidate[],
  rivals: ReadonlyMap<FeedField, readonly Candidate[]>,
): Decision[] {
  const unwanted = columns.flatMap(({ header, unwanted: data }) =>
    data === undefined
      ? []
      : [
          {
            path: ['columns', header],
            question: `This column seems to hold data that accounts do not need (${data}). Leave it out of the export; if that cannot be done, map it to null.`,
            choices: ['null'],
          },
        ],
  );
  const doubtful = columns
    .filter(({ field, sure }) => field !== undefined && sure === 'unsure')
    .map(({ header, field }) => ({
      path: ['columns', header],
      question: 'The name says one thing, the values another: what does this column mean?',
      choices: field === undefined ? ['null'] : [columnOf(field), 'null'],
    }));
  const contested = [...rivals].flatMap(([field, headers]) =>
    headers.map(({ header }) => ({
      path: ['columns', header],
      question: `Several headers seem to mean ${columnOf(field)}: map the right one to it, the others to null.`,
      choices: [columnOf(field), 'null'],
    })),
  );
  return [...unwanted, ...doubtful, ...contested];
}

function datesOf(columns: readonly Candidate[], decisions: Decision[]): DateFormat | undefined {
  const texts = columns.flatMap(({ field, values }) => (field === 'hireDate' || field === 'endDate' ? values : []));
  const formats = dateFormatsOf(texts);
  const [only, another] = formats;
  if (only !== undefined && another === undefined) return only === 'iso' ? undefined : only;
  if (texts.length === 0) return undefined;
  const question =
    only === undefined
      ? 'No one format fits all dates of the file: in which are they written?'
      : 'The dates of this part fit several formats: in which are they written?';
  decisions.push({ path: ['dates'], question, choices: formats });
  return undefined;
}

/** Full time as 100 when a share is over 2; the decimal mark when there is one. */
function shareFormat(values: readonly string[]): { decimal?: ',' | '.'; fte?: '100' } {
  const marks = [',', '.'] as const;
  const [mark, another] = marks.filter((one) => values.some((value) => value.includes(one)));
  const isPercent = values.some((value) => Number(value.replace(',', '.').replace('%', '')) > 2);
  return { ...(mark !== undefined && another === undefined && { decimal: mark }), ...(isPercent && { fte: '100' }) };
}

const lists = [
  {
    column: 'status',
    field: 'status',
    meanings: statusMeanings,
    choices: ['ACTIVE', 'PREHIRE', 'LEAVE', 'TERMINATED'],
  },
  {
    column: 'worker_type',
    field: 'workerType',
    meanings: workerTypeMeanings,
    choices: ['EMPLOYEE', 'TEMP', 'CONTRACTOR', 'INTERN'],
  },
  { column: 'country', field: 'country', meanings: countryMeanings, choices: [] },
] as const;
/** A column with more different words is no list of words, and none of them is shown. */
const wordsMax = 60;
const longestWord = 60;

/** Their words for ours, as far as they are known; those that are not are for a person. */
function wordsOf(valuesOf: (field: FeedField) => readonly string[], decisions: Decision[]): WordLists {
  const found: WordLists = {};
  for (const { column, field, meanings, choices } of lists) {
    const words = new Map(valuesOf(field).map((value) => [foldWord(value), value]));
    if (words.size > wordsMax) continue;
    for (const [plain, word] of words) {
      const meaning = meanings.get(plain);
      if (meaning === plain) continue;
      if (meaning !== undefined) (found[column] ??= {})[word] = meaning;
      else if (word.length <= longestWord) {
        const question = `What does this word for ${column} mean?`;
        decisions.push({ path: ['words', column, word], question, choices: [...choices] });
      }
    }
  }
  return found;
}
