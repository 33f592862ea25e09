import {
  settle,
  type BatchShare,
  type LeasedBatch,
  type Ledger,
  type SettledAccount,
  type StepChange,
} from '#libs/ledger';
import type { MigrationId } from '#libs/vocabulary';

/** Outcomes settle as they come, in groups: at least this often, and when a group is this large. */
const groupMs = 250;
const groupSizeMax = 400;

/** Where one batch brings its outcomes. */
export interface BatchOutcomes {
  add(change: StepChange, account: SettledAccount | undefined): void;
  /** Commits what is left and ends the batch. Throws what its transaction threw. */
  finish(): Promise<void>;
}

interface Share {
  readonly batch: LeasedBatch;
  readonly onFenceLost: () => void;
  readonly ended: PromiseWithResolvers<void>;
  changes: StepChange[];
  accounts: SettledAccount[];
  last: boolean;
  lost: boolean;
}

/** What listings showed since the last commit. */
interface Listed {
  readonly changes: StepChange[];
  readonly settled: PromiseWithResolvers<void>;
}

/**
 * Gathers the outcomes of all batches of this process and commits them group by group, one transaction at a time, each
 * with its counters: batches of one process would otherwise wait for each other at its counter rows. A batch whose fence
 * has moved on is told once and what follows of it is dropped: somebody else has it.
 */
export class Settler {
  private readonly shares = new Map<number, Share>();
  private readonly listed = new Map<MigrationId, Listed>();
  private timer: NodeJS.Timeout | undefined;
  private tail: Promise<void> = Promise.resolve();
  private waiting = 0;

  constructor(
    private readonly ledger: Ledger,
    private readonly worker: { name: string; slot: number; timeScale: number },
  ) {}

  open(batch: LeasedBatch, onFenceLost: () => void): BatchOutcomes {
    const share: Share = {
      batch,
      onFenceLost,
      ended: Promise.withResolvers(),
      changes: [],
      accounts: [],
      last: false,
      lost: false,
    };
    this.shares.set(batch.batchId, share);
    return {
      add: (change, account) => this.add(share, change, account),
      finish: () => this.finish(share),
    };
  }

  /** Commits what a listing showed, together with whatever else is due. Rejects with what its transaction threw. */
  settleListed(migrationId: MigrationId, changes: readonly StepChange[]): Promise<void> {
    if (changes.length === 0) return Promise.resolve();
    const listed = this.listed.get(migrationId) ?? { changes: [], settled: Promise.withResolvers<void>() };
    this.listed.set(migrationId, listed);
    listed.changes.push(...changes);
    this.waiting += changes.length;
    this.flushSoon(this.waiting >= groupSizeMax ? 0 : groupMs);
    return listed.settled.promise;
  }

  private add(share: Share, change: StepChange, account: SettledAccount | undefined): void {
    if (share.lost) return;
    share.changes.push(change);
    if (account !== undefined) share.accounts.push(account);
    this.waiting += 1;
    this.flushSoon(this.waiting >= groupSizeMax ? 0 : groupMs);
  }

  private finish(share: Share): Promise<void> {
    share.last = true;
    if (!share.lost) this.flushSoon(0);
    return share.ended.promise;
  }

  private flushSoon(delayMs: number): void {
    if (delayMs === 0) {
      clearTimeout(this.timer);
      this.timer = undefined;
      this.tail = this.tail.then(() => this.commit());
      return;
    }
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.tail = this.tail.then(() => this.commit());
    }, delayMs);
  }

  private async commit(): Promise<void> {
    const due = [...this.shares.values()].filter(({ changes, last }) => changes.length > 0 || last);
    this.waiting = 0;
    const byMigration = Map.groupBy(due, ({ batch }) => batch.migrationId);
    for (const migrationId of new Set([...byMigration.keys(), ...this.listed.keys()])) {
      const taken = (byMigration.get(migrationId) ?? []).map((share) => take(share));
      const listed = this.listed.get(migrationId);
      this.listed.delete(migrationId);
      await this.commitGroup(migrationId, taken, listed);
    }
  }

  private async commitGroup(migrationId: MigrationId, taken: readonly Taken[], listed: Listed | undefined) {
    try {
      await this.settle(migrationId, taken, listed?.changes);
      listed?.settled.resolve();
    } catch {
      // One's trouble must not cost the others their outcomes: each by itself.
      for (const one of taken) {
        await this.settle(migrationId, [one]).catch((error: unknown) => this.giveUp([one], error));
      }
      if (listed === undefined) return;
      await this.settle(migrationId, [], listed.changes).then(listed.settled.resolve, listed.settled.reject);
    }
  }

  private async settle(migrationId: MigrationId, taken: readonly Taken[], listed: readonly StepChange[] = []) {
    const { name: actor, slot, timeScale } = this.worker;
    const held = await settle(this.ledger, { migrationId, slot, actor, timeScale, shares: taken, listed });
    for (const { share, batch, last } of taken) {
      if (!held.has(batch.batchId)) this.lose(share);
      else if (last) this.end(share);
    }
  }

  /** Nothing was written. The batch is left to its lease: whoever takes it next finds its steps in doubt and reads. */
  private giveUp(taken: readonly Taken[], problem: unknown): void {
    for (const { share } of taken) {
      share.ended.promise.catch(() => undefined);
      share.ended.reject(problem);
      this.lose(share);
    }
  }

  private lose(share: Share): void {
    share.lost = true;
    share.onFenceLost();
    this.end(share);
  }

  private end(share: Share): void {
    this.shares.delete(share.batch.batchId);
    share.ended.resolve();
  }
}

type Taken = BatchShare & { readonly share: Share };

function take(share: Share): Taken {
  const { batch, changes, accounts, last } = share;
  share.changes = [];
  share.accounts = [];
  return { share, batch, changes, accounts, last };
}
