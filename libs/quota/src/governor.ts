import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type QuotaDocument } from './document.js';
import { horizonMs, paceOf, type Pace } from './pacing.js';

export type MethodName = string;

/** What the governor needs of a Redis client; ioredis has it, cluster and Sentinel included. */
export interface GovernorRedis {
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<unknown>;
  hgetall(key: string): Promise<Record<string, string>>;
  hset(key: string, fields: Record<string, string>): Promise<unknown>;
  hincrby(key: string, field: string, by: number): Promise<unknown>;
}

/** Keys are opaque, never addresses. */
export interface PermitRequest {
  readonly method: MethodName;
  /** Needs this migration's gate open. */
  readonly migrationId?: string | undefined;
  /** The permit names the least loaded of these. */
  readonly adminSubjects?: readonly string[] | undefined;
  readonly userKey?: string | undefined;
  readonly domain?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The right to make one call now. */
export interface Permit {
  readonly method: MethodName;
  readonly adminSubject?: string;
  /** On the clock of performance.now(): void after that. */
  readonly expiresAt: number;
  /** Quotas that it spends. */
  readonly buckets: readonly string[];
}

/** The migration's gate is closed (paused), or missing (Redis was flushed: the ledger must set it again). */
export class GateClosedError extends Error {
  constructor(readonly missing: boolean) {
    super(missing ? 'the migration’s gate is not set' : 'the migration’s gate is closed');
    this.name = 'GateClosedError';
  }
}

/** An enforced daily quota is used up. */
export class DailyQuotaError extends Error {
  constructor(method: MethodName) {
    super(`the daily quota of ${method} is used up`);
    this.name = 'DailyQuotaError';
  }
}

export interface QuotaUsage {
  readonly quota: string;
  readonly scope: string;
  readonly window: string;
  /** Amount in one window, scaled. */
  readonly limit: number;
  /** Spent over the last window. */
  readonly used: number;
  /** Refused by Google. */
  readonly rejected: number;
}

const stateSchema = z.object({
  slowed: z.record(z.string(), z.string()),
  rejected: z.record(z.string(), z.string()),
  day: z.string(),
  daily: z.record(z.string(), z.string()),
});

/** What was learnt and used, as kept in the ledger. */
export type GovernorState = z.infer<typeof stateSchema>;

/** A permit unused for this long is void. */
const permitLifeMs = 250;
const flushRequestsMax = 400;
const script = readFileSync(new URL('take-permits.lua', import.meta.url), 'utf8');
const answersSchema = z.array(z.array(z.coerce.number()));

interface Waiting {
  readonly request: PermitRequest;
  readonly resolve: (permit: Permit) => void;
  readonly reject: (reason: unknown) => void;
}

/** Requests that spend the same buckets: served in order, asked about together. */
interface Line {
  readonly encoded: string;
  readonly waiting: Waiting[];
  notBefore: number;
  asked: number;
}

/**
 * Gives permits, shared by all processes through Redis, for every quota that a call spends at once. All requests of a
 * moment go to one script call; a permit may be granted for a little later, so that nobody polls.
 */
export class QuotaGovernor {
  private readonly prefix: string;
  private readonly paces: ReadonlyMap<string, Pace>;
  private readonly lines = new Map<string, Line>();
  private timer: NodeJS.Timeout | undefined;
  private timerAt = Infinity;
  private flushing = false;
  private closed = false;

  constructor(private readonly options: { redis: GovernorRedis; quotas: QuotaDocument; prefix: string }) {
    this.prefix = `{${options.prefix}:governor}`;
    const { quotas } = options;
    this.paces = new Map(
      Object.entries(quotas.buckets).map(([name, bucket]) => [name, paceOf(bucket, quotas.timeScale)]),
    );
  }

  /**
   * Waits for the right to make one call. Rejects with GateClosedError, DailyQuotaError, or the signal's reason.
   */
  acquire(request: PermitRequest): Promise<Permit> {
    if (this.closed) return Promise.reject(new Error('the governor is closed'));
    if (request.signal?.aborted) return Promise.reject(abortReason(request.signal));
    const encoded = this.encode(request);
    return new Promise((resolve, reject) => {
      let line = this.lines.get(encoded);
      if (line === undefined) {
        line = { encoded, waiting: [], notBefore: 0, asked: 0 };
        this.lines.set(encoded, line);
      }
      const entry: Waiting = { request, resolve, reject };
      line.waiting.push(entry);
      request.signal?.addEventListener('abort', () => this.withdraw(encoded, entry), { once: true });
      this.wake(line.notBefore - performance.now());
    });
  }

  async openGate(migrationId: string): Promise<void> {
    await this.options.redis.set(this.gateKey(migrationId), 'open');
  }

