import type { Method } from './methods.js';

const freshMs = 60_000;
const refusalsMax = 5;

/**
 * Remembers whether a method lately worked for others: a refusal in the middle of successes concerns one account, one
 * that is followed by nothing but refusals concerns everyone.
 */
export class TrackRecord {
  private readonly records = new Map<Method, { succeededAt: number; refusedSince: number }>();

  succeeded(method: Method): void {
    const record = this.records.get(method);
    if (record === undefined) {
      this.records.set(method, { succeededAt: performance.now(), refusedSince: 0 });
      return;
    }
    record.succeededAt = performance.now();
    record.refusedSince = 0;
  }

  /** Notes a refusal; true when the method still seems to work for others. */
  refusedAlone(method: Method): boolean {
    const record = this.records.get(method);
    if (record === undefined) return false;
    record.refusedSince += 1;
    return record.refusedSince <= refusalsMax && performance.now() - record.succeededAt < freshMs;
  }
}
