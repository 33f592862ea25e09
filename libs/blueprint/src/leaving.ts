import type { EmployeeRecord } from '#libs/vocabulary';

/** Terminated, or past the last day with access. `today` is `YYYY-MM-DD`. */
export function hasLeft({ status, endDate }: EmployeeRecord, today: string): boolean {
  return status === 'terminated' || (endDate !== undefined && endDate < today);
}
