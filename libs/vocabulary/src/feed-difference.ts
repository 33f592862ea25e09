import { z } from 'zod';

/** What the guard counts people for; each is a change that hurts when it is a mistake. */
export const guardedChanges = ['leavers', 'addressChanges', 'joiners', 'renames', 'moves', 'renumberings'] as const;
export type GuardedChange = (typeof guardedChanges)[number];

/** Rows are counted too: a file that is cut, shifted or in another encoding shows in them. */
export const guardMeasures = [...guardedChanges, 'rejectedRows', 'rowCount'] as const;
export type GuardMeasure = (typeof guardMeasures)[number];

/** One count beside its limit. */
export const measureSchema = z.strictObject({
  measure: z.enum(guardMeasures),
  /** Null for all countries together. */
  country: z.string().nullable(),
  /** People or rows of this delivery. */
  count: z.int().min(0),
  /** What deliveries of the last 24 hours did already without a person's word. */
  earlier: z.int().min(0),
  /** What they are compared with: people of the source, or rows. */
  of: z.int().min(0),
  limit: z.int().min(0),
});
export type Measure = z.infer<typeof measureSchema>;

/** What a delivery would change, as the guard sees it. */
export const differenceSchema = z.strictObject({
  /** Hex SHA-256 over the file, what was read of each row and every change: an approval is for exactly this difference. */
  fingerprint: z.string(),
  /** All countries together; single countries only where they are over their limit. */
  measures: z.array(measureSchema),
  /** Leavers and address changes by country. */
  counts: z.record(z.string(), z.record(z.string(), z.int().min(0))),
});
export type Difference = z.infer<typeof differenceSchema>;

/** Whether a measure needs a person's word. */
export function isOver({ count, earlier, limit }: Measure): boolean {
  return count > 0 && count + earlier > limit;
}

const meanings: Readonly<Record<GuardMeasure, string>> = {
  leavers: 'people would leave',
  addressChanges: 'addresses would change',
  joiners: 'people would join',
  renames: 'people would get another name',
  moves: 'people would get another manager, department or country',
  renumberings: 'people would get another number',
  rejectedRows: 'rows are rejected',
  rowCount: 'rows more or fewer than in the full delivery before',
};

const counted = new Intl.NumberFormat('en');

/** One measure as a sentence without personal data: `3,000 people would leave, of 160,000 (limit 3,200)`. */
export function measureSentence(measure: Measure): string {
  const { count, earlier, of, limit, country } = measure;
  const within = country === null ? '' : ` in ${country}`;
  const before = earlier === 0 ? '' : ` after ${counted.format(earlier)} in the last 24 hours`;
  const meaning = meanings[measure.measure];
  return `${counted.format(count)} ${meaning}${within}${before}, of ${counted.format(of)} (limit ${counted.format(limit)})`;
}
