import {
  accountsToCome,
  activeMigrations,
  batchesToOffer,
  batchLoad,
  cancelSteps,
  dueSteps,
  employeeCounts,
  finishPausing,
  formBatch,
  formErrand,
  moveWaves,
  readSharedWork,
  tryDispatcherLock,
  unfinishedCancellations,
  whileRunning,
  type BatchHint,
  type Database,
  type DueKind,
  type Ledger,
  type MigrationRow,
} from '#libs/ledger';
import type { QuotaGovernor } from '#libs/quota';
import { stepNames, steps, type Lane, type MigrationId, type StepName } from '#libs/vocabulary';
import { errandLane, type ErrandKind } from './errands.js';
import { keepWithinBudget } from './guards.js';
import { pauseMigration, settleEnd } from './lifecycle.js';

/** Where hints go: the lanes. */
export interface Lanes {
  offer(hints: readonly BatchHint[]): Promise<void>;
}

export interface DispatcherOptions {
  readonly ledger: Ledger;
  readonly governor: Pick<QuotaGovernor, 'isGateOpen' | 'openGate' | 'closeGate'>;
  readonly lanes: Lanes;
  readonly callTimeoutMs: number;
  readonly timeScale: number;
  /** Worker processes alive now. */
  readonly workers: () => number;
  onFault(fault: unknown): void;
}

const tickMs = 250;
/** A batch is sized to last about this long. */
const batchSeconds = 5;
const batchSizeFirst = 50;
const batchSizeMax = 500;
/** A queued batch that nobody leased in this time is offered again: the queue may have been flushed. */
const offerAgainMs = 3_000;
/**
 * Between two readings of one listing: a pause and, while there is other work, after a long reading a rest of at most so
 * long; Google's time.
 */
const listingPauseMs = 30_000;
const listingRestMaxMs = 600_000;
/** A listing is read when more wait for it than it has pages; page sizes of users.list, members.list and the licences. */
const listingPageSize: Readonly<Record<ErrandKind, number>> = {
  addresses: 1,
  shared: 1,
  'list-users': 500,
  'list-members': 200,
  'list-licences': 100,
};
const fewListed = 40;

/**
 * Moves due steps from the ledger to the lanes, and keeps each lane topped up but short. Ticks are timers of the process,
 * so that a flushed Redis cannot stop them; one dispatcher is active at a time, by a database lock that saves work but
 * carries no correctness.
 */
export class Dispatcher {
  private lock: Awaited<ReturnType<typeof tryDispatcherLock>>;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(private readonly options: DispatcherOptions) {}

  start(): void {
    this.schedule(0);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
    await this.lock?.release();
    this.lock = undefined;
  }

  get isActive(): boolean {
    return this.lock !== undefined && !this.lock.isLost();
  }

  private schedule(delayMs: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.tick()
        .catch((fault: unknown) => this.options.onFault(fault))
        .finally(() => this.schedule(this.isActive ? tickMs : tickMs * 4));
    }, delayMs);
  }

  private async tick(): Promise<void> {
    const { ledger } = this.options;
    if (this.lock?.isLost() === true) this.lock = undefined;
    this.lock ??= await tryDispatcherLock(ledger);
    if (this.lock === undefined) return;
    for (const migration of await activeMigrations(ledger.db)) await this.mind(migration);
    for (const id of await unfinishedCancellations(ledger.db)) await cancelSteps(ledger, id, 'bascule');
    const again = await batchesToOffer(ledger.db, { callTimeoutMs: this.options.callTimeoutMs, offerAgainMs });
    if (again.length > 0) await this.options.lanes.offer(again);
  }

  private async mind(migration: MigrationRow): Promise<void> {
    const { ledger, governor } = this.options;
    if (migration.state === 'pausing') {
      await governor.closeGate(migration.id);
      await finishPausing(ledger.db, migration.id, this.options.callTimeoutMs);
      return;
    }
    if (!(await governor.isGateOpen(migration.id))) {
      await whileRunning(ledger.db, migration.id, () => governor.openGate(migration.id));
    }
    const overBudget = await keepWithinBudget(ledger.db, migration);
    if (overBudget !== undefined) {
      await pauseMigration(this.options, migration.id, overBudget, 'bascule');
      return;
    }
    await moveWaves(ledger.db, migration.id);
    const hints = (await this.firstThings(migration)) ?? (await topUp(this.options, migration.id));
    if (hints.length > 0) await this.options.lanes.offer(hints);
    await settleEnd(ledger.db, migration.id);
  }

  /**
   * New addresses are looked up once more, then org units, groups and calendars are made, once; no employee runs before.
   */
  private async firstThings(migration: MigrationRow): Promise<BatchHint[] | undefined> {
    const { db } = this.options.ledger;
    if (!migration.addressesChecked) {
      return present([
        await listing(db, migration.id, 'addresses', { timeScale: this.options.timeScale, rests: false }),
      ]);
    }
    const work = await readSharedWork(db, migration.id);
    if (work.open === 0) return undefined;
    if (work.due === 0) return [];
    return present([await errand(db, { migrationId: migration.id, kind: 'shared', pauseMs: 0, restMaxMs: 0 })]);
  }
}

