import type { Ledger } from '#libs/ledger';
import type { MigrationId, ProgressDocument } from '#libs/vocabulary';
import { readProgress } from './document.js';

const pollMs = 1_000;

type Listener = (document: ProgressDocument) => void;

/**
 * Live progress for any number of listeners: one reader a migration and process, whoever listens; it stops with the last
 * listener. Only changes are told, and a slow listener misses states, never gets them late.
 */
export class ProgressStream {
  private readonly watched = new Map<MigrationId, { listeners: Set<Listener>; timer: NodeJS.Timeout; last: string }>();

  constructor(
    private readonly ledger: Ledger,
    private readonly onFault: (fault: unknown) => void,
  ) {}

  /** Calls `listener` now and at each change; the function returned ends it. */
  listen(id: MigrationId, listener: Listener): () => void {
    let watch = this.watched.get(id);
    if (watch === undefined) {
      watch = { listeners: new Set(), timer: setInterval(() => void this.read(id), pollMs), last: '' };
      this.watched.set(id, watch);
    }
    watch.listeners.add(listener);
    watch.last = '';
    void this.read(id);
    return () => {
      const still = this.watched.get(id);
      if (still === undefined) return;
      still.listeners.delete(listener);
      if (still.listeners.size > 0) return;
      clearInterval(still.timer);
      this.watched.delete(id);
    };
  }

  close(): void {
    for (const { timer } of this.watched.values()) clearInterval(timer);
    this.watched.clear();
  }

  private async read(id: MigrationId): Promise<void> {
    try {
      const document = await readProgress(this.ledger, id);
      const watch = this.watched.get(id);
      if (document === undefined || watch === undefined) return;
      const { asOf: _asOf, ...rest } = document;
      const text = JSON.stringify(rest);
      if (text === watch.last) return;
      watch.last = text;
      for (const listener of watch.listeners) listener(document);
    } catch (fault) {
      this.onFault(fault);
    }
  }
}
