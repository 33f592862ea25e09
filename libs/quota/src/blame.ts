import type { SpentBucket } from './costs.js';
import { windowMs, type QuotaBucket, type QuotaDocument } from './document.js';

/** What Google said when it refused a call for a quota. */
export interface QuotaHint {
  /** Google's name of the quota (`quota_limit`), or words that say whose it is. */
  readonly quotaLimit?: string;
  /** Its true size (`quota_limit_value`), in units of its own window. */
  readonly limitValue?: number;
  /** Nothing more of the refused bucket before that. */
  readonly retryAfterMs?: number;
  /** It is the day's: used up until the day turns. */
  readonly daily?: boolean;
}

type Window = QuotaBucket['window'];

const windowOf = (name: string, daily: boolean): Window | undefined => {
  if (daily || /per ?day/i.test(name)) return 'day';
  if (/per ?minute/i.test(name)) return 'minute';
  return /per ?second/i.test(name) ? 'second' : undefined;
};

/**
 * The buckets that a refusal concerns, among those that the call spent. Google names a quota by its own name only, which
 * holds its window and whose it is (`defaultPerMinutePerUser`); what it leaves open concerns all that fit, and without any
 * word all that are shared: a person's own bucket must not slow everybody, nor everybody's be spared.
 */
export function blamed(
  spent: readonly SpentBucket[],
  quotas: QuotaDocument,
  hint: Pick<QuotaHint, 'quotaLimit' | 'daily'>,
): readonly SpentBucket[] {
  const name = hint.quotaLimit ?? '';
  const window = windowOf(name, hint.daily === true);
  const perUser = /per ?user/i.test(name);
  const bucketOf = ({ quota }: SpentBucket) => quotas.buckets[quota];
  const isOnes = (one: SpentBucket) => ['user', 'adminSubject'].includes(bucketOf(one)?.scope ?? '');
  const wide = spent.filter((one) => (perUser ? isOnes(one) : bucketOf(one)?.scope !== 'user'));
  const whose = wide.length > 0 ? wide : spent;
  const named = /per ?project/i.test(name) ? whose.filter((one) => !isOnes(one)) : whose;
  const owned = named.length > 0 ? named : whose;
  const exact = owned.filter((one) => window !== undefined && bucketOf(one)?.window === window);
  if (exact.length > 0) return exact;
  // A day's refusal where we count no day closes all the same; a pace's refusal never concerns a count of the day.
  const paced = owned.filter((one) => bucketOf(one)?.window !== 'day');
  return paced.length > 0 ? paced : owned;
}

/**
 * The limit that Google named, in amounts of the quota document (its bucket's window, without time scale), when it is clear
 * whose it is.
 */
export function learntLimit(
  concerned: readonly SpentBucket[],
  quotas: QuotaDocument,
  { quotaLimit = '', limitValue }: QuotaHint,
): { quota: string; limit: number; configured: number } | undefined {
  const [only, ...others] = concerned;
  if (limitValue === undefined || only === undefined || others.length > 0) return undefined;
  const bucket = quotas.buckets[only.quota];
  if (bucket === undefined || bucket.limit === null) return undefined;
  const named = windowOf(quotaLimit, false) ?? bucket.window;
  // A day says nothing of a minute: Google may allow both at once.
  if ((named === 'day') !== (bucket.window === 'day')) return undefined;
  const scale = bucket.window === 'day' ? 1 : quotas.timeScale;
  const limit = (limitValue / scale) * (windowMs[bucket.window] / windowMs[named]);
  return { quota: only.quota, limit, configured: bucket.limit };
}
