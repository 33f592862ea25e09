const freshMs = 60_000;
const refusalsMax = 5;

/**
 * Remembers whether a call lately worked for others: a refusal in the middle of successes concerns one account, one that is
 * followed by nothing but refusals concerns everyone. A call is a method, and the admin as whom it is made: of two admins one
 * may lack a privilege.
 */
export class TrackRecord {
  private readonly records = new Map<string, { succeededAt: number; refusedSince: number }>();

  succeeded(call: string): void {
    const record = this.records.get(call);
    if (record === undefined) {
      this.records.set(call, { succeededAt: performance.now(), refusedSince: 0 });
      return;
    }
    record.succeededAt = performance.now();
    record.refusedSince = 0;
  }

  /** Notes a refusal; true when the call still seems to work for others. */
  refusedAlone(call: string): boolean {
    const record = this.records.get(call);
    if (record === undefined) return false;
    record.refusedSince += 1;
    return record.refusedSince <= refusalsMax && performance.now() - record.succeededAt < freshMs;
  }
}
