import type { StagedCounts } from '#libs/ledger';
import {
  isOver,
  limitOf,
  measureSentence,
  type Difference,
  type GuardedChange,
  type GuardSettings,
  type Limit,
  type Measure,
} from '#libs/vocabulary';

type ByCountry = Readonly<Record<string, number>>;

const sum = (counts: ByCountry = {}) => Object.values(counts).reduce((total, count) => total + count, 0);

/** Compares what a delivery would change with the source's limits. Pure. */
export function measured(counts: StagedCounts, guard: GuardSettings): Difference {
  const { changes, earlier } = counts;
  const measures = [
    ...wholeMeasures(counts, guard),
    ...inCountries('leavers', counts, guard.leaversInCountry).filter(isOver),
    ...inCountries('addressChanges', counts, guard.addressChangesInCountry).filter(isOver),
    ...rowMeasures(counts, guard),
  ];
  const isKept = { leavers: changes.leavers, addressChanges: changes.addressChanges };
  return {
    fingerprint: counts.fingerprint,
    measures: measures.filter(({ count, measure }) => count > 0 || earlier[measure] !== undefined),
    counts: isKept,
  };
}

/** Why a delivery must wait for a person; undefined when it need not. */
export function holdCause({ measures }: Difference): string | undefined {
  const over = measures.filter(isOver);
  if (over.length === 0) return undefined;
  return `changes_too_much: ${over.map(measureSentence).join('; ')}. Look at the difference, then approve or reject it.`;
}

function wholeMeasures({ changes, earlier, people, isFirst }: StagedCounts, guard: GuardSettings): Measure[] {
  const of = sum(people);
  const whole = (measure: GuardedChange): Measure => ({
    measure,
    country: null,
    count: sum(changes[measure]),
    earlier: sum(earlier[measure]),
    of,
    limit: limitOf(guard[measure], of),
  });
  const lasting = ['leavers', 'addressChanges', 'renames', 'moves', 'renumberings'] as const;
  const measures = lasting.map(whole);
  // What is sent for the first time holds joiners only.
  return isFirst || of === 0 ? measures : [...measures, whole('joiners')];
}

function inCountries(measure: 'leavers' | 'addressChanges', counts: StagedCounts, limit: Limit): Measure[] {
  const { changes, earlier, people } = counts;
  return Object.entries(changes[measure]).map(([country, count]) => ({
    measure,
    country,
    count,
    earlier: earlier[measure]?.[country] ?? 0,
    of: people[country] ?? 0,
    limit: limitOf(limit, people[country] ?? 0),
  }));
}

function rowMeasures({ rows, rowsBefore }: StagedCounts, guard: GuardSettings): Measure[] {
  const rejected: Measure = {
    measure: 'rejectedRows',
    country: null,
    count: rows.rejected,
    earlier: 0,
    of: rows.total,
    limit: limitOf(guard.rejectedRows, rows.total),
  };
  if (rowsBefore === null) return [rejected];
  const count = Math.abs(rows.total - rowsBefore);
  const limit = limitOf(guard.rowCount, rowsBefore);
  return [rejected, { measure: 'rowCount', country: null, count, earlier: 0, of: rowsBefore, limit }];
}