const present = <T>(values: readonly (T | undefined)[]): T[] => values.filter((value) => value !== undefined);

const errand = (
  db: Database,
  request: { migrationId: MigrationId; kind: ErrandKind; pauseMs: number; restMaxMs: number },
) => formErrand(db, { ...request, lane: errandLane[request.kind] });

const listing = (
  db: Database,
  migrationId: MigrationId,
  kind: ErrandKind,
  { timeScale, rests }: { timeScale: number; rests: boolean },
) =>
  errand(db, {
    migrationId,
    kind,
    pauseMs: listingPauseMs / timeScale,
    restMaxMs: rests ? listingRestMaxMs / timeScale : 0,
  });

/** Which listing settles a step that waits for one. */
const listingFor: Partial<Record<StepName, ErrandKind>> = {
  mailbox: 'list-users',
  confirm: 'list-users',
  licence: 'list-licences',
  groups: 'list-members',
};

async function topUp(options: DispatcherOptions, migrationId: MigrationId): Promise<BatchHint[]> {
  const { db } = options.ledger;
  const enrolled = [...(await employeeCounts(db, migrationId)).values()].reduce((sum, count) => sum + count, 0);
  const worthListing = (kind: ErrandKind) => Math.max(fewListed, enrolled / listingPageSize[kind]);
  const listedMax = 1 + Math.ceil(Math.max(...Object.values(listingFor).map(worthListing)));
  const due = await dueSteps(db, migrationId, { direct: 1, listed: listedMax }, listingFor);
  if (due.length === 0) return [];
  const toCome = await accountsToCome(db, migrationId);
  const load = new Map((await batchLoad(db, migrationId)).map((entry) => [entry.kind, entry]));
  const isUnderWay = (step: StepName) => (load.get(step)?.queued ?? 0) + (load.get(step)?.leased ?? 0) > 0;
  const isBusy = toCome || due.some(({ direct }) => direct > 0) || stepNames.some(isUnderWay);
  const hints: (BatchHint | undefined)[] = [];
  for (const { step, direct, overdue, listed } of due) {
    const shownBy = listingFor[step];
    const byListing = shownBy !== undefined && listed > worthListing(shownBy);
    if (byListing) {
      hints.push(await listing(db, migrationId, shownBy, { timeScale: options.timeScale, rests: isBusy }));
    }
    const kinds = kindsByCalls(byListing, shownBy !== undefined && toCome);
    const count = { direct, overdue, listed };
    if (kinds.every((kind) => count[kind] === 0)) continue;
    const { queued = 0, leased = 0, perSecond = null } = load.get(step) ?? {};
    const openMax = openBatchesMax(steps[step].lane, options.workers());
    const wanted = Math.min(2 + Math.floor(leased / 2) - queued, openMax - queued - leased);
    const sizeMax = batchSize(perSecond, Math.max(1, leased));
    for (let formed = 0; formed < wanted; formed += 1) {
      const hint = await formBatch(db, {
        migrationId,
        step,
        lane: steps[step].lane,
        sizeMax,
        due: kinds,
        ...(shownBy !== undefined && { listing: shownBy }),
      });
      if (hint === undefined) break;
      hints.push(hint);
    }
  }
  return present(hints);
}

/**
 * Which of the due steps get a call of their own. While more people are to come, a few wait for the listing that will be
 * worth its pages; in the end each is read.
 */
function kindsByCalls(byListing: boolean, moreToCome: boolean): DueKind[] {
  if (byListing) return ['direct'];
  return moreToCome ? ['direct', 'overdue'] : ['direct', 'overdue', 'listed'];
}

/** Seconds of the lane's recent pace, shared by the batches that run side by side. */
function batchSize(perSecond: number | null, sideBySide: number): number {
  if (perSecond === null) return batchSizeFirst;
  return Math.round(Math.min(batchSizeMax, Math.max(batchSizeFirst, (perSecond * batchSeconds) / sideBySide)));
}

/** One kind of step never takes all of a lane's places. */
const openBatchesMax = (lane: Lane, workers: number): number =>
  (lane === 'licensing' ? 2 : 3) * Math.max(1, workers) + 1;