  async closeGate(migrationId: string): Promise<void> {
    await this.options.redis.set(this.gateKey(migrationId), 'closed');
  }

  async isGateOpen(migrationId: string): Promise<boolean> {
    return (await this.options.redis.get(this.gateKey(migrationId))) === 'open';
  }

  /** Google refused: the quota that it names (else all that the call spent) slows down, and recovers by itself. */
  async reportThrottled(permit: Permit, hint: { quotaLimit?: string; retryAfterMs?: number } = {}): Promise<void> {
    const { redis, quotas } = this.options;
    const perUser = /per ?user/i.test(hint.quotaLimit ?? '');
    const shared = permit.buckets.filter((name) => (quotas.buckets[name]?.scope === 'user') === perUser);
    const slowed = shared.length > 0 ? shared : permit.buckets;
    const factors = await redis.hgetall(`${this.prefix}:slowed`);
    const now = Date.now();
    const changes: Record<string, string> = {};
    for (const name of slowed) {
      const since = now - Number(factors[`${name}@`] ?? 0);
      const factor = Math.min(1, Number(factors[name] ?? 1) + since / 20_000);
      changes[name] = String(Math.max(0.1, factor * 0.9));
      changes[`${name}@`] = String(now);
      await redis.hincrby(`${this.prefix}:rejected`, name, 1);
    }
    if (slowed.length > 0) await redis.hset(`${this.prefix}:slowed`, changes);
  }

  /** Use of every shared quota over its last window. */
  async usage(): Promise<QuotaUsage[]> {
    const { redis, quotas } = this.options;
    const slot = Math.floor(Date.now() / 10_000);
    const slots = await Promise.all(
      Array.from({ length: 6 }, (_, back) => redis.hgetall(`${this.prefix}:used:${slot - 1 - back}`)),
    );
    const rejected = await redis.hgetall(`${this.prefix}:rejected`);
    const daily = await redis.hgetall(`${this.prefix}:day:${pacificDay(new Date())}`);
    return Object.entries(quotas.buckets).flatMap(([quota, bucket]) => {
      if (bucket.limit === null) return [];
      const lastMinute = slots.reduce((sum, amounts) => sum + Number(amounts[quota] ?? 0), 0);
      const lastSlot = Number(slots[0]?.[quota] ?? 0);
      const used =
        bucket.window === 'day' ? Number(daily[quota] ?? 0) : bucket.window === 'minute' ? lastMinute : lastSlot / 10;
      return [
        {
          quota,
          scope: bucket.scope,
          window: bucket.window,
          limit: bucket.window === 'day' ? bucket.limit : bucket.limit * quotas.timeScale,
          used: Math.round(used * 10) / 10,
          rejected: Number(rejected[quota] ?? 0),
        },
      ];
    });
  }

  async exportState(): Promise<GovernorState> {
    const { redis } = this.options;
    const day = pacificDay(new Date());
    const [slowed, rejected, daily] = await Promise.all([
      redis.hgetall(`${this.prefix}:slowed`),
      redis.hgetall(`${this.prefix}:rejected`),
      redis.hgetall(`${this.prefix}:day:${day}`),
    ]);
    return { slowed, rejected, day, daily };
  }

  /** Puts back what Redis has lost; what it still has stays. */
  async importState(value: unknown): Promise<void> {
    const parsed = stateSchema.safeParse(value);
    if (!parsed.success) return;
    const { redis } = this.options;
    const { slowed, rejected, day, daily } = parsed.data;
    const fields = { slowed, rejected, [`day:${day}`]: daily };
    for (const [name, saved] of Object.entries(fields)) {
      const present = await redis.hgetall(`${this.prefix}:${name}`);
      const missing = Object.fromEntries(Object.entries(saved).filter(([field]) => present[field] === undefined));
      if (Object.keys(missing).length > 0) await redis.hset(`${this.prefix}:${name}`, missing);
    }
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    for (const line of this.lines.values()) {
      for (const { reject } of line.waiting) reject(new Error('the governor is closed'));
    }
    this.lines.clear();
  }

  private gateKey(migrationId: string): string {
    return `${this.prefix}:gate:${migrationId}`;
  }

  private encode(request: PermitRequest): string {
    const { quotas } = this.options;
    const costs = quotas.methods[request.method];
    if (costs === undefined) throw new Error(`config/quotas.yaml does not say what ${request.method} costs`);
    const buckets: unknown[] = [];
    let choices: unknown = null;
    for (const [name, cost] of Object.entries(costs)) {
      const bucket = quotas.buckets[name];
      const pace = this.paces.get(name);
      if (bucket === undefined || pace === undefined) continue;
      const costMs = cost * pace.unitMs;
      if (bucket.scope === 'adminSubject' && request.adminSubjects !== undefined) {
        const keys = request.adminSubjects.map((subject) => `${name}:${subject}`);
        choices = [keys, costMs, pace.aheadMs, name, cost];
        continue;
      }
      const dayLimit = bucket.window !== 'day' || bucket.limit === null ? 0 : bucket.enforced ? bucket.limit : -1;
      buckets.push([`${name}:${scopeKey(bucket.scope, request)}`, costMs, pace.aheadMs, name, cost, dayLimit]);
    }
    return JSON.stringify({ gate: request.migrationId ?? '', buckets, choices });
  }

