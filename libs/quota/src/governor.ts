import { z } from 'zod';
import { blamed, learntLimit, type QuotaHint } from './blame.js';
import { Costs, type EncodedRequest, type PermitRequest, type SpentBucket } from './costs.js';
import type { QuotaDocument } from './document.js';
import { pacificDay } from './pacific-day.js';
import { horizonMs } from './pacing.js';
import { GovernorScript, type GovernorRedis } from './scripts.js';
import { readState, restoreState, type GovernorState } from './state.js';
import { readUsage, type QuotaUsage } from './usage.js';

/** The right to make one call now. */
export interface Permit {
  readonly method: string;
  readonly adminSubject?: string;
  /** On the clock of performance.now(): void after that. */
  readonly expiresAt: number;
  readonly spent: readonly SpentBucket[];
}

/** The migration's gate is closed (paused), or missing (Redis was flushed: the ledger must set it again). */
export class GateClosedError extends Error {
  constructor(readonly missing: boolean) {
    super(missing ? 'the migration’s gate is not set' : 'the migration’s gate is closed');
    this.name = 'GateClosedError';
  }
}

/** A daily quota is used up, by our own count or by Google's word. */
export class DailyQuotaError extends Error {
  constructor(method: string) {
    super(`the daily quota of ${method} is used up`);
    this.name = 'DailyQuotaError';
  }
}

export interface GovernorOptions {
  readonly redis: GovernorRedis;
  readonly quotas: QuotaDocument;
  readonly prefix: string;
  /** How many admin subjects share the work; 1 when left out. */
  readonly adminSubjects?: number;
  /** Google named another limit than the document: in the document's amounts, without time scale. */
  readonly onLearnt?: ((learnt: { quota: string; limit: number; configured: number }) => void) | undefined;
  /** Redis is away or refuses: nobody gets a permit meanwhile. */
  readonly onFault?: ((fault: unknown) => void) | undefined;
}

const gateSeconds = 604_800;
const flushRequestsMax = 400;
const lineRequestsMax = 64;
const retryMs = 500;
const takePermits = new GovernorScript('take-permits.lua');
const noteRefusal = new GovernorScript('note-refusal.lua');
const answersSchema = z.array(z.array(z.coerce.number()));

class Waiter {
  settled = false;

  constructor(
    readonly request: PermitRequest,
    readonly encoded: EncodedRequest,
    private readonly settle: { resolve: (permit: Permit) => void; reject: (reason: unknown) => void },
  ) {
    request.signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  readonly onAbort = () =>
    this.reject(this.request.signal === undefined ? undefined : abortReason(this.request.signal));

  resolve(permit: Permit): void {
    if (this.end()) this.settle.resolve(permit);
  }

  reject(reason: unknown): void {
    if (this.end()) this.settle.reject(reason);
  }

  private end(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.request.signal?.removeEventListener('abort', this.onAbort);
    return true;
  }
}

/** Requests that spend the same buckets: served in order, asked about together. */
interface Line {
  readonly text: string;
  waiting: Waiter[];
  notBefore: number;
}

/** A permit given for a little later than now. */
interface Granted {
  readonly waiter: Waiter;
  readonly permit: Permit;
  readonly at: number;
}

/**
 * Gives permits, shared by all processes through Redis, for every quota that a call spends at once. All requests of a
 * moment go to one script call; a permit may be given for a little later, so that nobody polls.
 */
export class QuotaGovernor {
  private readonly prefix: string;
  private readonly costs: Costs;
  private readonly limits: string;
  private readonly lines = new Map<string, Line>();
  private granted: Granted[] = [];
  private readonly asking = new Alarm(() => this.flush());
  private readonly delivering = new Alarm(() => this.deliver());
  private flushing = false;
  private closed = false;

  constructor(private readonly options: GovernorOptions) {
    this.prefix = `{${options.prefix}:governor}`;
    this.costs = new Costs(options.quotas);
    this.limits = JSON.stringify(this.costs.limits());
  }

  /** Waits for the right to make one call. Rejects with GateClosedError, DailyQuotaError, or the signal's reason. */
  acquire(request: PermitRequest): Promise<Permit> {
    if (this.closed) return Promise.reject(new Error('the governor is closed'));
    if (request.signal?.aborted) return Promise.reject(abortReason(request.signal));
    const encoded = this.costs.encode(request);
    return new Promise((resolve, reject) => this.enqueue(new Waiter(request, encoded, { resolve, reject })));
  }

