import type { EmployeeRecord } from '#libs/vocabulary';

/** ECMA-402 Intl Locale Info: in Node 24, not yet in TypeScript's library. */
interface LocaleWithZones extends Intl.Locale {
  getTimeZones(): string[] | undefined;
}

function knowsZones(locale: Intl.Locale): locale is LocaleWithZones {
  return 'getTimeZones' in locale;
}

interface DaysOfCountry {
  readonly formats: readonly Intl.DateTimeFormat[];
  minute: number;
  earliest: string;
  latest: string;
}

const countries = new Map<string, DaysOfCountry>();

/** One format for each time zone of the country (CLDR); UTC where there is none. */
function daysOf(country: string): DaysOfCountry {
  const known = countries.get(country);
  if (known !== undefined) return known;
  const locale = new Intl.Locale(`und-${country}`);
  const zones = (knowsZones(locale) ? locale.getTimeZones() : undefined) ?? [];
  const formats = (zones.length > 0 ? zones : ['UTC']).map(
    (timeZone) => new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }),
  );
  const days = { formats, minute: Number.NaN, earliest: '', latest: '' };
  countries.set(country, days);
  return days;
}

/**
 * The day (`YYYY-MM-DD`) at the place of work at a moment. In a country with several time zones a first day begins where it
 * begins first, and every other day ends where it ends last: nobody waits on their first morning, nobody is cut off early.
 */
export function dayAtWork({ country, hireDate }: Pick<EmployeeRecord, 'country' | 'hireDate'>, now: Date): string {
  const days = daysOf(country);
  const minute = Math.floor(now.getTime() / 60_000);
  // Asked for a whole company at once.
  if (days.minute !== minute) {
    const all = days.formats.map((format) => format.format(now)).sort();
    days.minute = minute;
    [days.earliest = '', days.latest = ''] = [all[0], all.at(-1)];
  }
  return hireDate === days.latest ? days.latest : days.earliest;
}

/** The last day that anybody on earth has at this moment: beyond it nothing can be due yet. */
export function lastDayOnEarth(now: Date): string {
  return new Date(now.getTime() + 14 * 3_600_000).toISOString().slice(0, 10);
}
