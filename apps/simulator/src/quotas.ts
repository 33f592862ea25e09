import type { Api } from './documents.js';
import { ByKey, SecondBucket, SlidingWindow } from './judge.js';
import { projectNumber, Refusal } from './refusal.js';

const slotSeconds = 10;
const slotsMax = 4_320;
const minuteMs = 60_000;

interface Slot {
  /** Seconds since this quota's first call. */
  readonly from: number;
  accepted: number;
  rejected: number;
}

export interface QuotaCount {
  /** In calls or units. */
  accepted: number;
  /** In calls. */
  rejected: number;
  limit: number;
  readonly window: 'second' | 'minute';
  /** Whether each user has one of its own, or the project, domain or customer. */
  readonly perUser: boolean;
  /** How many separate windows were in use of late. */
  windows: number;
  readonly firstAt: number;
  lastAt: number;
  /** Slots of ten seconds, the newest twelve hours: use in steady state is read from those in the middle. */
  readonly slots: Slot[];
}

interface MinuteCharge {
  readonly quota: string;
  readonly api: Api;
  readonly key: string;
  readonly amount: number;
  readonly limit: number | null;
  readonly perUser: boolean;
}

/** Enforces quotas as Google documents them, and counts what each let through and refused. */
export class Quotas {
  private readonly minutes = new Map<string, ByKey<SlidingWindow>>();
  private readonly seconds = new Map<string, ByKey<SecondBucket | SlidingWindow>>();
  private readonly underWay = new Map<string, number>();
  readonly counts = new Map<string, QuotaCount>();
  /** Limits of calls under way at once: how many calls found a place, and how many did not. */
  readonly inFlight = new Map<string, { accepted: number; rejected: number; limit: number }>();

  constructor(
    private readonly timeScale: number,
    private readonly strict: boolean,
  ) {}

  perMinute({ quota, api, key, amount, limit, perUser }: MinuteCharge): void {
    if (limit === null) return;
    const scaled = limit * this.timeScale;
    const now = performance.now();
    let windows = this.minutes.get(quota);
    if (windows === undefined) {
      windows = new ByKey(minuteMs + 1_000, () => new SlidingWindow(minuteMs));
      this.minutes.set(quota, windows);
    }
    const accepted = windows.get(key, now).add(now, amount, scaled);
    const count = this.countOf(quota, scaled, 'minute', perUser, now);
    count.windows = windows.size;
    tally(count, amount, accepted, now);
    if (accepted) return;
    const whose = perUser ? 'per user' : 'per project';
    throw new Refusal(
      403,
      'rateLimitExceeded',
      `Quota exceeded for quota metric 'Queries' and limit 'Queries per minute ${whose}' of service '${api.service}' for consumer 'project_number:${projectNumber}'.`,
      {
        domain: 'usageLimits',
        quotaLimit: perUser ? 'defaultPerMinutePerUser' : 'defaultPerMinutePerProject',
        quotaValue: scaled,
        service: api.service,
      },
    );
  }

  /** Without details, as the Directory API's own limits answer. */
  perSecond(quota: string, key: string, limit: number | null, status: number, reason: string): void {
    if (limit === null) return;
    const scaled = limit * this.timeScale;
    const now = performance.now();
    let buckets = this.seconds.get(quota);
    if (buckets === undefined) {
      const make = () => (this.strict ? new SlidingWindow(1_000) : new SecondBucket());
      this.seconds.set(quota, (buckets = new ByKey(minuteMs, make)));
    }
    const accepted = buckets.get(key, now).add(now, 1, scaled);
    const count = this.countOf(quota, scaled, 'second', false, now);
    count.windows = buckets.size;
    tally(count, 1, accepted, now);
    if (!accepted) {
      throw new Refusal(status, reason, 'Quota exceeded for the current request', { domain: 'usageLimits' });
    }
  }

  /** Takes a place among the calls under way, or refuses; give it back with `leave`. */
  enter(quota: string, key: string, limit: number | null, words: string): void {
    if (limit === null) return;
    const id = `${quota}:${key}`;
    const present = this.underWay.get(id) ?? 0;
    const accepted = present < limit;
    const count = this.inFlight.get(quota) ?? { accepted: 0, rejected: 0, limit };
    this.inFlight.set(quota, count);
    if (accepted) count.accepted += 1;
    else count.rejected += 1;
    if (!accepted) throw new Refusal(429, 'rateLimitExceeded', words, { domain: 'usageLimits' });
    this.underWay.set(id, present + 1);
  }

  leave(quota: string, key: string): void {
    const id = `${quota}:${key}`;
    const present = this.underWay.get(id) ?? 0;
    if (present > 1) this.underWay.set(id, present - 1);
    else this.underWay.delete(id);
  }

  private countOf(
    quota: string,
    limit: number,
    window: QuotaCount['window'],
    perUser: boolean,
    now: number,
  ): QuotaCount {
    let count = this.counts.get(quota);
    if (count === undefined) {
      count = {
        accepted: 0,
        rejected: 0,
        limit,
        window,
        perUser,
        windows: 1,
        firstAt: now,
        lastAt: now,
        slots: [],
      };
      this.counts.set(quota, count);
    }
    return count;
  }
}

function tally(count: QuotaCount, amount: number, accepted: boolean, now: number): void {
  count.lastAt = now;
  const from = Math.floor((now - count.firstAt) / 1_000 / slotSeconds) * slotSeconds;
  let slot = count.slots.at(-1);
  if (slot?.from !== from) {
    slot = { from, accepted: 0, rejected: 0 };
    count.slots.push(slot);
    if (count.slots.length > slotsMax) count.slots.shift();
  }
  if (accepted) {
    count.accepted += amount;
    slot.accepted += amount;
  } else {
    count.rejected += 1;
    slot.rejected += 1;
  }
}
