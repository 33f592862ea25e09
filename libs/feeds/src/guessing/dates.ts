import { dateFormats, type DateFormat } from '#libs/vocabulary';
import { dayReader } from '../spelling.js';
import { isRealDay } from '../rows.js';

/** Every format with its reader; a serial number looks like any other number, so that it is never guessed. */
const readers = dateFormats
  .filter((format) => format !== 'serial')
  .map((format) => ({ format, dayOf: dayReader(format) }));
const employmentFrom = '1940-01-01';

/** Whether a text is a day that somebody may have been hired on, or a date that is not set. */
const isDay = (day: string | undefined) =>
  day !== undefined && (day === '' || (isRealDay(day) && day >= employmentFrom));

/** The formats in which every one of these texts is a date; `iso` alone when they are all so. */
export function dateFormatsOf(texts: readonly string[]): readonly DateFormat[] {
  if (texts.length === 0) return [];
  const fitting = readers.filter(({ dayOf }) => texts.every((text) => isDay(dayOf(text)))).map(({ format }) => format);
  // Each format understands YYYY-MM-DD too.
  return fitting.includes('iso') ? ['iso'] : fitting;
}

/** The share of texts that are a date in one format at least. */
export function shareOfDates(texts: readonly string[]): number {
  const dates = texts.filter((text) => readers.some(({ dayOf }) => isDay(dayOf(text))));
  return texts.length === 0 ? 0 : dates.length / texts.length;
}
