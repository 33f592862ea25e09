import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Ledger } from '#libs/ledger';
import { intake } from '#libs/feeds';
import { ledgerToken, logToken, type Log } from '#libs/platform';

/** Two, so that one source's company does not hold up another's handful of changes. */
const deliveriesAtOnce = 2;
/** How often a process looks for what others left over: a delivery of a process that died, or one that failed. */
const lookMs = 3_000;
/** A stop lets a delivery come to its end so long; after that it goes back to the ledger. */
const stopMs = 5_000;

/** Applies what was received, whoever received it: every API process takes the next delivery that is due. */
@Injectable()
export class IntakeLoop {
  private readonly working = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private readonly giveUp = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private wokenMeanwhile = false;

  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    @Inject(logToken) private readonly log: Log,
  ) {}

  get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  start(): void {
    this.timer = setInterval(() => this.wake(), lookMs);
    this.wake();
  }

  /** Something may be due. */
  wake(): void {
    if (this.isStopping) return;
    if (this.working.size >= deliveriesAtOnce) {
      // Those at work may have looked already.
      this.wokenMeanwhile = true;
      return;
    }
    const working = this.takeAll().finally(() => {
      this.working.delete(working);
      if (!this.wokenMeanwhile) return;
      this.wokenMeanwhile = false;
      this.wake();
    });
    this.working.add(working);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    clearInterval(this.timer);
    const all = Promise.all(this.working);
    const patience = new AbortController();
    await Promise.race([all, sleep(stopMs, undefined, { signal: patience.signal }).catch(() => undefined)]);
    patience.abort();
    this.giveUp.abort();
    await all;
  }

  private async takeAll(): Promise<void> {
    try {
      while (!this.isStopping && (await intake(this.ledger, this.giveUp.signal)));
    } catch (fault) {
      if (this.giveUp.signal.aborted) return;
      // The bytes are safe: the delivery is tried again.
      this.log.error('a delivery could not be applied', {}, fault);
    }
  }
}