  /** Gates lie in Redis for a week: whoever misses one asks the ledger. */
  async openGate(migrationId: string): Promise<void> {
    await this.options.redis.set(this.gateKey(migrationId), 'open', 'EX', gateSeconds);
  }

  async closeGate(migrationId: string): Promise<void> {
    await this.options.redis.set(this.gateKey(migrationId), 'closed', 'EX', gateSeconds);
  }

  async isGateOpen(migrationId: string): Promise<boolean> {
    return (await this.options.redis.get(this.gateKey(migrationId))) === 'open';
  }

  /**
   * Google refused a call for a quota: the quota that it names (else all that the call spent together with others) slows
   * down and recovers by itself, a named limit lower than the configured one is kept to, a day is over, a time to try again
   * is waited for. By all processes.
   */
  async reportThrottled(permit: Permit, hint: QuotaHint = {}): Promise<void> {
    const { redis, quotas, onLearnt } = this.options;
    const concerned = blamed(permit.spent, quotas, hint);
    const learnt = learntLimit(concerned, quotas, hint);
    const input = {
      day: pacificDay(new Date()),
      daily: hint.daily === true,
      retryAfterMs: hint.retryAfterMs ?? 0,
      blamed: concerned.map(({ quota, key }) => {
        const bucket = quotas.buckets[quota];
        const single = bucket !== undefined && this.costs.isSingle(bucket);
        // One person's bucket says nothing of others': only its own waiting, if Google asks for it.
        return [key, quota, this.costs.aheadMs(quota), single ? 0 : 1, single || hint.daily === true ? 0 : 1];
      }),
      learnt: learnt === undefined ? null : [learnt.quota, learnt.limit],
    };
    if (learnt !== undefined && Math.abs(learnt.limit / learnt.configured - 1) > 0.001) onLearnt?.(learnt);
    await noteRefusal.run(redis, this.prefix, JSON.stringify(input));
  }

  /** Use of every quota over its last window. */
  async usage(): Promise<QuotaUsage[]> {
    const holders = Math.max(1, this.options.adminSubjects ?? 1);
    const usage = await readUsage(this.options.redis, this.prefix, this.options.quotas);
    // Each admin subject has the quota for itself, and what is used is used of all.
    return usage.map((one) => (one.scope === 'adminSubject' ? { ...one, limit: one.limit * holders } : one));
  }

  /** What the ledger is to keep. Undefined when Redis has lost something: importState comes first. */
  exportState(): Promise<GovernorState | undefined> {
    return readState(this.options.redis, this.prefix);
  }

  /** Puts back what Redis has lost, once however many try; true when something was put back. */
  importState(value: unknown): Promise<boolean> {
    return restoreState(this.options.redis, this.prefix, value);
  }

  close(): void {
    this.closed = true;
    this.asking.stop();
    this.delivering.stop();
    const waiters = [...this.lines.values()].flatMap(({ waiting }) => waiting);
    for (const waiter of [...waiters, ...this.granted.map((granted) => granted.waiter)]) {
      waiter.reject(new Error('the governor is closed'));
    }
    this.lines.clear();
    this.granted = [];
  }

  private gateKey(migrationId: string): string {
    return `${this.prefix}:gate:${migrationId}`;
  }

  private enqueue(waiter: Waiter): void {
    const { text } = waiter.encoded;
    let line = this.lines.get(text);
    if (line === undefined) {
      line = { text, waiting: [], notBefore: 0 };
      this.lines.set(text, line);
    }
    line.waiting.push(waiter);
    this.asking.ring(line.notBefore);
  }

  private async flush(): Promise<void> {
    if (this.flushing || this.closed) return;
    this.flushing = true;
    try {
      const group = this.dueRequests();
      if (group.length > 0) this.answer(group, await this.ask(group));
    } catch (fault) {
      // Redis is away: those who wait go on waiting, nothing leaves meanwhile.
      const later = performance.now() + retryMs;
      for (const line of this.lines.values()) line.notBefore = later;
      this.options.onFault?.(fault);
    } finally {
      this.flushing = false;
      for (const line of this.lines.values()) this.asking.ring(line.notBefore);
    }
  }

