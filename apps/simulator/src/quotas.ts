import { Refusal } from './refusal.js';

/** Calls or units of the last sliding minute, in sixtieths: constant time and memory. */
class SlidingMinute {
  private readonly seconds = new Float64Array(61);
  private total = 0;
  private at = 0;
  last = 0;

  add(nowMs: number, amount: number, limit: number): boolean {
    const second = Math.floor(nowMs / 1_000);
    if (second - this.at >= 61) {
      this.seconds.fill(0);
      this.total = 0;
    } else {
      for (let past = this.at + 1; past <= second; past += 1) {
        const slot = past % 61;
        this.total -= this.seconds[slot] ?? 0;
        this.seconds[slot] = 0;
      }
    }
    this.at = second;
    this.last = nowMs;
    if (this.total + amount > limit) return false;
    this.total += amount;
    const slot = second % 61;
    this.seconds[slot] = (this.seconds[slot] ?? 0) + amount;
    return true;
  }

  get used(): number {
    return this.total;
  }
}

/** A bucket of one second's worth. */
class SecondBucket {
  private level = 0;
  private at = 0;

  add(nowMs: number, limit: number): boolean {
    this.level = Math.max(0, this.level - ((nowMs - this.at) / 1_000) * limit);
    this.at = nowMs;
    if (this.level + 1 > limit + 1e-9) return false;
    this.level += 1;
    return true;
  }
}

export interface QuotaCount {
  accepted: number;
  rejected: number;
  limit: number;
  firstAt: number;
  lastAt: number;
}

const userWindowsMax = 50_000;

/** Enforces quotas as Google documents them, and counts what each let through and refused. */
export class Quotas {
  private readonly minutes = new Map<string, SlidingMinute>();
  private readonly users = new Map<string, SlidingMinute>();
  private readonly secondBuckets = new Map<string, SecondBucket>();
  readonly counts = new Map<string, QuotaCount>();

  constructor(private readonly timeScale: number) {}

  perMinute(quota: string, key: string, amount: number, limit: number | null, perUser: boolean, status = 403): void {
    if (limit === null) return;
    const scaled = limit * this.timeScale;
    const windows = perUser ? this.users : this.minutes;
    const id = `${quota}:${key}`;
    let window = windows.get(id);
    if (window === undefined) {
      window = new SlidingMinute();
      if (perUser && windows.size >= userWindowsMax) this.evictIdle();
      windows.set(id, window);
    }
    const accepted = window.add(performance.now(), amount, scaled);
    this.count(quota, scaled, amount, accepted);
    if (accepted) return;
    throw new Refusal(status, 'rateLimitExceeded', `Quota exceeded for quota metric 'Queries' and limit '${quota}'`, {
      domain: 'usageLimits',
      quotaLimit: `${quota}${perUser ? 'PerUser' : 'PerProject'}`,
      quotaValue: scaled,
      shape2: true,
    });
  }

  perSecond(quota: string, key: string, limit: number | null, status: number, reason: string): void {
    if (limit === null) return;
    const scaled = limit * this.timeScale;
    const id = `${quota}:${key}`;
    let bucket = this.secondBuckets.get(id);
    if (bucket === undefined) {
      bucket = new SecondBucket();
      this.secondBuckets.set(id, bucket);
    }
    const accepted = bucket.add(performance.now(), scaled);
    this.count(quota, scaled, 1, accepted);
    if (!accepted)
      throw new Refusal(status, reason, 'Quota exceeded for the current request', { domain: 'usageLimits' });
  }

  private count(quota: string, limit: number, amount: number, accepted: boolean): void {
    let count = this.counts.get(quota);
    const now = performance.now();
    if (count === undefined) {
      count = { accepted: 0, rejected: 0, limit, firstAt: now, lastAt: now };
      this.counts.set(quota, count);
    }
    count.lastAt = now;
    if (accepted) count.accepted += amount;
    else count.rejected += 1;
  }

  private evictIdle(): void {
    const now = performance.now();
    for (const [key, window] of this.users) if (now - window.last > 61_000) this.users.delete(key);
  }
}
