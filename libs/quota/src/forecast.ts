import { windowMs, type QuotaDocument } from './document.js';

export interface Forecast {
  readonly callsPerApi: Readonly<Record<string, number>>;
  /** Hours that each quota needs for its share, longest first. */
  readonly perQuota: readonly { quota: string; api: string; scope: string; amount: number; hours: number }[];
  readonly bindingQuota: string | null;
  readonly hours: number;
}

/**
 * A plan's price: how long each quota needs for these calls, and which one binds. Per-user quotas never add up over
 * people and are left out, unless the service account is charged for everybody; creations are counted per domain.
 */
export function forecast(
  quotas: QuotaDocument,
  calls: ReadonlyMap<string, number>,
  spread: { adminSubjects: number; createsPerDomain: ReadonlyMap<string, number> },
): Forecast {
  const callsPerApi: Record<string, number> = {};
  const amounts = new Map<string, number>();
  for (const [method, count] of calls) {
    const api = method.split('.')[0] ?? method;
    callsPerApi[api] = (callsPerApi[api] ?? 0) + count;
    for (const [bucket, cost] of Object.entries(quotas.methods[method] ?? {})) {
      amounts.set(bucket, (amounts.get(bucket) ?? 0) + cost * count);
    }
  }
  const together = quotas.perUserChargedTo === 'serviceAccount';
  const perQuota = [...amounts]
    .flatMap(([quota, amount]) => {
      const bucket = quotas.buckets[quota];
      if (bucket === undefined || bucket.limit === null || !bucket.enforced) return [];
      if (bucket.scope === 'user' && !together) return [];
      const largestDomain = Math.max(0, ...spread.createsPerDomain.values());
      const share =
        bucket.scope === 'adminSubject' && !together
          ? amount / Math.max(1, spread.adminSubjects)
          : bucket.scope === 'domain'
            ? largestDomain
            : amount;
      const scale = bucket.window === 'day' ? 1 : quotas.timeScale;
      const hours = (share / (bucket.limit * scale)) * (windowMs[bucket.window] / 3_600_000);
      return [{ quota, api: bucket.api, scope: bucket.scope, amount, hours: Math.round(hours * 1000) / 1000 }];
    })
    .toSorted((a, b) => b.hours - a.hours);
  return { callsPerApi, perQuota, bindingQuota: perQuota[0]?.quota ?? null, hours: perQuota[0]?.hours ?? 0 };
}
