import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { forgetMessages, noteFinished, readWebhookFigures, type Ledger, type WebhookFigures } from '#libs/ledger';
import { configToken, ledgerToken, logToken, Metrics, type Config, type Log } from '#libs/platform';
import { WebhookSender } from '#libs/webhooks';

/** How often a process looks for what is due. */
const lookMs = 2_000;
/** Workers that are finished within so long are told together. */
const gatherMs = 5_000;
const tidyMs = 3_600_000;
const stopMs = 3_000;
const kept = { sentDays: 7, deadDays: 90 } as const;

/** Sends what is due and tells which workers were finished: every API process does, and none does another's work. */
@Injectable()
export class WebhookLoop implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly sender: WebhookSender;
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly working = new Set<Promise<void>>();
  private isStopping = false;
  private figures: { at: number; value: Promise<WebhookFigures> } | undefined;

  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    @Inject(configToken) config: Config,
    @Inject(logToken) private readonly log: Log,
    metrics: Metrics,
  ) {
    const attempts = metrics.counter({
      name: 'bascule_webhook_attempts_total',
      help: 'Tries to send a webhook’s message, by what came of them, of this process.',
      labels: ['end'],
    });
    this.sender = new WebhookSender(ledger, {
      rule: config.webhookTargets,
      onAttempt: ({ end: { state } }) => attempts.inc({ end: state }),
    });
    this.defineFigures(metrics);
  }

  onApplicationBootstrap(): void {
    this.every(lookMs, () => this.wake());
    this.every(gatherMs, () =>
      this.work('finished workers could not be told', () => noteFinished(this.ledger, gatherMs)),
    );
    this.every(tidyMs, () =>
      this.work('old messages could not be forgotten', () => forgetMessages(this.ledger.db, kept)),
    );
  }

  /** What has left is waited for a little; what a receiver has not answered by then comes again, with the same id. */
  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true;
    for (const timer of this.timers) clearInterval(timer);
    const patience = setTimeout(() => this.sender.giveUp(), stopMs);
    await Promise.all(this.working);
    clearTimeout(patience);
  }

  /**
   * Something may be due. Each look sends on its own until it finds nothing: one that waits for a slow receiver holds up no
   * other, and the ledger bounds how many messages of a receiver are under way.
   */
  wake(): void {
    this.work('messages could not be sent', async () => {
      while (!this.isStopping && (await this.sender.sendDue()) > 0);
    });
  }

  private every(ms: number, act: () => void): void {
    this.timers.push(setInterval(act, ms));
  }

  private work(trouble: string, act: () => Promise<unknown>): void {
    const working = act().then(
      () => undefined,
      (fault: unknown) => this.log.error(trouble, {}, fault),
    );
    this.working.add(working);
    void working.finally(() => {
      this.working.delete(working);
    });
  }

  private defineFigures(metrics: Metrics): void {
    const define = (name: `bascule_${string}`, help: string, pick: keyof WebhookFigures) =>
      metrics.gauge({ name, help, collect: async (gauge) => gauge.set((await this.readFigures())[pick]) });
    define('bascule_webhook_pending_messages', 'Messages that are still to be sent.', 'pending');
    define('bascule_webhook_dead_messages', 'Messages that were given up after the last try.', 'dead');
    define('bascule_webhook_oldest_pending_seconds', 'Age of the oldest message still to be sent.', 'oldestSeconds');
    define('bascule_webhook_disabled_endpoints', 'Webhooks that answered 410 Gone.', 'disabledEndpoints');
  }

  /** One scrape asks once, however many metrics it holds. */
  private readFigures(): Promise<WebhookFigures> {
    if (this.figures === undefined || performance.now() - this.figures.at > 1000) {
      this.figures = { at: performance.now(), value: readWebhookFigures(this.ledger.db) };
    }
    return this.figures.value;
  }
}