  private withdraw(encoded: string, entry: Waiting): void {
    const line = this.lines.get(encoded);
    const index = line?.waiting.indexOf(entry) ?? -1;
    if (line === undefined || index < 0) return;
    line.waiting.splice(index, 1);
    if (line.waiting.length === 0) this.lines.delete(encoded);
    entry.reject(entry.request.signal === undefined ? undefined : abortReason(entry.request.signal));
  }

  private wake(delayMs: number): void {
    const at = performance.now() + Math.max(0, delayMs);
    if (at >= this.timerAt || this.closed) return;
    clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(
      () => {
        this.timerAt = Infinity;
        void this.flush();
      },
      Math.max(0, delayMs),
    );
  }

  private async flush(): Promise<void> {
    if (this.flushing || this.closed) return;
    this.flushing = true;
    try {
      const group = this.dueRequests();
      if (group.length > 0) this.answer(group, await this.ask(group));
    } catch (error) {
      // Redis is away: those who wait go on waiting, nothing leaves meanwhile.
      for (const line of this.lines.values()) line.notBefore = performance.now() + 500;
      if (this.closed) throw error;
    } finally {
      this.flushing = false;
      this.wakeForNext();
    }
  }

  private dueRequests(): { line: Line; entry: Waiting }[] {
    const now = performance.now();
    const group: { line: Line; entry: Waiting }[] = [];
    for (const line of this.lines.values()) {
      if (line.notBefore > now) continue;
      for (const entry of line.waiting.slice(0, 64)) group.push({ line, entry });
      if (group.length >= flushRequestsMax) break;
    }
    return group;
  }

  private async ask(group: readonly { line: Line }[]): Promise<number[][]> {
    const requests = group.map(({ line }) => line.encoded).join(',');
    const input = `{"horizon":${horizonMs},"day":"${pacificDay(new Date())}","requests":[${requests}]}`;
    return answersSchema.parse(await this.options.redis.eval(script, 1, this.prefix, input));
  }

  private answer(group: readonly { line: Line; entry: Waiting }[], answers: readonly number[][]): void {
    const now = performance.now();
    group.forEach(({ line, entry }, index) => {
      const [code = 1, amount = 0, choice = 0] = answers[index] ?? [];
      const { request } = entry;
      if (code === 1) {
        line.notBefore = Math.max(line.notBefore, now + Math.max(1, amount));
        return;
      }
      const at = line.waiting.indexOf(entry);
      if (at < 0) return;
      line.waiting.splice(at, 1);
      if (code === 0) this.grant(entry, now + amount, choice);
      else entry.reject(code === 4 ? new DailyQuotaError(request.method) : new GateClosedError(code === 2));
    });
    for (const { line } of group) if (line.waiting.length === 0) this.lines.delete(line.encoded);
  }

  private grant({ request, resolve }: Waiting, at: number, choice: number): void {
    const subject = request.adminSubjects?.[choice - 1];
    const permit: Permit = {
      method: request.method,
      ...(subject !== undefined && { adminSubject: subject }),
      expiresAt: at + permitLifeMs,
      buckets: Object.keys(this.options.quotas.methods[request.method] ?? {}),
    };
    const delayMs = at - performance.now();
    if (delayMs <= 1) resolve(permit);
    else setTimeout(() => resolve(permit), delayMs);
  }

  private wakeForNext(): void {
    let next = Infinity;
    for (const line of this.lines.values()) if (line.notBefore < next) next = line.notBefore;
    if (next < Infinity) this.wake(next - performance.now());
  }
}

function scopeKey(scope: string, request: PermitRequest): string {
  switch (scope) {
    case 'user':
      return request.userKey ?? '';
    case 'domain':
      return request.domain ?? '';
    case 'adminSubject':
      return request.adminSubjects?.[0] ?? '';
    default:
      return '';
  }
}

const abortReason = (signal: AbortSignal): unknown => signal.reason ?? new DOMException('aborted', 'AbortError');

const pacific = new Intl.DateTimeFormat('en-CA', { timeZone: 'America/Los_Angeles' });

/** Google's daily quotas turn at midnight Pacific time. */
function pacificDay(date: Date): string {
  return pacific.format(date);
}
