import { randomUUID } from 'node:crypto';
import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import {
  claimLook,
  leaveLooks,
  noteLook,
  readSourceSettings,
  sourcesWithServers,
  type DropPlaceName,
  type Ledger,
} from '#libs/ledger';
import { configToken, ledgerToken, logToken, Metrics, type Config, type Log } from '#libs/platform';
import { sourceNameSchema, type DropSettings, type SftpSettings } from '#libs/vocabulary';
import { sentenceOf } from './drop-faults.js';
import { FileTaker, type PlaceMemory } from './file-taker.js';
import { FolderPlace } from './folder-place.js';
import { Settling } from './left-files.js';
import { keyNamed } from './sftp-keys.js';
import { SftpPlace } from './sftp-place.js';
import { Troubles } from './troubles.js';

/**
 * Looks at the watched folder and at the sources' servers again and again. By a timer of our own: notifications of the file
 * system tell nothing about files that another machine writes over NFS, SFTP has none, and neither would replace looking.
 */
@Injectable()
export class DropLoop implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly process = randomUUID();
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>[] = [];
  private readonly remembered = new Map<string, PlaceMemory>();
  /** Sources whose server is being looked at: a slow one holds up no other. */
  private readonly visits = new Map<string, Promise<void>>();
  private hasVisited = false;
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
    if (folder !== undefined) this.running.push(this.repeat(() => this.lookAtFolder(folder)));
    this.running.push(this.repeat(() => this.lookAtServers()));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await Promise.all([...this.running, ...this.visits.values()]);
    if (this.hasVisited) await leaveLooks(this.ledger.db, this.process).catch(() => undefined);
  }

  private async repeat(look: () => Promise<void>): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await look();
      await sleep(this.config.drop.lookSeconds * 1_000, undefined, { signal }).catch(() => undefined);
    }
  }

  private async lookAtFolder(folder: string): Promise<void> {
    await this.attempt('folder', undefined, async () => {
      const root = await realpath(folder);
      for (const source of await sourcesIn(root)) {
        if (this.stopping.signal.aborted) return;
        await this.attempt('folder', source, async () => {
          const { drop } = await readSourceSettings(this.ledger.db, source);
          await this.look(source, new FolderPlace(join(root, source)), drop);
        });
      }
    });
  }

  private async lookAtServers(): Promise<void> {
    await this.attempt('sftp', undefined, async () => {
      for (const { name, settings } of await sourcesWithServers(this.ledger.db)) {
        if (settings.sftp === null || this.visits.has(name) || this.stopping.signal.aborted) continue;
        const visit = this.visit(name, settings.sftp, settings.drop).finally(() => this.visits.delete(name));
        this.visits.set(name, visit);
      }
    });
  }

  private async visit(source: string, sftp: SftpSettings, drop: DropSettings): Promise<void> {
    await this.attempt('sftp', source, async () => {
      const { everySeconds } = sftp;
      if (!(await claimLook(this.ledger.db, { source, place: 'sftp', process: this.process, everySeconds }))) return;
      this.hasVisited = true;
      const key = await keyNamed(sftp.key, this.config.drop.sftpKeys);
      await SftpPlace.visit(sftp, key, this.stopping.signal, (place) => this.look(source, place, drop));
    });
  }

  private async look(source: string, place: FolderPlace | SftpPlace, settings: DropSettings): Promise<void> {
    const memory = this.memoryOf(place.name, source);
    await this.taker.look({ source, place, settings, memory }, this.stopping.signal);
    this.looks.set({ place: place.name, source }, Date.now() / 1_000);
    const settled = memory.troubles.settle('place');
    const fault = memory.troubles.sentence() ?? memory.fileTroubles.sentence() ?? memory.refusals.sentence();
    await noteLook(this.ledger.db, { source, place: place.name, fault });
    if (!settled) return;
    this.log.info('files that are left can be looked for again', { source, place: place.name });
  }

  /** A place that cannot be looked at is told of once, and looked at again and again. */
  private async attempt(place: DropPlaceName, source: string | undefined, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.stopping.signal.aborted) return;
      const isNew = this.memoryOf(place, source ?? '').troubles.note('place', sentenceOf(error));
      if (isNew) this.log.error('files that are left cannot be looked for', { source, place }, error);
      if (source === undefined) return;
      await noteLook(this.ledger.db, { source, place, fault: sentenceOf(error) }).catch(() => undefined);
    }
  }

  private memoryOf(place: DropPlaceName, source: string): PlaceMemory {
    const name = `${place} ${source}`;
    const memory = this.remembered.get(name) ?? {
      settling: new Settling(),
      troubles: new Troubles(),
      fileTroubles: new Troubles(),
      refusals: new Troubles(),
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
