import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { BatchHint } from '#libs/ledger';
import { runBatch, type WorkerProcess } from '#libs/migration';
import { logToken, type Log } from '#libs/platform';

export const workerProcessToken = Symbol('WorkerProcess');

/** At a drain, batches in progress get this long to bring their calls home. */
const drainMs = 20_000;

/** Runs the batches of all lanes of this process, and brings them to their end when it stops. */
@Injectable()
export class BatchRunner implements BeforeApplicationShutdown {
  private readonly drain = new AbortController();
  private readonly running = new Set<Promise<void>>();

  constructor(
    @Inject(workerProcessToken) private readonly worker: WorkerProcess,
    @Inject(logToken) private readonly log: Log,
  ) {}

  async run(hint: BatchHint): Promise<void> {
    if (this.drain.signal.aborted) return;
    const running = runBatch(this.worker, hint, this.drain.signal).catch((fault: unknown) => {
      // The lease ends by itself and the batch is offered again; its steps are then in doubt and read first.
      this.log.error('a batch broke off', { batchId: hint.batchId, lane: hint.lane }, fault);
    });
    this.running.add(running);
    await running;
    this.running.delete(running);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.drain.abort();
    const timer = new Promise<void>((resolve) => setTimeout(resolve, drainMs).unref());
    await Promise.race([Promise.all(this.running), timer]);
  }
}
