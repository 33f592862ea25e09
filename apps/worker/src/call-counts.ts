/** Google calls of this process by migration and method, until they are written to the ledger. */
export class CallCounts {
  private counts = new Map<string, Map<string, number>>();

  add(migrationId: string, method: string): void {
    const counts = this.counts.get(migrationId) ?? new Map<string, number>();
    counts.set(method, (counts.get(method) ?? 0) + 1);
    this.counts.set(migrationId, counts);
  }

  take(): ReadonlyMap<string, ReadonlyMap<string, number>> {
    const taken = this.counts;
    this.counts = new Map();
    return taken;
  }
}
