import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import {
  activeMigrations,
  addCalls,
  addRateSample,
  deregisterProcess,
  findCanary,
  heartbeat,
  readGovernorState,
  saveGovernorState,
  type Ledger,
} from '#libs/ledger';
import { dayAtWork } from '#libs/blueprint';
import { BullLanes, Dispatcher, Standing, type WorkerProcess } from '#libs/migration';
import { configToken, ledgerToken, logToken, quotasToken, type Config, type Log } from '#libs/platform';
import { QuotaGovernor, type QuotaDocument } from '#libs/quota';
import { migrationIdSchema } from '#libs/vocabulary';
import { workerProcessToken } from './batch-runner.js';
import { CallCounts } from './call-counts.js';

const heartbeatMs = 2_000;
const callsMs = 1_000;
const samplesMs = 5_000;
const standingMs = 1_000;

/** What a worker process does besides its lanes: timers of the process, so that no flush of Redis can stop them. */
@Injectable()
export class Ticks implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** Worker processes alive, this one included. */
  alive = 1;
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly dispatcher: Dispatcher;
  private readonly standing: Standing;
  private hasCanary = false;

  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    @Inject(logToken) private readonly log: Log,
    @Inject(workerProcessToken) private readonly worker: WorkerProcess,
    private readonly governor: QuotaGovernor,
    lanes: BullLanes,
    private readonly calls: CallCounts,
    @Inject(configToken) config: Config,
    @Inject(quotasToken) quotas: QuotaDocument,
  ) {
    this.dispatcher = new Dispatcher({
      ledger,
      governor,
      lanes,
      callTimeoutMs: worker.callTimeoutMs,
      timeScale: worker.timeScale,
      workers: () => this.alive,
      onFault: (fault) => log.warn('a dispatcher’s tick failed; the next one tries again', {}, fault),
    });
    this.standing = new Standing({
      ledger,
      workspace: worker.workspace,
      quotas,
      adminSubjects: config.google.admins.length,
      timeScale: worker.timeScale,
      now: () => new Date(),
      dayOf: (record) => dayAtWork(record, new Date()),
      onFault: (fault) => log.warn('a round of a standing migration is put off; the next tick tries again', {}, fault),
    });
  }

  onApplicationBootstrap(): void {
    this.dispatcher.start();
    this.every(heartbeatMs, () => this.beat());
    this.every(callsMs, () => this.saveCalls());
    this.every(samplesMs, () => this.sample());
    this.every(standingMs, () => this.look());
  }

  async beforeApplicationShutdown(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await this.dispatcher.stop();
    await this.saveCalls();
    await deregisterProcess(this.ledger.db, this.worker.name);
  }

  private every(ms: number, action: () => Promise<void>): void {
    let busy = false;
    this.timers.push(
      setInterval(() => {
        if (busy) return;
        busy = true;
        action()
          .catch((fault: unknown) => this.log.warn('a tick failed; the next one tries again', {}, fault))
          .finally(() => {
            busy = false;
          });
      }, ms),
    );
  }

  private async beat(): Promise<void> {
    this.alive = await heartbeat(this.ledger.db, this.worker.name, this.worker.slot);
    if (this.hasCanary) return;
    const canary = await findCanary(this.ledger.db);
    if (canary === undefined) return;
    this.worker.workspace.setCanary(canary);
    this.hasCanary = true;
  }

  private async saveCalls(): Promise<void> {
    for (const [migrationId, counts] of this.calls.take()) {
      await addCalls(this.ledger.db, migrationIdSchema.parse(migrationId), this.worker.slot, counts);
    }
  }

  /** The dispatcher's lock saves every other process the work; two at once would be harmless. */
  private async look(): Promise<void> {
    if (this.dispatcher.isActive) await this.standing.tick();
  }

  private async sample(): Promise<void> {
    if (!this.dispatcher.isActive) return;
    const usage = await this.governor.usage();
    for (const { id } of await activeMigrations(this.ledger.db)) await addRateSample(this.ledger.db, id, usage);
    // After a flush of Redis the ledger's copy comes first: an empty one must not replace it.
    await this.governor.importState(await readGovernorState(this.ledger.db));
    const state = await this.governor.exportState();
    if (state !== undefined) await saveGovernorState(this.ledger.db, state);
  }
}
