import type { QuotaDocument } from './document.js';
import { pacificDay } from './pacific-day.js';
import type { GovernorRedis } from './scripts.js';

export interface QuotaUsage {
  readonly quota: string;
  readonly scope: string;
  readonly window: string;
  /** Amount in one window that is kept to, scaled. */
  readonly limit: number;
  /** The limit that Google named within the last day, scaled, when it is another than the configured one. */
  readonly named?: number;
  /** Spent over the last window. */
  readonly used: number;
  /** Refused by Google. */
  readonly rejected: number;
}

/** How long a limit that Google named is kept to. */
const learntMs = 86_400_000;

/** Use of every quota over its last window, summed over all whose own it is. */
export async function readUsage(redis: GovernorRedis, prefix: string, quotas: QuotaDocument): Promise<QuotaUsage[]> {
  const clock = await redis.hgetall(`${prefix}:clock`);
  const now = Date.now() + Number(clock['ahead'] ?? 0);
  const slot = Math.floor(now / 10_000);
  const slots = await Promise.all(
    Array.from({ length: 6 }, (_, back) => redis.hgetall(`${prefix}:used:${slot - 1 - back}`)),
  );
  const [rejected = {}, learnt = {}, daily = {}] = await Promise.all(
    ['rejected', 'learnt', `day:${pacificDay(new Date())}`].map((name) => redis.hgetall(`${prefix}:${name}`)),
  );
  return Object.entries(quotas.buckets).flatMap(([quota, bucket]) => {
    if (bucket.limit === null) return [];
    const lastMinute = slots.reduce((sum, amounts) => sum + Number(amounts[quota] ?? 0), 0);
    const lastSlot = Number(slots[0]?.[quota] ?? 0);
    const used =
      bucket.window === 'day' ? Number(daily[quota] ?? 0) : bucket.window === 'minute' ? lastMinute : lastSlot / 10;
    const fresh = now - Number(learnt[`${quota}@`] ?? 0) < learntMs;
    const named = fresh ? Number(learnt[quota] ?? bucket.limit) : bucket.limit;
    const scale = bucket.window === 'day' ? 1 : quotas.timeScale;
    return [
      {
        quota,
        scope: bucket.scope,
        window: bucket.window,
        limit: Math.min(named, bucket.limit) * scale,
        ...(named !== bucket.limit && { named: named * scale }),
        used: Math.round(used * 10) / 10,
        rejected: Number(rejected[quota] ?? 0),
      },
    ];
  });
}
