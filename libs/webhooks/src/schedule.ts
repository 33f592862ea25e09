const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** How long after each failed try the next one comes, as Standard Webhooks proposes: ten tries within three days. */
export const standardSchedule: readonly number[] = [
  5 * second,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
];

const retryAfterMaxMs = 24 * hour;

/**
 * Milliseconds until the next try, with up to a fifth of chance, so that what failed together does not come again together;
 * undefined after the last one. A receiver may ask for more time (Retry-After, in seconds).
 */
export function waitBeforeRetry(
  attempt: number,
  schedule: readonly number[],
  retryAfter: string | undefined,
  chance = Math.random(),
): number | undefined {
  const wait = schedule[attempt - 1];
  if (wait === undefined) return undefined;
  const asked = /^\d{1,9}$/.test(retryAfter ?? '') ? Number(retryAfter) * second : 0;
  return Math.max(wait * (1 + chance / 5), Math.min(asked, retryAfterMaxMs));
}
