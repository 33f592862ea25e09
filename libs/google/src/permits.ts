import { DailyQuotaError, type Permit, type PermitRequest, type QuotaHint } from '#libs/quota';
import { GoogleCallError } from './errors.js';
import type { Method } from './methods.js';

export type { Permit, QuotaHint };

/** The part of the quota governor that this library needs. */
export interface QuotaPermits {
  acquire(request: PermitRequest): Promise<Permit>;
  reportThrottled(permit: Permit, hint: QuotaHint): Promise<void>;
}

/** Permits for the calls of this library: an exhausted day is told in the words of a refusal. */
export class Permits {
  constructor(private readonly governor: QuotaPermits) {}

  /** @throws GateClosedError, untouched; the signal's reason; GoogleCallError `daily_quota_used_up`. */
  async acquire(request: PermitRequest & { readonly method: Method }): Promise<Permit> {
    try {
      return await this.governor.acquire(request);
    } catch (error) {
      if (!(error instanceof DailyQuotaError)) throw error;
      throw new GoogleCallError({ method: request.method, reason: 'daily_quota_used_up', effect: 'none' });
    }
  }

  reportThrottled(permit: Permit, hint: QuotaHint): void {
    // Best effort: a report that is lost is made again by the next refusal, and must not hide this one.
    this.governor.reportThrottled(permit, hint).catch(() => undefined);
  }
}
