import type { EmployeeRecord } from '#libs/vocabulary';
import { hasLeft } from './leaving.js';

/** What the blueprint says of beginnings and ends, in days. */
export interface EmploymentRules {
  /** So long before the first day the account is made; undefined: as soon as HR tells. */
  readonly leadDays: number | undefined;
  /** So long after the end the account stays as it is. */
  readonly graceDays: number;
}

const dayMs = 86_400_000;

/** `YYYY-MM-DD`, so many days later. */
const daysAfter = (day: string, days: number): string =>
  new Date(Date.parse(day) + days * dayMs).toISOString().slice(0, 10);

/** HR has not let them begin, or their first day is still to come. */
export function isYetToBegin({ status, hireDate }: EmployeeRecord, today: string): boolean {
  return status === 'prehire' || hireDate > today;
}

/** Their first day is so far ahead that they get no account yet. */
export function isHiredLater({ hireDate }: EmployeeRecord, today: string, { leadDays }: EmploymentRules): boolean {
  return leadDays !== undefined && daysAfter(hireDate, -leadDays) > today;
}

/**
 * The first day on which the account of someone who leaves is barred; undefined while no end is in sight. An explicit
 * termination counts from the day on which HR told it (`terminatedOn`, unknown: long ago), or from the day after the last
 * one if that was earlier.
 */
function barredFrom(
  { status, endDate }: EmployeeRecord,
  today: string,
  terminatedOn: string | undefined,
  rules: EmploymentRules,
) {
  const ends = endDate === undefined ? [] : [daysAfter(endDate, 1)];
  // It may have been told when it was tomorrow already for HR, or for the server.
  const told = status === 'terminated' ? [terminatedOn ?? '1970-01-01', today] : [];
  const [first] = [...ends, ...told].sort();
  return first === undefined ? undefined : daysAfter(first, rules.graceDays);
}

/** They have left, and the days of grace are over. */
export function isBarred(
  record: EmployeeRecord,
  today: string,
  terminatedOn: string | undefined,
  rules: EmploymentRules,
): boolean {
  const from = barredFrom(record, today, terminatedOn, rules);
  return hasLeft(record, today) && from !== undefined && from <= today;
}

/** The next day on which the same record asks for another account, if it ever does; the account is made, opened or barred. */
export function nextDay(
  record: EmployeeRecord,
  today: string,
  terminatedOn: string | undefined,
  rules: EmploymentRules,
): string | null {
  const { hireDate, endDate } = record;
  const days: string[] = [hireDate];
  const barred = barredFrom(record, today, terminatedOn, rules);
  if (barred !== undefined) days.push(barred);
  if (endDate !== undefined) days.push(daysAfter(endDate, 1));
  if (rules.leadDays !== undefined) days.push(daysAfter(hireDate, -rules.leadDays));
  const [next] = days.filter((day) => day > today).toSorted((a, b) => (a < b ? -1 : 1));
  return next ?? null;
}
