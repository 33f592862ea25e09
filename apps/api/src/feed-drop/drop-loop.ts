import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { readSourceSettings, type Ledger } from '#libs/ledger';
import { configToken, ledgerToken, logToken, Metrics, type Config, type Log } from '#libs/platform';
import { sourceNameSchema } from '#libs/vocabulary';
import { FileTaker, type PlaceMemory } from './file-taker.js';
import { FolderPlace } from './folder-place.js';
import { Settling } from './left-files.js';
import { Troubles } from './troubles.js';

/**
 * Looks at the watched folder again and again. By a timer of our own: notifications of the file system tell nothing about
 * files that another machine writes over NFS, and would not replace looking anyway.
 */
@Injectable()
export class DropLoop implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private readonly remembered = new Map<string, PlaceMemory>();
  private readonly looks;

  constructor(
    @Inject(configToken) private readonly config: Config,
    @Inject(ledgerToken) private readonly ledger: Ledger,
    @Inject(logToken) private readonly log: Log,
    private readonly taker: FileTaker,
    metrics: Metrics,
  ) {
    this.looks = metrics.gauge({
      name: 'bascule_drop_last_look_timestamp_seconds',
      help: 'When a source’s files were last looked for without a fault.',
      labels: ['place', 'source'],
    });
  }

  onApplicationBootstrap(): void {
    const { folder } = this.config.drop;
    if (folder !== undefined) this.running = this.watch(folder);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async watch(folder: string): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.attempt('folder', '', async () => {
        const root = await realpath(folder);
        for (const source of await sourcesIn(root)) {
          if (signal.aborted) return;
          await this.attempt('folder', source, () => this.look(root, source));
        }
      });
      await sleep(this.config.drop.lookSeconds * 1_000, undefined, { signal }).catch(() => undefined);
    }
  }

  private async look(root: string, source: string): Promise<void> {
    const place = new FolderPlace(join(root, source));
    const { drop: settings } = await readSourceSettings(this.ledger.db, source);
    await this.taker.look({ source, place, settings, memory: this.memoryOf(place.name, source) }, this.stopping.signal);
    this.looks.set({ place: place.name, source }, Date.now() / 1_000);
  }

  /** A place that cannot be looked at is told of once, and looked at again and again. */
  private async attempt(place: string, source: string, work: () => Promise<void>): Promise<void> {
    const { troubles } = this.memoryOf(place, source);
    try {
      await work();
      if (troubles.settle('place')) this.log.info('files that are left can be looked for again', { source, place });
    } catch (error) {
      if (troubles.note('place')) this.log.error('files that are left cannot be looked for', { source, place }, error);
    }
  }

  private memoryOf(place: string, source: string): PlaceMemory {
    const name = `${place} ${source}`;
    const memory = this.remembered.get(name) ?? {
      settling: new Settling(),
      troubles: new Troubles(),
      fileTroubles: new Troubles(),
    };
    this.remembered.set(name, memory);
    return memory;
  }
}

/** A folder whose name is a source's. */
async function sourcesIn(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && sourceNameSchema.safeParse(entry.name).success)
    .map(({ name }) => name)
    .sort();
}
