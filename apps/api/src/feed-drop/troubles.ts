/** What failed is tried again after so long. */
const retryMs = 300_000;

/** What failed at one place, so that it is neither tried nor told at each look. */
export class Troubles {
  private readonly failures = new Map<string, { at: number; sentence: string }>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Not tried yet, or long ago. */
  isDue(what: string): boolean {
    const failure = this.failures.get(what);
    return failure === undefined || this.now() - failure.at >= retryMs;
  }

  /** It failed; says whether that is news. */
  note(what: string, sentence: string): boolean {
    const isNew = !this.failures.has(what);
    this.failures.set(what, { at: this.now(), sentence });
    return isNew;
  }

  /** It went well; says whether it had failed before. */
  settle(what: string): boolean {
    return this.failures.delete(what);
  }

  /** Forgets what does not exist any more. */
  keepOnly(existing: readonly string[]): void {
    const names = new Set(existing);
    for (const what of this.failures.keys()) if (!names.has(what)) this.failures.delete(what);
  }

  /** What is to be said of the oldest failure; null when there is none. */
  sentence(): string | null {
    const [oldest] = this.failures.values();
    return oldest?.sentence ?? null;
  }
}
