import type { QuotaBucket, QuotaDocument } from './document.js';
import { paceOf, type Pace } from './pacing.js';

/** What one call asks of the governor. Keys are opaque, never addresses. */
export interface PermitRequest {
  /** As config/quotas.yaml prices it. */
  readonly method: string;
  /** Needs this migration's gate open. */
  readonly migrationId?: string | undefined;
  /** The permit names the least loaded of these. */
  readonly adminSubjects?: readonly string[] | undefined;
  readonly userKey?: string | undefined;
  readonly domain?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One bucket that a call spends. */
export interface SpentBucket {
  readonly quota: string;
  /** The bucket's own key: the quota and whose share of it. */
  readonly key: string;
}

/** A request as the script reads it; requests of the same text spend the same buckets. */
export interface EncodedRequest {
  readonly text: string;
  /** Permits of this request are void so long after their time. */
  readonly lifeMs: number;
  /** What is spent, once one of the admin subjects is chosen (1-based; 0: none was asked for). */
  spent(choice: number): readonly SpentBucket[];
}

/** The quota document as the scripts need it: what each call spends, at which pace. */
export class Costs {
  private readonly paces = new Map<string, Pace>();

  constructor(readonly quotas: QuotaDocument) {
    for (const [name, bucket] of Object.entries(quotas.buckets)) {
      const costs = Object.values(quotas.methods).map((method) => method[name] ?? 0);
      const single = this.isSingle(bucket);
      this.paces.set(name, paceOf(bucket, quotas.timeScale, { costMax: Math.max(1, ...costs), single }));
    }
  }

  /** Whether each person has a bucket of their own. */
  isSingle({ scope }: Pick<QuotaBucket, 'scope'>): boolean {
    return scope === 'user' && this.quotas.perUserChargedTo === 'quotaUser';
  }

  aheadMs(quota: string): number {
    return this.paces.get(quota)?.aheadMs ?? 0;
  }

  /** Configured limits by quota, in amounts of the document, without time scale. */
  limits(): Record<string, number> {
    return Object.fromEntries(
      Object.entries(this.quotas.buckets).flatMap(([name, { limit }]) => (limit === null ? [] : [[name, limit]])),
    );
  }

  encode(request: PermitRequest): EncodedRequest {
    const costs = this.quotas.methods[request.method];
    if (costs === undefined) throw new Error(`config/quotas.yaml does not say what ${request.method} costs`);
    const buckets: unknown[] = [];
    const spent: SpentBucket[] = [];
    let choices: unknown = null;
    let chosen: readonly SpentBucket[] = [];
    let lifeMs = Infinity;
    for (const [quota, cost] of Object.entries(costs)) {
      const bucket = this.quotas.buckets[quota];
      const pace = this.paces.get(quota);
      if (bucket === undefined || pace === undefined) continue;
      const costMs = cost * pace.unitMs;
      lifeMs = Math.min(lifeMs, pace.lifeMs);
      if (bucket.scope === 'adminSubject' && request.adminSubjects !== undefined) {
        chosen = request.adminSubjects.map((subject) => ({
          quota,
          key: this.keyOf(quota, bucket, { ...request, adminSubjects: [subject] }),
        }));
        choices = [chosen.map(({ key }) => key), costMs, pace.aheadMs, quota, cost];
        continue;
      }
      const key = this.keyOf(quota, bucket, request);
      const dayLimit = bucket.window !== 'day' || bucket.limit === null ? 0 : bucket.enforced ? bucket.limit : -1;
      buckets.push([key, costMs, pace.aheadMs, quota, cost, dayLimit, this.isSingle(bucket) ? 0 : 1]);
      spent.push({ quota, key });
    }
    return {
      text: JSON.stringify({ gate: request.migrationId ?? '', buckets, choices }),
      lifeMs,
      spent: (choice) => {
        const subject = chosen[choice - 1];
        return subject === undefined ? spent : [...spent, subject];
      },
    };
  }

  private keyOf(quota: string, { scope }: QuotaBucket, request: PermitRequest): string {
    const together = this.quotas.perUserChargedTo === 'serviceAccount';
    switch (scope) {
      case 'user':
        return `${quota}:${together ? '' : (request.userKey ?? '')}`;
      case 'adminSubject':
        return `${quota}:${together ? '' : (request.adminSubjects?.[0] ?? '')}`;
      case 'domain':
        return `${quota}:${request.domain ?? ''}`;
      default:
        return `${quota}:`;
    }
  }
}
