import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { composeScimDelivery, managerOf, scimChangesType } from '#libs/feeds';
import { deliverScimChanges, type Ledger } from '#libs/ledger';
import { ledgerToken, logToken, type Log } from '#libs/platform';
import { IntakeLoop } from '../feeds/intake-loop.js';

/** How often changes are looked for that gathered behind a delivery, or that another process left. */
const lookMs = 2_000;
/** Writes that come together shall be delivered together. */
const gatherMs = 100;

/** Makes what SCIM clients wrote deliveries of their sources: the one way to the employees (see docs/scim.md). */
@Injectable()
export class ScimDrain implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private soon: NodeJS.Timeout | undefined;
  private working: Promise<void> | undefined;
  private isStopping = false;

  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    @Inject(logToken) private readonly log: Log,
    private readonly intake: IntakeLoop,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.work(), lookMs);
    this.work();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true;
    clearInterval(this.timer);
    clearTimeout(this.soon);
    await this.working;
  }

  /** Something was written. */
  wake(): void {
    if (this.isStopping) return;
    this.soon ??= setTimeout(() => {
      this.soon = undefined;
      this.work();
    }, gatherMs);
  }

  private work(): void {
    if (this.isStopping || this.working !== undefined) return;
    this.working = this.deliver().finally(() => {
      this.working = undefined;
    });
  }

  private async deliver(): Promise<void> {
    try {
      const count = await deliverScimChanges(this.ledger.db, {
        mediaType: scimChangesType,
        referenceOf: managerOf,
        compose: composeScimDelivery,
        onFault: (source, fault) => this.log.error('SCIM changes could not be delivered', { source }, fault),
      });
      if (count > 0) this.intake.wake();
    } catch (fault) {
      this.log.error('SCIM changes could not be delivered', {}, fault);
    }
  }
}
