import { z } from 'zod';
import type { FeedField } from '#libs/vocabulary';
import { columnOf, Headers, unwantedColumn } from '../fields.js';
import { shareOfDates } from './dates.js';
import { fieldByHeader } from './header-names.js';
import type { Sample } from './sample.js';
import { countryMeanings, statusMeanings, workerTypeMeanings } from './words.js';
import { foldWord } from '../spelling.js';

/** How sure a guess is: `certain` needs no look, `likely` wants one, `unsure` is for a person to decide. */
export type Sureness = 'certain' | 'likely' | 'unsure';

/** What one header seems to mean. */
export interface GuessedColumn {
  readonly header: string;
  /** Our column; null when the header seems to mean none. */
  readonly column: string | null;
  readonly sure: Sureness;
  /** Sentences, without anything that stands in the file but the header. */
  readonly why: readonly string[];
  /** What the values look like: letters as `a`, digits as `9`. */
  readonly shapes: readonly string[];
  /** How many of the rows that were looked at have a value. */
  readonly filled: number;
}

/** A column of the sample with what it seems to mean. */
export interface Candidate {
  readonly header: string;
  readonly values: readonly string[];
  readonly field: FeedField | undefined;
  readonly sure: Sureness;
  readonly why: readonly string[];
  /** The unwanted data that it seems to hold. */
  readonly unwanted: string | undefined;
}

const shapesMax = 3;

/** A value without what it says: `Zoë 12` is `Aaa 99`. Long runs are shortened. */
export function shapeOf(value: string): string {
  const shape = value
    .trim()
    .replaceAll(/\p{Lu}/gu, 'A')
    .replaceAll(/[\p{Letter}\p{Mark}]/gu, (letter) => (letter === 'A' ? 'A' : 'a'))
    .replaceAll(/\p{Number}/gu, '9')
    .replaceAll(/[^Aa9\s.,;:/@+()_-]/gu, '?');
  return shape.replaceAll(/(a)\1{3,}/g, 'aaa').slice(0, 24);
}

const share = (values: readonly string[], fits: (value: string) => boolean) =>
  values.length === 0 ? 0 : values.filter(fits).length / values.length;
const number = /^\d+([.,]\d+)?\s?%?$/;
const isEmail = (value: string) => z.regexes.email.test(value.trim());
const meansIn = (meanings: ReadonlyMap<string, string>) => (value: string) => meanings.has(foldWord(value));

/** For fields whose values are told from others: the share of values that fit. */
const fits: Partial<Record<FeedField, (values: readonly string[]) => number>> = {
  hireDate: shareOfDates,
  endDate: shareOfDates,
  country: (values) => share(values, meansIn(countryMeanings)),
  status: (values) => share(values, meansIn(statusMeanings)),
  workerType: (values) => share(values, meansIn(workerTypeMeanings)),
  workEmail: (values) => share(values, isEmail),
  fte: (values) => share(values, (value) => number.test(value.trim())),
};

const distinct = (values: readonly string[]) => new Set(values);

/** What each column of a sample seems to mean. */
export function candidatesOf(sample: Sample): Candidate[] {
  const candidates = alone(sample);
  const numbers = candidates.find(({ field, sure }) => field === 'employeeNumber' && sure === 'certain')?.values ?? [];
  return candidates.map((candidate) => besideNumbers(candidate, new Set(numbers.map(shapeOf))));
}

/** A manager is named by number: a column of names or addresses is another one. */
function besideNumbers(candidate: Candidate, shapes: ReadonlySet<string>): Candidate {
  const { field, values, why } = candidate;
  if (field !== 'managerNumber' || shapes.size === 0 || values.length === 0) return candidate;
  if (share(values, (value) => shapes.has(shapeOf(value))) >= 0.5) return candidate;
  return { ...candidate, sure: 'unsure', why: [...why, 'but its values do not look like numbers of workers'] };
}

