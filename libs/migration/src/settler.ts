import { settle, type LeasedBatch, type Ledger, type SettledAccount, type StepChange } from '#libs/ledger';

/** Outcomes settle as they come, in groups: at least this often, and when a group is this large. */
const groupMs = 250;
const groupSizeMax = 200;

/**
 * Gathers a batch's outcomes and commits them group by group, one transaction at a time, each with its counters. When the
 * fence has moved on it says so once and drops what follows: somebody else has the batch.
 */
export class Settler {
  private changes: StepChange[] = [];
  private accounts = new Map<string, SettledAccount>();
  private timer: NodeJS.Timeout | undefined;
  private tail: Promise<void> = Promise.resolve();
  private fenceLost = false;
  private problem: unknown;

  constructor(
    private readonly ledger: Ledger,
    private readonly batch: LeasedBatch,
    private readonly worker: { name: string; slot: number; timeScale: number },
    private readonly onFenceLost: () => void,
  ) {}

  add(change: StepChange, account: SettledAccount | undefined): void {
    this.changes.push(change);
    if (account !== undefined) {
      const earlier = this.accounts.get(account.employeeId);
      this.accounts.set(account.employeeId, merge(earlier, account));
    }
    if (this.changes.length >= groupSizeMax) this.flushSoon(0);
    else this.flushSoon(groupMs);
  }

  /** Commits what is left and ends the batch. Throws what a group's transaction threw. */
  async finish(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.flush(true);
    if (this.problem !== undefined) throw this.problem;
  }

  private flushSoon(delayMs: number): void {
    if (delayMs === 0) {
      clearTimeout(this.timer);
      this.timer = undefined;
      void this.flush(false);
    } else {
      this.timer ??= setTimeout(() => {
        this.timer = undefined;
        void this.flush(false);
      }, delayMs);
    }
  }

  private flush(last: boolean): Promise<void> {
    this.tail = this.tail.then(() => this.commit(last));
    return this.tail;
  }

  private async commit(last: boolean): Promise<void> {
    const { changes } = this;
    const accounts = [...this.accounts.values()];
    this.changes = [];
    this.accounts = new Map();
    if (this.fenceLost || this.problem !== undefined || (changes.length === 0 && !last)) return;
    try {
      const held = await settle(this.ledger, {
        batch: this.batch,
        slot: this.worker.slot,
        actor: this.worker.name,
        timeScale: this.worker.timeScale,
        changes,
        accounts,
        last,
      });
      if (!held) this.loseFence();
    } catch (problem) {
      // Nothing was written. The batch is left to its lease: whoever takes it next finds these steps in doubt and reads.
      this.problem = problem;
      this.loseFence();
    }
  }

  private loseFence(): void {
    if (this.fenceLost) return;
    this.fenceLost = true;
    this.onFenceLost();
  }
}

function merge(earlier: SettledAccount | undefined, later: SettledAccount): SettledAccount {
  if (earlier === undefined) return later;
  return {
    ...later,
    wrote: earlier.wrote || later.wrote,
    gmailHash: later.gmailHash ?? earlier.gmailHash,
    calendarHash: later.calendarHash ?? earlier.calendarHash,
  };
}