  private dueRequests(): { line: Line; waiter: Waiter }[] {
    const now = performance.now();
    const group: { line: Line; waiter: Waiter }[] = [];
    for (const line of this.lines.values()) {
      line.waiting = line.waiting.filter(({ settled }) => !settled);
      if (line.waiting.length === 0) this.lines.delete(line.text);
      if (line.notBefore > now) continue;
      for (const waiter of line.waiting.slice(0, lineRequestsMax)) group.push({ line, waiter });
      if (group.length >= flushRequestsMax) break;
    }
    return group;
  }

  private async ask(group: readonly { line: Line }[]): Promise<number[][]> {
    const requests = group.map(({ line }) => line.text).join(',');
    const day = pacificDay(new Date());
    const input = `{"horizon":${horizonMs},"day":"${day}","limits":${this.limits},"requests":[${requests}]}`;
    return answersSchema.parse(await takePermits.run(this.options.redis, this.prefix, input));
  }

  private answer(group: readonly { line: Line; waiter: Waiter }[], answers: readonly number[][]): void {
    const now = performance.now();
    const answered = new Set<Waiter>();
    group.forEach(({ line, waiter }, index) => {
      const [code = 1, amount = 0, choice = 0] = answers[index] ?? [];
      if (code === 1) {
        line.notBefore = Math.max(line.notBefore, now + Math.max(1, amount));
        return;
      }
      answered.add(waiter);
      if (code === 0) this.grant(waiter, now + amount, choice);
      else waiter.reject(code === 4 ? new DailyQuotaError(waiter.request.method) : new GateClosedError(code === 2));
    });
    for (const { line } of group) {
      line.waiting = line.waiting.filter((waiter) => !answered.has(waiter));
      if (line.waiting.length === 0) this.lines.delete(line.text);
    }
  }

  private grant(waiter: Waiter, at: number, choice: number): void {
    const { request, encoded } = waiter;
    const subject = request.adminSubjects?.[choice - 1];
    const permit: Permit = {
      method: request.method,
      ...(subject !== undefined && { adminSubject: subject }),
      expiresAt: at + encoded.lifeMs,
      spent: encoded.spent(choice),
    };
    if (at <= performance.now() + 1) {
      waiter.resolve(permit);
      return;
    }
    this.granted.push({ waiter, permit, at });
    this.delivering.ring(at);
  }

  /** Hands out the permits whose time has come, unless the gate was closed since they were given. */
  private async deliver(): Promise<void> {
    const now = performance.now() + 1;
    const due = this.granted.filter(({ at }) => at <= now);
    this.granted = this.granted.filter(({ at }) => at > now);
    for (const { at } of this.granted) this.delivering.ring(at);
    const gates = new Map<string, string | null>();
    try {
      const ids = new Set(due.flatMap(({ waiter }) => waiter.request.migrationId ?? []));
      const read = async (id: string) => gates.set(id, await this.options.redis.get(this.gateKey(id)));
      await Promise.all([...ids].map(read));
    } catch (fault) {
      this.options.onFault?.(fault);
      // Whether the gate is open cannot be told: those who need one line up again.
      for (const { waiter } of due) {
        const { migrationId } = waiter.request;
        if (migrationId !== undefined && !gates.has(migrationId)) this.enqueue(waiter);
      }
    }
    for (const { waiter, permit } of due) {
      const { migrationId } = waiter.request;
      const gate = migrationId === undefined ? 'open' : gates.get(migrationId);
      if (gate === 'open') waiter.resolve(permit);
      else if (gate !== undefined) waiter.reject(new GateClosedError(gate === null));
    }
  }
}

/** One timer for the earliest of many times, on the clock of performance.now(). */
class Alarm {
  private timer: NodeJS.Timeout | undefined;
  private at = Infinity;
  private stopped = false;

  constructor(private readonly action: () => Promise<void>) {}

  ring(at: number): void {
    if (at >= this.at || this.stopped) return;
    clearTimeout(this.timer);
    this.at = at;
    this.timer = setTimeout(
      () => {
        this.at = Infinity;
        void this.action();
      },
      Math.max(0, at - performance.now()),
    );
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }
}

const abortReason = (signal: AbortSignal): unknown => signal.reason ?? new DOMException('aborted', 'AbortError');