function alone({ headers, rows }: Sample): Candidate[] {
  const documented = new Headers();
  return headers.map((header, column) => {
    const values = rows.map((row) => row[column]?.trim() ?? '').filter((value) => value !== '');
    const unwanted = unwantedColumn(header);
    const base = { header, values, unwanted };
    if (unwanted !== undefined) {
      return {
        ...base,
        field: undefined,
        sure: 'certain',
        why: [`its name says ${unwanted}, which accounts do not need`],
      };
    }
    const own = documented.fieldOf(header);
    if (own !== undefined) return judged({ ...base, field: own, sure: 'certain', why: ['it has our name'] });
    const named = fieldByHeader(header);
    if (named !== undefined) {
      const why = named.isWhole ? 'HR systems call it so' : 'a part of its name says so';
      return judged({ ...base, field: named.field, sure: named.isWhole ? 'certain' : 'likely', why: [why] });
    }
    return { ...base, ...byValues(values) };
  });
}

/** A name is believed less when the values say otherwise, and a part of a name more when they agree. */
function judged(candidate: Candidate): Candidate {
  const { field, values, why } = candidate;
  const fit = field === undefined ? undefined : fits[field]?.(values);
  if (fit === undefined || values.length === 0) return candidate;
  if (fit >= 0.9) return { ...candidate, sure: 'certain', why: [...why, 'its values look so'] };
  if (fit >= 0.5) return { ...candidate, why: [...why, 'most of its values look so'] };
  if (field === 'status' || field === 'workerType') {
    const isFew = distinct(values).size <= 30;
    return { ...candidate, sure: isFew ? 'likely' : 'unsure', why: [...why, 'its words are not known'] };
  }
  return { ...candidate, sure: 'unsure', why: [...why, 'but its values do not look so'] };
}

/** Without a telling name: what can only be one thing. Two dates cannot be told apart, nor two kinds of text. */
function byValues(values: readonly string[]): Pick<Candidate, 'field' | 'sure' | 'why'> {
  const nothing = { field: undefined, sure: 'likely', why: ['neither name nor values say anything'] } as const;
  if (values.length < 3) return nothing;
  if (share(values, isEmail) >= 0.9)
    return { field: 'workEmail', sure: 'likely', why: ['its values are e-mail addresses'] };
  const isFew = distinct(values).size <= 60;
  if (isFew && (fits.status?.(values) ?? 0) >= 0.9) {
    return { field: 'status', sure: 'likely', why: ['its words are those of a status'] };
  }
  if (isFew && (fits.country?.(values) ?? 0) >= 0.9) {
    return { field: 'country', sure: 'likely', why: ['its values are countries'] };
  }
  if (shareOfDates(values) >= 0.9) return { ...nothing, sure: 'unsure', why: ['its values are dates, but which?'] };
  return nothing;
}

const ranks: Readonly<Record<Sureness, number>> = { certain: 2, likely: 1, unsure: 0 };

/** Each field once: of several headers that seem to mean it the surest, none of equally sure ones. */
export function chosen(candidates: readonly Candidate[]): {
  columns: Candidate[];
  rivals: Map<FeedField, Candidate[]>;
} {
  const rivals = new Map<FeedField, Candidate[]>();
  const byField = Map.groupBy(candidates, ({ field }) => field);
  const columns = candidates.map((candidate): Candidate => {
    const { field } = candidate;
    const group = field === undefined ? [] : (byField.get(field) ?? []);
    if (field === undefined || group.length < 2) return candidate;
    const best = Math.max(...group.map(({ sure }) => ranks[sure]));
    const first = group.filter(({ sure }) => ranks[sure] === best);
    if (first.length === 1 && first[0] === candidate) return candidate;
    if (first.length > 1) rivals.set(field, first);
    const why = [...candidate.why, `but another header seems to mean ${columnOf(field)} too`];
    return { ...candidate, field: undefined, sure: first.length > 1 ? 'unsure' : 'likely', why };
  });
  return { columns, rivals };
}

export function guessedColumn({ header, values, field, sure, why }: Candidate): GuessedColumn {
  const shapes = [...new Set(values.map(shapeOf))].slice(0, shapesMax);
  return { header, column: field === undefined ? null : columnOf(field), sure, why, shapes, filled: values.length };
}
