import type { MigrationId, ProgressDocument } from '#libs/vocabulary';

const pollMs = 1_000;

type Listener = (document: ProgressDocument) => void;

interface Watch {
  readonly listeners: Set<Listener>;
  readonly timer: NodeJS.Timeout;
  reading: boolean;
  /** The document as last told, and its text without the moment of reading. */
  last: { document: ProgressDocument; text: string } | undefined;
}

/**
 * Live progress for any number of listeners: one reader a migration and process, whoever listens; it stops with the last
 * listener. Only changes are told, and a slow listener misses states, never gets them late.
 */
export class ProgressStream {
  private readonly watched = new Map<MigrationId, Watch>();

  constructor(
    private readonly read: (id: MigrationId) => Promise<ProgressDocument | undefined>,
    private readonly onFault: (fault: unknown) => void,
  ) {}

  /**
   * Calls `listener` with the document as it stands, and then at each change; the function returned ends it. `lastSeen`
   * is the `asOf` of a document that the listener has already: it is not told again.
   */
  listen(id: MigrationId, listener: Listener, lastSeen?: string): () => void {
    let watch = this.watched.get(id);
    if (watch === undefined) {
      const timer = setInterval(() => void this.look(id), pollMs);
      watch = { listeners: new Set(), timer, reading: false, last: undefined };
      this.watched.set(id, watch);
      void this.look(id);
    }
    watch.listeners.add(listener);
    // Whoever comes later costs no query: what was read within the last second stands.
    if (watch.last !== undefined && watch.last.document.asOf !== lastSeen) listener(watch.last.document);
    return () => this.leave(id, listener);
  }

  close(): void {
    for (const { timer } of this.watched.values()) clearInterval(timer);
    this.watched.clear();
  }

  private leave(id: MigrationId, listener: Listener): void {
    const watch = this.watched.get(id);
    watch?.listeners.delete(listener);
    if (watch === undefined || watch.listeners.size > 0) return;
    clearInterval(watch.timer);
    this.watched.delete(id);
  }

  private async look(id: MigrationId): Promise<void> {
    const watch = this.watched.get(id);
    if (watch === undefined || watch.reading) return;
    watch.reading = true;
    try {
      const document = await this.read(id);
      if (document === undefined) return;
      const { asOf: _asOf, ...rest } = document;
      const text = JSON.stringify(rest);
      if (text === watch.last?.text) return;
      watch.last = { document, text };
      for (const listener of watch.listeners) listener(document);
    } catch (fault) {
      this.onFault(fault);
    } finally {
      watch.reading = false;
    }
  }
}
