import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** One row of a feed, under the names of the canonical record's fields. */
export type FeedRow = Readonly<Record<string, string | readonly string[]>>;

export const numberOf = (index: number) => String(index + 1).padStart(6, '0');

/**
 * Plain people with names of their own, numbered from 000001: everybody has an alias and, but for the first, a manager.
 * `change` says what is special about some of them.
 */
export function people(count: number, change: (index: number) => FeedRow = () => ({})): FeedRow[] {
  return Array.from({ length: count }, (_, index) => {
    const number = numberOf(index);
    return {
      employeeNumber: number,
      legalGivenName: `Given${letters(index)}`,
      legalFamilyName: `Family${letters(index)}`,
      workerType: 'EMPLOYEE',
      status: 'ACTIVE',
      hireDate: '2020-01-01',
      country: 'FR',
      jobTitle: 'Adviser',
      legacyEmails: [`m${number}@bascule-retail.example`],
      ...(index > 0 && { managerNumber: numberOf(0) }),
      ...change(index),
    };
  });
}

/** A number as letters, as addresses by pattern drop digits at the end of a name. */
function letters(index: number): string {
  const last = String.fromCharCode(97 + (index % 26));
  return index < 26 ? last : `${letters(Math.floor(index / 26))}${last}`;
}

export const ndjson = (rows: readonly FeedRow[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

/** A realistic company as CSV: sixteen countries, homonyms, compound names. The same seed gives the same company. */
export function retailFeed(employees: number, seed = 1): string {
  const script = fileURLToPath(new URL('../../../scripts/generate-feed.mjs', import.meta.url));
  const words = [script, '--employees', String(employees), '--seed', String(seed)];
  return execFileSync(process.execPath, words, { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 });
}
