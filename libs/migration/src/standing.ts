import { lastDayOnEarth, type Blueprint } from '#libs/blueprint';
import {
  activeStandings,
  actsOfPlan,
  actsOfTheDay,
  acceptUnknowns,
  addRoundMembers,
  countAccounts,
  duePeople,
  holdDraft,
  holdPlanned,
  holdRound,
  holdStanding,
  latestPlan,
  moveMigration,
  noteDealt,
  openRound,
  readMigration,
  readPlan,
  roundsToAdvance,
  takeTurn,
  transact,
  type DuePerson,
  type LedgerTransaction,
  type PlanRow,
  type RoundRow,
  type StandingRow,
} from '#libs/ledger';
import type { MigrationId } from '#libs/vocabulary';
import { LifecycleError, startMigration } from './lifecycle.js';
import { blueprintReader, planMigration, selector, type PlanningOptions } from './planning.js';
import { whyHeld } from './round-guard.js';
import { judgePerson, type JudgedPerson } from './standing-due.js';

export interface StandingOptions extends Omit<PlanningOptions, 'actor'> {
  now(): Date;
  onFault(fault: unknown): void;
}

const pageSize = 1_000;
/** How far a look at everybody has come, and the round that it opened. */
interface Gathered {
  readonly after: string | null;
  readonly roundId: MigrationId | undefined;
}

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

  /** Opens a round for everybody who asks for one. */
  private async gather({ migrationId }: StandingRow): Promise<void> {
    const { db } = this.options.ledger;
    const turn = await takeTurn(db, migrationId);
    if (turn === undefined) return;
    const now = this.options.now();
    const blueprint = await this.blueprintOf(migrationId);
    const selects = selector((await readMigration(db, migrationId))?.selection ?? { kind: 'everyone' });
    const judge = (person: DuePerson) => judgePerson(blueprint, selects, person, now);
    const day = turn.daysToo ? lastDayOnEarth(now) : null;
    let from: Gathered | undefined = { after: null, roundId: undefined };
    while (from !== undefined) from = await this.gatherPage(migrationId, { ...from, day, judge });
  }

  /** One page in one transaction: nobody is noted without being in a round. Gives where the next page goes on. */
  private gatherPage(
    id: MigrationId,
    { after, roundId, day, judge }: Gathered & { day: string | null; judge: (person: DuePerson) => JudgedPerson },
  ): Promise<Gathered | undefined> {
    return transact(this.options.ledger.db, async (tx) => {
      if ((await holdStanding(tx, id)) === undefined) return undefined;
      const page = await duePeople(tx, id, { day, after, limit: pageSize });
      const judged = page.map(judge);
      await noteDealt(tx, id, judged);
      const members = judged.filter(({ asks }) => asks).map(({ employeeId }) => employeeId);
      const round = members.length === 0 ? roundId : await this.roundFor(tx, id, roundId, members);
      const last = page.at(-1);
      return last === undefined || page.length < pageSize ? undefined : { after: last.employeeId, roundId: round };
    });
  }

  private async roundFor(
    tx: LedgerTransaction,
    id: MigrationId,
    before: MigrationId | undefined,
    members: readonly string[],
  ): Promise<MigrationId> {
    const isOpen = before !== undefined && (await holdDraft(tx, before));
    const round = isOpen ? before : await openRound(tx, id);
    await addRoundMembers(tx, round, members);
    return round;
  }

  private async advance(standing: StandingRow, round: RoundRow): Promise<void> {
    if (round.state === 'draft') await this.planWhenDue(round, ruleOf(standing));
    if (round.state === 'planned') await this.judge(standing.migrationId, round);
    if (round.state === 'approved') await this.start(standing.migrationId, round);
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
  private async start(id: MigrationId, round: RoundRow): Promise<void> {
    const { ledger, timeScale } = this.options;
    // While the rounds before were planned somebody may have switched it off.
    const standing = await transact(ledger.db, (tx) => holdStanding(tx, id));
    if (standing === undefined) return;
    const actor = ruleOf(standing);
    try {
      await startMigration(ledger, round.id, { actor, timeScale });
    } catch (error) {
      if (!(error instanceof LifecycleError && error.code === 'plan_too_old')) throw error;
      await this.plan(round, actor);
    }
  }

  private async judge(id: MigrationId, round: RoundRow): Promise<void> {
    await transact(this.options.ledger.db, async (tx) => {
      const standing = await holdStanding(tx, id);
      if (standing === undefined) return;
      const planId = await holdPlanned(tx, round.id);
      const plan = planId === undefined ? undefined : await readPlan(tx, planId);
      if (plan?.state !== 'ready') return;
      const held = await whyRoundHeld(tx, standing, plan);
      if (held !== undefined) {
        await holdRound(tx, round.id, held);
        return;
      }
      await acceptUnknowns(tx, plan.id, plan.needsAcceptance);
      await moveMigration(tx, {
        id: round.id,
        from: ['planned'],
        to: 'approved',
        cause: null,
        actor: ruleOf(standing),
      });
    });
  }
}

const ruleOf = ({ switchedBy }: StandingRow) => `standing rule of ${switchedBy}`;

async function whyRoundHeld(tx: LedgerTransaction, standing: StandingRow, plan: PlanRow): Promise<string | undefined> {
  const parent = await readMigration(tx, standing.migrationId);
  const accepted = parent?.planId ? ((await latestPlan(tx, parent.id))?.acceptedUnknowns ?? []) : [];
  const open = plan.needsAcceptance.filter((unknown) => !accepted.includes(unknown));
  if (open.length > 0) {
    return `Google would not tell everything (${open.join(', ')}): approve the round with these words, or cancel it`;
  }
  return whyHeld(standing.settings.guard, {
    planned: await actsOfPlan(tx, plan.id),
    ofTheDay: await actsOfTheDay(tx, standing.migrationId),
    accounts: await countAccounts(tx),
  });
}
