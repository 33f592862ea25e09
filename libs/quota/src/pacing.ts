import { windowMs, type QuotaBucket } from './document.js';

/** How a bucket is paced: each unit takes its time, and the bucket may run ahead of even pacing by so much. */
export interface Pace {
  /** Milliseconds that one unit takes of the bucket; 0 is without limit. */
  readonly unitMs: number;
  /** How far ahead of even pacing calls may run, in milliseconds. */
  readonly aheadMs: number;
  /** A permit unused for this long is void, in milliseconds. */
  readonly lifeMs: number;
}

/** A permit may be granted for so much later than now: long enough to need no polling, short enough for a pause. */
export const horizonMs = 400;

/** A permit unused for this long is void. */
export const permitLifeMs = 250;

/** By how much the way to Google is taken to vary from one call to the next. */
const travelMs = 100;

const aheadMs = 100;
const share = 0.985;
const early = aheadMs + permitLifeMs + travelMs;

/**
 * Google judges per-minute quotas over a sliding minute and per-second ones as a bucket of one second's worth. A call
 * reaches it somewhere between its permit's time, less what the bucket may run ahead, and its permit's end plus the way. So
 * shared buckets are paced evenly at a hair under the limit: over any stretch of time the calls that can reach Google in it,
 * the dearest of them included, are within the quota. A person's own bucket is never the binding one: it may burst, at a
 * lower rate that keeps the burst within the limit even when Redis forgets the bucket.
 *
 * @param costMax the most that one call spends of this bucket
 * @param single a single person's bucket
 */
export function paceOf(
  bucket: Pick<QuotaBucket, 'limit' | 'window'>,
  timeScale: number,
  { costMax, single }: { costMax: number; single: boolean },
): Pace {
  if (bucket.limit === null || bucket.window === 'day') return { unitMs: 0, aheadMs, lifeMs: permitLifeMs };
  const window = windowMs[bucket.window];
  const limit = bucket.limit * timeScale;
  const evenMs = window / limit;
  if (single) return ofOnePerson(evenMs, window, costMax);
  return bucket.window === 'second' ? perSecond(evenMs, costMax) : perMinute(evenMs, costMax);
}

/** The bucket holds one second's worth: what varies must fit beside one call. */
function perSecond(evenMs: number, costMax: number): Pace {
  if (early + costMax * evenMs <= 1_000) return { unitMs: evenMs / share, aheadMs, lifeMs: permitLifeMs };
  // Of a few calls a second none may come early, so each waits for what the way of the one before may have taken.
  const lifeMs = 50;
  return { unitMs: evenMs + (lifeMs + 15) / costMax, aheadMs: 0, lifeMs };
}

/** Equal costs never add up to more than the window; a dear call beside cheap ones needs its room. */
function perMinute(evenMs: number, costMax: number): Pace {
  const room = (60_000 - (costMax > 1 ? costMax * evenMs : 0)) / (60_000 + early);
  return { unitMs: evenMs / Math.max(0.1, Math.min(share, room)), aheadMs, lifeMs: permitLifeMs };
}

/** Two bursts and their last calls fit into one window. */
function ofOnePerson(evenMs: number, window: number, costMax: number): Pace {
  const burstMs = window / 6;
  const room = (window - 2 * costMax * evenMs) / (window + 2 * burstMs + early);
  return { unitMs: evenMs / Math.max(0.1, Math.min(0.7, room)), aheadMs: burstMs, lifeMs: permitLifeMs };
}
