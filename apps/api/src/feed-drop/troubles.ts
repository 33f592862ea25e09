/** What failed is tried again after so long. */
const retryMs = 300_000;

/** What failed at one place, so that it is neither tried nor told at each look. */
export class Troubles {
  private readonly failedAt = new Map<string, number>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Not tried yet, or long ago. */
  isDue(what: string): boolean {
    const at = this.failedAt.get(what);
    return at === undefined || this.now() - at >= retryMs;
  }

  /** It failed; says whether that is news. */
  note(what: string): boolean {
    const isNew = !this.failedAt.has(what);
    this.failedAt.set(what, this.now());
    return isNew;
  }

  /** It went well; says whether it had failed before. */
  settle(what: string): boolean {
    return this.failedAt.delete(what);
  }

  /** Forgets what does not exist any more. */
  keepOnly(existing: readonly string[]): void {
    const names = new Set(existing);
    for (const what of this.failedAt.keys()) if (!names.has(what)) this.failedAt.delete(what);
  }
}
