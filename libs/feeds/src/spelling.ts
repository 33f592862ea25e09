import type { DateFormat, EmployeeRecord, FileSettings } from '#libs/vocabulary';
import { countryOf } from './countries.js';

/** How a source's files spell dates, numbers and words. */
export interface Spelling {
  /** YYYY-MM-DD, which need not be a real day; '' where a date is written that means none; undefined for no date. */
  dayOf(text: string): string | undefined;
  /** A share of full time, 1 being the whole; NaN for no number. */
  shareOf(text: string): number;
  /** The share that a number means which was sent as one. */
  shareOfNumber(number: number): number;
  /** By the words as `foldWord` gives them. */
  readonly statuses: ReadonlyMap<string, EmployeeRecord['status']>;
  readonly workerTypes: ReadonlyMap<string, EmployeeRecord['workerType']>;
  /** ISO 3166-1 alpha-2. */
  countryOf(text: string): string | undefined;
}

/** A word as it is compared: in any case, and however its accents are put together. */
export const foldWord = (word: string): string => word.normalize('NFC').trim().toUpperCase();

const statuses = new Map<string, EmployeeRecord['status']>([
  ['ACTIVE', 'active'],
  ['PREHIRE', 'prehire'],
  ['LEAVE', 'leave'],
  ['TERMINATED', 'terminated'],
]);
const workerTypes = new Map<string, EmployeeRecord['workerType']>([
  ['EMPLOYEE', 'employee'],
  ['TEMP', 'temp'],
  ['CONTRACTOR', 'contractor'],
  ['INTERN', 'intern'],
]);

/** A time of day may follow a date: it is passed over, and no zone shifts the day. */
const time = String.raw`(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AP]M)?(?:Z|[+-]\d{2}:?\d{2})?)?`;
const isoDay = /^(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;
function isoDayOf(text: string): string | undefined {
  const found = isoDay.exec(text)?.[1];
  return found === '0000-00-00' ? '' : found;
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const day = String.raw`(?<day>\d{1,2})`;
const month = String.raw`(?<month>\d{1,2})`;
const year = String.raw`(?<year>\d{4})`;
const written: Readonly<Record<Exclude<DateFormat, 'iso' | 'serial'>, string>> = {
  'dd/mm/yyyy': `${day}/${month}/${year}`,
  'mm/dd/yyyy': `${month}/${day}/${year}`,
  'dd.mm.yyyy': String.raw`${day}\.${month}\.${year}`,
  'dd-mm-yyyy': `${day}-${month}-${year}`,
  'mm-dd-yyyy': `${month}-${day}-${year}`,
  'yyyy/mm/dd': `${year}/${month}/${day}`,
  'yyyy.mm.dd': String.raw`${year}\.${month}\.${day}`,
  yyyymmdd: String.raw`${year}(?<month>\d{2})(?<day>\d{2})`,
  ddmmyyyy: String.raw`(?<day>\d{2})(?<month>\d{2})${year}`,
  'dd-mmm-yyyy': `${day}[- ](?<month>[a-z]{3})[- ]${year}`,
};
/** SAP writes a date that is not set as zeros, as MySQL does in YYYY-MM-DD. */
const noDate = /^0{1,4}([./-]?)0{1,4}\1?0{1,4}$/;

type DayOf = Spelling['dayOf'];

/** Reads dates of one format, and YYYY-MM-DD beside it, which nobody can mistake. */
export function dayReader(format: DateFormat): DayOf {
  if (format === 'iso') return isoDayOf;
  if (format === 'serial') return (text) => isoDayOf(text) ?? dayOfSerial(text);
  const pattern = new RegExp(`^${written[format]}${time}$`, 'i');
  return (text) => {
    const parts = pattern.exec(text)?.groups;
    if (parts === undefined) return isoDayOf(text);
    if (noDate.test(text)) return '';
    const { day: date = '', month: named = '' } = parts;
    const number = months.indexOf(named.toLowerCase()) + 1;
    const monthNumber = number > 0 ? String(number) : named;
    return `${parts['year']}-${monthNumber.padStart(2, '0')}-${date.padStart(2, '0')}`;
  };
}

const serial = /^(\d{1,7})(?:[.,]\d+)?$/;
const dayMs = 86_400_000;
/** Day 0 of a spreadsheet that counts from 1900, for days after its 29 February 1900, which never was. */
const serialEpoch = Date.UTC(1899, 11, 30);

/** The day of a spreadsheet's number (ECMA-376 part 1, 18.17.4.1); undefined before March 1900, where spreadsheets differ. */
function dayOfSerial(text: string): string | undefined {
  const number = Number(serial.exec(text)?.[1] ?? Number.NaN);
  if (!(number >= 61 && number <= 2_958_465)) return undefined;
  return new Date(serialEpoch + number * dayMs).toISOString().slice(0, 10);
}

const shares = { '.': /^\d+(\.\d+)?$/, ',': /^\d+(,\d+)?$/, either: /^\d+([.,]\d+)?$/ } as const;

/** Without the tail that a division leaves: 66.67 of 100 is 0.6667. */
const shareOf = (number: number, whole: number) => (whole === 1 ? number : Number((number / whole).toFixed(6)));

/** Their words before ours. */
function wordsOf<T extends string>(ours: ReadonlyMap<string, T>, theirs: Readonly<Record<string, string>>) {
  const all = new Map(ours);
  for (const [word, meaning] of Object.entries(theirs)) {
    const value = ours.get(meaning);
    if (value !== undefined) all.set(foldWord(word), value);
  }
  return all;
}

/** The spelling that is settled for a source. */
export function spellingOf(settings: Pick<FileSettings, 'dates' | 'decimal' | 'fte' | 'words'>): Spelling {
  const share = shares[settings.decimal ?? 'either'];
  const whole = Number(settings.fte);
  const countries = new Map(Object.entries(settings.words.country).map(([word, code]) => [foldWord(word), code]));
  return {
    dayOf: dayReader(settings.dates),
    shareOf: (text) => (share.test(text) ? shareOf(Number(text.replace(',', '.')), whole) : Number.NaN),
    shareOfNumber: (number) => shareOf(number, whole),
    statuses: wordsOf(statuses, settings.words.status),
    workerTypes: wordsOf(workerTypes, settings.words.worker_type),
    countryOf: countries.size === 0 ? countryOf : (text) => countryOf(countries.get(foldWord(text)) ?? text),
  };
}

/** The spelling of a source for which nothing is settled. */
export const documentedSpelling = spellingOf({
  dates: 'iso',
  fte: '1',
  words: { status: {}, worker_type: {}, country: {} },
});
