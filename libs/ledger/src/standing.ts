import { sql } from 'kysely';
import { z } from 'zod';
import { limitSchema, migrationIdSchema, type MigrationId } from '#libs/vocabulary';
import type { Database, LedgerTransaction } from './open.js';

/** What a standing migration may do without a person's word. Prices are not known here: any other licence may be dearer. */
export const standingSettingsSchema = z.strictObject({
  /** Changes of so many seconds go into one round. */
  everySeconds: z.int().min(1).max(86_400).default(60),
  /** Shares are of all accounts; within a day, over all rounds. */
  guard: z
    .strictObject({
      create: limitSchema(200, 0.05).prefault({}),
      suspend: limitSchema(50, 0.02).prefault({}),
      change: limitSchema(1_000, 0.3).prefault({}),
      licence: limitSchema(0, 0).prefault({}),
    })
    .prefault({}),
});
export type StandingSettings = z.infer<typeof standingSettingsSchema>;

export interface StandingRow {
  readonly migrationId: MigrationId;
  readonly isOn: boolean;
  readonly settings: StandingSettings;
  readonly switchedBy: string;
  readonly switchedAt: Date;
}

const selectStanding = sql`
  select migration_id as "migrationId", is_on as "isOn", settings, switched_by as "switchedBy",
    switched_at as "switchedAt"
  from standing`;

type RawStanding = Omit<StandingRow, 'settings'> & { settings: unknown };

const parseStanding = (row: RawStanding): StandingRow => ({
  ...row,
  settings: standingSettingsSchema.parse(row.settings),
});

/** Makes a migration stand, or settles anew how it does. From now on rounds are let through in this person's name. */
export async function switchStandingOn(
  db: Database,
  standing: { migrationId: MigrationId; settings: StandingSettings; actor: string },
): Promise<void> {
  await sql`
    with switched as (
      insert into standing (migration_id, settings, switched_by)
      values (${standing.migrationId}::uuid, ${JSON.stringify(standing.settings)}::jsonb, ${standing.actor})
      on conflict (migration_id) do update set is_on = true, settings = excluded.settings,
        switched_by = excluded.switched_by, switched_at = now()
    )
    insert into event (kind, migration_id, state, actor)
    values ('standing', ${standing.migrationId}::uuid, 'on', ${standing.actor})`.execute(db);
}

/** No further round is made; false where the migration does not stand. */
export async function switchStandingOff(db: Database, id: MigrationId, actor: string): Promise<boolean> {
  const { rows } = await sql`
    with switched as (
      update standing set is_on = false where migration_id = ${id}::uuid and is_on returning migration_id
    )
    insert into event (kind, migration_id, state, actor)
    select 'standing', migration_id, 'off', ${actor} from switched returning id`.execute(db);
  return rows.length === 1;
}

export async function readStanding(db: Database, id: MigrationId): Promise<StandingRow | undefined> {
  const { rows } = await sql<RawStanding>`${selectStanding} where migration_id = ${id}::uuid`.execute(db);
  return rows[0] === undefined ? undefined : parseStanding(rows[0]);
}

/** A round of a standing migration: the names of what is its own; everything else is as of any migration. */
export interface RoundRow {
  readonly id: MigrationId;
  readonly state: string;
  readonly heldBecause: string | null;
  readonly createdAt: Date;
  readonly people: number;
}

/** The rounds of a standing migration, newest first, `before` one of them. */
export async function listRounds(
  db: Database,
  standingId: MigrationId,
  page: { before?: string; limit: number },
): Promise<RoundRow[]> {
  const { rows } = await sql<RoundRow>`
    select id, state, held_because as "heldBecause", created_at as "createdAt",
      (select count(*) from round_member where round_member.migration_id = migration.id) as people
    from migration
    where standing_id = ${standingId}::uuid and (${page.before ?? null}::uuid is null or (created_at, id) < (
      select created_at, id from migration where id = ${page.before ?? null}::uuid))
    order by created_at desc, id desc limit ${page.limit}`.execute(db);
  return rows;
}

