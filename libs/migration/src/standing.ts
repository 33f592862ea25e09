import { lastDayOnEarth, type Blueprint } from '#libs/blueprint';
import {
  activeStandings,
  actsOfPlan,
  actsOfTheDay,
  acceptUnknowns,
  addRoundMembers,
  countAccounts,
  duePeople,
  holdRound,
  latestPlan,
  noteDealt,
  openRound,
  readMigration,
  roundsToAdvance,
  takeTurn,
  type LedgerTransaction,
  type MigrationRow,
  type RoundRow,
  type StandingRow,
} from '#libs/ledger';
import type { MigrationId } from '#libs/vocabulary';
import { approveMigration, LifecycleError, startMigration } from './lifecycle.js';
import { blueprintReader, planMigration, selector, type PlanningOptions } from './planning.js';
import { whyHeld } from './round-guard.js';
import { judgePerson } from './standing-due.js';

export interface StandingOptions extends Omit<PlanningOptions, 'actor'> {
  now(): Date;
  onFault(fault: unknown): void;
}

const pageSize = 1_000;
/** A plan that was refused, mostly because Google could not be read, is made anew after this. */
const planAgainMs = 30_000;

/**
 * Standing migrations: when people's records, or their days, ask for other accounts than the confirmed ones, they make a
 * round, a migration of its own with a plan for these people alone. A round within the guard is approved by the standing
 * rule and started, any other waits for a person. Each move is a compare-and-set in the ledger, so that processes side by
 * side, or one that died in the middle, make nobody's round twice.
 */
export class Standing {
  private readonly blueprintOf: (id: MigrationId) => Promise<Blueprint>;

  constructor(private readonly options: StandingOptions) {
    this.blueprintOf = blueprintReader(options.ledger);
  }

  /** Looks for work and brings the rounds one move forward. One standing migration's trouble is its own. */
  async tick(): Promise<void> {
    for (const standing of await activeStandings(this.options.ledger.db)) {
      await this.gather(standing).catch((fault: unknown) => this.options.onFault(fault));
      for (const round of await roundsToAdvance(this.options.ledger.db, standing.migrationId)) {
        await this.advance(standing, round).catch((fault: unknown) => {
          // Another process, or a person, was quicker.
          if (!(fault instanceof LifecycleError && fault.code === 'wrong_state')) this.options.onFault(fault);
        });
      }
    }
  }

  /** Opens a round for everybody who asks for one; one transaction, so that nobody is noted without being in it. */
  private async gather({ migrationId }: StandingRow): Promise<void> {
    const { ledger } = this.options;
    await takeTurn(ledger, migrationId, async (tx) => {
      const migration = await readMigration(tx, migrationId);
      if (migration !== undefined) await this.gatherPages(tx, migration, await this.blueprintOf(migrationId));
    });
  }

  private async gatherPages(tx: LedgerTransaction, migration: MigrationRow, blueprint: Blueprint): Promise<void> {
    const selects = selector(migration.selection);
    const now = this.options.now();
    let roundId: MigrationId | undefined;
    for (let after: string | null = null; ;) {
      const page = await duePeople(tx, migration.id, { day: lastDayOnEarth(now), after, limit: pageSize });
      const judged = page.map((person) => judgePerson(blueprint, selects, person, now));
      await noteDealt(tx, migration.id, judged);
      const members = judged.filter(({ asks }) => asks).map(({ employeeId }) => employeeId);
      if (members.length > 0) {
        roundId ??= await openRound(tx, migration.id);
        await addRoundMembers(tx, roundId, members);
      }
      after = page.at(-1)?.employeeId ?? after;
      if (page.length < pageSize) return;
    }
  }

  private async advance(standing: StandingRow, round: RoundRow): Promise<void> {
    const actor = `standing rule of ${standing.switchedBy}`;
    if (round.state === 'draft') await this.planWhenDue(round, actor);
    if (round.state === 'planned') await this.judge(standing, round, actor);
    if (round.state === 'approved') await this.start(round, actor);
  }

  private async planWhenDue(round: RoundRow, actor: string): Promise<void> {
    const latest = await latestPlan(this.options.ledger.db, round.id);
    if (latest?.state === 'computing') return;
    const refusedAt = latest?.finishedAt?.getTime() ?? 0;
    if (Date.now() - refusedAt >= planAgainMs) await this.plan(round, actor);
  }

  private async plan(round: RoundRow, actor: string): Promise<void> {
    const { finished } = await planMigration({ ...this.options, actor }, round.id);
    await finished;
  }

  /** A round that somebody approved when its plan was too old to be carried out is planned anew, and judged or held anew. */
  private async start(round: RoundRow, actor: string): Promise<void> {
    const { ledger, timeScale } = this.options;
    try {
      await startMigration(ledger, round.id, { actor, timeScale });
    } catch (error) {
      if (!(error instanceof LifecycleError && error.code === 'plan_too_old')) throw error;
      await this.plan(round, actor);
    }
  }

  private async judge(standing: StandingRow, round: RoundRow, actor: string): Promise<void> {
    const { ledger } = this.options;
    const plan = await latestPlan(ledger.db, round.id);
    if (plan?.state !== 'ready') return;
    const parent = await readMigration(ledger.db, standing.migrationId);
    const accepted = parent?.planId ? ((await latestPlan(ledger.db, parent.id))?.acceptedUnknowns ?? []) : [];
    const open = plan.needsAcceptance.filter((unknown) => !accepted.includes(unknown));
    const held =
      open.length > 0
        ? `Google would not tell everything (${open.join(', ')}): approve the round with these words, or cancel it`
        : whyHeld(standing.settings.guard, {
            planned: await actsOfPlan(ledger.db, plan.id),
            ofTheDay: await actsOfTheDay(ledger.db, standing.migrationId),
            accounts: await countAccounts(ledger.db),
          });
    if (held !== undefined) {
      await holdRound(ledger.db, round.id, held);
      return;
    }
    await acceptUnknowns(ledger.db, plan.id, plan.needsAcceptance);
    await approveMigration(ledger, round.id, actor);
  }
}
