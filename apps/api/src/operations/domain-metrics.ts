import { Inject, type OnModuleInit } from '@nestjs/common';
import { readFigures, type Ledger, type LedgerFigures } from '#libs/ledger';
import { ledgerToken, Metrics } from '#libs/platform';
import { QuotaGovernor, type QuotaUsage } from '#libs/quota';

const noUsage: readonly QuotaUsage[] = [];

/**
 * What monitoring watches about migrations, for all processes together: read from the ledger and from the governor at each
 * scrape, so any one API process tells all of it.
 */
export class DomainMetrics implements OnModuleInit {
  private figures: { at: number; value: Promise<LedgerFigures> } | undefined;
  private usage: { at: number; value: Promise<readonly QuotaUsage[]> } | undefined;

  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    private readonly metrics: Metrics,
    private readonly governor: QuotaGovernor,
  ) {}

  onModuleInit(): void {
    this.defineProgress();
    this.defineTroubles();
    this.defineQuotas();
  }

  private defineProgress(): void {
    const { metrics } = this;
    metrics.gauge({
      name: 'bascule_employees',
      help: 'Employees of a migration by state; each is counted once.',
      labels: ['migration', 'state'],
      collect: async (gauge) => {
        gauge.reset();
        for (const { migrationId, step, state, count } of (await this.read()).progress) {
          if (step === '') gauge.set({ migration: migrationId, state }, count);
        }
      },
    });
    metrics.gauge({
      name: 'bascule_steps',
      help: 'Steps of a migration by kind and state.',
      labels: ['migration', 'step', 'state'],
      collect: async (gauge) => {
        gauge.reset();
        for (const { migrationId, step, state, count } of (await this.read()).progress) {
          if (step !== '') gauge.set({ migration: migrationId, step, state }, count);
        }
      },
    });
    metrics.gauge({
      name: 'bascule_google_calls',
      help: 'Calls to Google made for a migration so far, by method.',
      labels: ['migration', 'method'],
      collect: async (gauge) => {
        gauge.reset();
        for (const { migrationId, method, count } of (await this.read()).calls) {
          gauge.set({ migration: migrationId, method }, count);
        }
      },
    });
  }

  private defineTroubles(): void {
    const { metrics } = this;
    metrics.gauge({
      name: 'bascule_failed_steps',
      help: 'Steps that have failed and are open now, by reason.',
      labels: ['migration', 'reason'],
      collect: async (gauge) => {
        gauge.reset();
        for (const { migrationId, reason, count } of (await this.read()).failures) {
          gauge.set({ migration: migrationId, reason }, count);
        }
      },
    });
    metrics.gauge({
      name: 'bascule_migration_paused',
      help: '1 for each migration that is paused or pausing, with the reason (empty: a person paused it).',
      labels: ['migration', 'reason'],
      collect: async (gauge) => {
        gauge.reset();
        for (const { migrationId, reason } of (await this.read()).paused)
          gauge.set({ migration: migrationId, reason }, 1);
      },
    });
    metrics.gauge({
      name: 'bascule_last_outcome_age_seconds',
      help: 'Time since the last outcome of a running migration.',
      labels: ['migration'],
      collect: async (gauge) => {
        gauge.reset();
        for (const { migrationId, seconds } of (await this.read()).quietSeconds)
          gauge.set({ migration: migrationId }, seconds);
      },
    });
    metrics.gauge({
      name: 'bascule_held_deliveries',
      help: 'Deliveries that wait for a person to approve or reject them, by source.',
      labels: ['source'],
      collect: async (gauge) => {
        gauge.reset();
        for (const { source, count } of (await this.read()).heldDeliveries) gauge.set({ source }, count);
      },
    });
    metrics.gauge({
      name: 'bascule_batches',
      help: 'Batches under way, by lane and state.',
      labels: ['lane', 'state'],
      collect: async (gauge) => {
        gauge.reset();
        for (const { lane, state, count } of (await this.read()).batches) gauge.set({ lane, state }, count);
      },
    });
    metrics.gauge({
      name: 'bascule_worker_processes',
      help: 'Worker processes seen within ten seconds.',
      collect: async (gauge) => gauge.set((await this.read()).workersAlive),
    });
  }

  private defineQuotas(): void {
    const define = (name: 'limit' | 'used' | 'rejected', help: string) =>
      this.metrics.gauge({
        name: `bascule_quota_${name}`,
        help,
        labels: ['quota', 'window'],
        collect: async (gauge) => {
          gauge.reset();
          for (const usage of await this.readUsage())
            gauge.set({ quota: usage.quota, window: usage.window }, usage[name]);
        },
      });
    define('limit', 'What Google allows in one window.');
    define('used', 'What was used in the last window, by all processes.');
    define('rejected', 'Calls that Google refused for this quota.');
  }

  /** One scrape asks once, however many metrics it holds. */
  private read(): Promise<LedgerFigures> {
    if (this.figures === undefined || performance.now() - this.figures.at > 1000) {
      this.figures = { at: performance.now(), value: readFigures(this.ledger.db) };
    }
    return this.figures.value;
  }

  /** Without Redis the ledger's figures are still worth having. */
  private readUsage(): Promise<readonly QuotaUsage[]> {
    if (this.usage === undefined || performance.now() - this.usage.at > 1000) {
      this.usage = { at: performance.now(), value: this.governor.usage().catch(() => noUsage) };
    }
    return this.usage.value;
  }
}