/** Rounds that have not been started yet and are waiting for nobody's word, oldest first. */
export async function roundsToAdvance(db: Database, standingId: MigrationId): Promise<RoundRow[]> {
  const { rows } = await sql<RoundRow>`
    select id, state, held_because as "heldBecause", created_at as "createdAt",
      (select count(*) from round_member where round_member.migration_id = migration.id) as people
    from migration
    where standing_id = ${standingId}::uuid and state in ('draft', 'planned', 'approved')
      and (state <> 'planned' or held_because is null)
    order by created_at`.execute(db);
  return rows;
}

/** A round's plan waits for a person: with the reason in a sentence. */
export async function holdRound(db: Database, id: MigrationId, because: string): Promise<void> {
  await sql`
    with held as (
      update migration set held_because = ${because}
      where id = ${id}::uuid and state = 'planned' and held_because is null returning id
    )
    insert into event (kind, migration_id, state, actor, detail)
    select 'round_held', id, 'planned', 'bascule', jsonb_build_object('because', ${because}::text) from held`.execute(
    db,
  );
}

/** Opens a round of a standing migration, under the same blueprint and budget. */
export async function openRound(tx: LedgerTransaction, standingId: MigrationId): Promise<MigrationId> {
  const { rows } = await sql<{ id: string }>`
    with opened as (
      insert into migration (name, blueprint_id, blueprint_version, selection, failure_budget, handover_key, created_by,
        standing_id)
      select left(name, 180) || ', ' || to_char(now() at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), blueprint_id,
        blueprint_version, '{"kind": "round"}', failure_budget, handover_key, 'bascule', id
      from migration where id = ${standingId}::uuid
      returning id
    ), noted as (
      insert into event (kind, migration_id, actor) select 'migration_created', id, 'bascule' from opened
    )
    select id from opened`.execute(tx);
  return migrationIdSchema.parse(rows[0]?.id);
}

/** What the plan of a round would do, and what other rounds that were let through have done within a day. */
export interface RoundActs {
  readonly create: number;
  readonly suspend: number;
  readonly licence: number;
  readonly change: number;
}

/** Each person counts once, as the gravest of what is planned for them; an account that is adopted may be barred by it. */
const actOf = sql`
  case when changes @> '[{"field": "suspended", "to": true}]' then 'suspend'
    when action <> 'create' and exists (select from jsonb_array_elements(changes) as change
                                        where change ->> 'field' = 'licence') then 'licence'
    when action in ('create', 'adopt') then 'create'
    when cardinality(steps) > 0 then 'change' end`;

const acts = z.record(z.string(), z.number());
const parseActs = (rows: readonly { act: string | null; people: number }[]): RoundActs => {
  const counted = acts.parse(Object.fromEntries(rows.map(({ act, people }) => [act ?? 'none', people])));
  const { create = 0, suspend = 0, licence = 0, change = 0 } = counted;
  return { create, suspend, licence, change };
};

export async function actsOfPlan(db: Database, planId: string): Promise<RoundActs> {
  const { rows } = await sql<{ act: string | null; people: number }>`
    select ${actOf} as act, count(*) as people from plan_item
    where plan_id = ${planId}::uuid and action not in ('conflict', 'skip') group by 1`.execute(db);
  return parseActs(rows);
}

/** Over the rounds that the standing rule let through within the last 24 hours, those that are still to start included. */
export async function actsOfTheDay(db: Database, standingId: MigrationId): Promise<RoundActs> {
  const { rows } = await sql<{ act: string | null; people: number }>`
    select ${actOf} as act, count(*) as people
    from migration join plan_item on plan_item.plan_id = migration.plan_id
    where standing_id = ${standingId}::uuid and held_because is null
      and (state = 'approved' or started_at > now() - interval '24 hours') and action not in ('conflict', 'skip') group by 1`.execute(
    db,
  );
  return parseActs(rows);
}

/** Accounts that the ledger knows: what shares of the guard are shares of. */
export async function countAccounts(db: Database): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*) as count from account`.execute(db);
  return rows[0]?.count ?? 0;
}

export interface RoundMember {
  readonly employeeId: string;
  readonly employeeNumber: string;
  readonly googleId: string | null;
  /** An admin's list names this account: an address or Google's id. */
  readonly named: string | null;
}

export async function roundMembers(db: Database, id: MigrationId): Promise<RoundMember[]> {
  const { rows } = await sql<RoundMember>`
    select employee.id as "employeeId", employee.employee_number as "employeeNumber", account.google_id as "googleId",
      adoption.account as named
    from round_member
    join employee on employee.id = round_member.employee_id
    left join account on account.employee_id = employee.id
    left join adoption on adoption.employee_id = employee.id
    where round_member.migration_id = ${id}::uuid order by employee.id`.execute(db);
  return rows;
}

export async function countRoundMembers(db: Database, id: MigrationId): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from round_member where migration_id = ${id}::uuid`.execute(db);
  return rows[0]?.count ?? 0;
}

