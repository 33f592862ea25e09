import { windowMs, type QuotaBucket } from './document.js';

/** How a bucket is paced: each unit takes its time, and the bucket may run ahead of even pacing by so much. */
export interface Pace {
  /** Milliseconds that one unit takes of the bucket; 0 is without limit. */
  readonly unitMs: number;
  /** How far ahead of even pacing calls may run, in milliseconds. */
  readonly aheadMs: number;
}

/** A permit may be granted for so much later than now: long enough to need no polling, short enough for a pause. */
export const horizonMs = 400;

/**
 * Google judges per-minute quotas over a sliding minute and per-second ones as a bucket of one second's worth; calls reach
 * it with some jitter. So shared buckets are paced evenly at a hair under the limit. A person's own bucket is never the
 * binding one: it may burst, at a lower rate that keeps the burst within the limit.
 */
const shared = { share: 0.985, aheadMs: 100 } as const;
const own = { share: 0.8, aheadMs: 10_000 } as const;

export function paceOf(bucket: Pick<QuotaBucket, 'limit' | 'window' | 'scope'>, timeScale: number): Pace {
  const { share, aheadMs } = bucket.scope === 'user' ? own : shared;
  if (bucket.limit === null || bucket.window === 'day') return { unitMs: 0, aheadMs };
  return { unitMs: windowMs[bucket.window] / (bucket.limit * timeScale * share), aheadMs };
}