/**
 * People whom a start left out are looked at again: those left to another migration once that is over, and those whose
 * address was changed or given away after the plan.
 */
export async function lookAgainAtLeftOut(tx: LedgerTransaction, roundId: MigrationId): Promise<void> {
  await sql`
    delete from standing_person using enrolment, migration, plan_item
    where enrolment.migration_id = ${roundId}::uuid
      -- What the plan itself told is a person's to settle: looked at again it would be told again.
      and plan_item.plan_id = enrolment.plan_id and plan_item.employee_id = enrolment.employee_id
      and plan_item.action not in ('conflict', 'skip')
      and enrolment.reason in ('under_way_elsewhere', 'address_changed_since', 'address_taken_since')
      and migration.id = ${roundId}::uuid and standing_person.standing_id = migration.standing_id
      and standing_person.employee_id = enrolment.employee_id`.execute(tx);
}

/**
 * Takes the turn to look for work: one process in each interval. `daysToo`: a quarter of an hour has begun since the turn
 * before, so somewhere another day may have.
 */
export async function takeTurn(db: Database, id: MigrationId): Promise<{ daysToo: boolean } | undefined> {
  const { rows } = await sql<{ daysToo: boolean }>`
    update standing set checked_at = now()
    from (select migration_id, checked_at as before from standing where migration_id = ${id}::uuid) as turn
    where standing.migration_id = turn.migration_id and is_on
      and checked_at + (settings ->> 'everySeconds')::int * interval '1 second' <= now()
    returning date_bin('15 minutes', now(), 'epoch') > turn.before as "daysToo"`.execute(db);
  return rows[0];
}

const mayMakeRounds = sql`is_on and exists (
  select from migration where migration.id = standing.migration_id
    and state in ('running', 'completed', 'completedWithIssues'))`;

/** Migrations that stand and are switched on, and are not paused as such. */
export async function activeStandings(db: Database): Promise<StandingRow[]> {
  const { rows } = await sql<RawStanding>`${selectStanding} where ${mayMakeRounds} order by switched_at`.execute(db);
  return rows.map(parseStanding);
}

/**
 * Keeps every other process from looking for this standing migration's work, and from judging its rounds, until the
 * transaction ends: nobody comes into two rounds, and no two rounds share what is left of a day's limit. Gives how it stands
 * now, which may be otherwise than when the look began; undefined when it is switched off or paused.
 */
export async function holdStanding(tx: LedgerTransaction, id: MigrationId): Promise<StandingRow | undefined> {
  const { rows } = await sql<RawStanding>`
    ${selectStanding} where migration_id = ${id}::uuid and ${mayMakeRounds} for no key update`.execute(tx);
  return rows[0] === undefined ? undefined : parseStanding(rows[0]);
}

/** Whether people can still be added to the round, until the transaction ends: nobody has begun to plan it. */
export async function holdDraft(tx: LedgerTransaction, roundId: MigrationId): Promise<boolean> {
  // A plan that is being opened refers to this row: it is waited for, and seen by the next statement.
  await sql`select from migration where id = ${roundId}::uuid for update`.execute(tx);
  const { rows } = await sql`
    select from migration where id = ${roundId}::uuid and state = 'draft'
      and not exists (select from plan where plan.migration_id = migration.id)`.execute(tx);
  return rows.length === 1;
}

/** The plan by which the round is to be judged, kept as it is until the transaction ends. */
export async function holdPlanned(tx: LedgerTransaction, roundId: MigrationId): Promise<string | undefined> {
  const { rows } = await sql<{ planId: string }>`
    select plan_id as "planId" from migration
    where id = ${roundId}::uuid and state = 'planned' and held_because is null for no key update`.execute(tx);
  return rows[0]?.planId;
}
