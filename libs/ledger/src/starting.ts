import { sql } from 'kysely';
import { stepNames, steps, type MigrationId } from '#libs/vocabulary';
import type { LedgerTransaction } from './open.js';
import { listedPatienceMs, listedSteps } from './transitions.js';
import { noteStart } from './webhook-outbox.js';

/** Whom a start enrols and which address is whose are decided by one transaction at a time. */
export async function lockEnrolling(tx: LedgerTransaction): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('enrol', 0))`.execute(tx);
}

/** Rows of the plan `item` whose person was given another address after the plan was made. */
const changedSince = sql`exists (
  select from address_reservation as newer join plan on plan.id = item.plan_id
  where item.action in ('create', 'adopt', 'update') and newer.employee_id = item.employee_id and newer.kind = 'primary' and newer.state = 'issued'
    and newer.address <> item.address and newer.issued_at >= plan.created_at)`;

/** Of the reservation at hand: it binds nobody any more, as far as the plan may reuse addresses at all. */
const isReleased = (planId: string) => sql`coalesce(address_reservation.released_at <= now() - (
  select reuse_after from plan where id = ${planId}::uuid), false)`;

/**
 * Issues the plan's addresses for good, those that a person holds already and aliases included. An address that somebody
 * else got meanwhile stays theirs, and so does one that was changed since the plan: `enrol` makes these conflicts.
 */
export async function issueReservations(tx: LedgerTransaction, planId: string): Promise<void> {
  // The account that an admin's list names has another address than the one that was issued before.
  await sql`
    update address_reservation as earlier set kind = 'former'
    from plan_item as item
    where item.plan_id = ${planId}::uuid and item.action in ('create', 'adopt', 'update')
      and earlier.employee_id = item.employee_id and earlier.kind = 'primary' and earlier.state = 'issued'
      and earlier.address <> item.address and not ${changedSince}`.execute(tx);
  await sql`
    insert into event (kind, migration_id, employee_id, actor, detail)
    select 'address_reused', plan.migration_id, item.employee_id, 'bascule',
      jsonb_build_object('address', item.address, 'from', address_reservation.employee_id)
    from plan_item as item
    join plan on plan.id = item.plan_id
    join address_reservation on address_reservation.address = item.address
      and address_reservation.employee_id <> item.employee_id
    where item.plan_id = ${planId}::uuid and item.action in ('create', 'adopt', 'update')
      and ${isReleased(planId)}`.execute(tx);
  await sql`
    insert into address_reservation (address, employee_id, kind, state, issued_at)
    select distinct on (address) address, employee_id, 'primary', 'issued', now() from plan_item as item
    where plan_id = ${planId}::uuid and address is not null and action in ('create', 'adopt', 'update')
      and not ${changedSince}
    order by address, employee_id
    on conflict (address) do update set kind = 'primary', state = 'issued', plan_id = null,
      employee_id = excluded.employee_id, released_at = null,
      issued_at = case when address_reservation.employee_id = excluded.employee_id
        then coalesce(address_reservation.issued_at, excluded.issued_at) else excluded.issued_at end,
      asked_by = case when address_reservation.employee_id = excluded.employee_id then address_reservation.asked_by end
      where address_reservation.employee_id = excluded.employee_id or ${isReleased(planId)}`.execute(tx);
  await sql`
    insert into address_reservation (address, employee_id, kind, state, issued_at)
    select distinct on (alias) lower(alias) as alias, employee_id, 'alias', 'issued', now()
    from plan_item as item cross join jsonb_array_elements_text(desired -> 'aliases') as alias
    where plan_id = ${planId}::uuid and action in ('create', 'adopt', 'update')
    order by alias, employee_id
    on conflict (address) do nothing`.execute(tx);
}

/** A newer round of the same standing migration has taken `item`'s person out of this one. */
const isSuperseded = (migrationId: MigrationId) => sql`exists (
  select from round_member as later join migration as round on round.id = later.migration_id
  where later.employee_id = item.employee_id and round.state <> 'cancelled'
    and (round.standing_id, true) = (select standing_id, round.created_at > created_at from migration where id = ${migrationId}::uuid))`;

/**
 * Makes the plan's waves, enrolments and steps, and the counters that count them: a handful of statements, whatever the
 * company's size. Employees with nothing to do, conflicts and skips are counted at once and never run; so are those who
 * are still under way in another migration or were taken up by a newer round, and those whose new address was issued to somebody else after the plan.
 * Starts go one at a time: nobody is enrolled twice.
 */
export async function enrol(
  tx: LedgerTransaction,
  migrationId: MigrationId,
  planId: string,
  timeScale: number,
): Promise<void> {
  await lockEnrolling(tx);
  await sql`
    insert into wave (migration_id, number, name, state)
    select ${migrationId}::uuid, wave, 'wave ' || wave, case when wave = min(wave) over () then 'running' else 'pending' end
    from (select distinct wave from plan_item where plan_id = ${planId}::uuid) as waves
    on conflict do nothing`.execute(tx);
  await sql`
    insert into enrolment (migration_id, plan_id, employee_id, employee_version, wave, action, state, reason, google_id,
      soft_steps, live)
    select ${migrationId}::uuid, ${planId}::uuid, employee_id, employee_version, wave, action,
      case when action = 'conflict' then 'conflict' when action = 'skip' then 'skipped'
           when runs then 'pending' else 'done' end,
      reason, google_id, soft_steps, runs and action not in ('conflict', 'skip')
    from (
      select item.employee_id, employee_version, wave, google_id, source, employee_number,
        cardinality(steps) > 0 as runs,
        case when action in ('conflict', 'skip') or cardinality(steps) = 0 then action
             when elsewhere.busy then 'skip' when taken.by_another or changed.since then 'conflict' else action end as action,
        case when action in ('conflict', 'skip') or cardinality(steps) = 0 then reason
             when elsewhere.busy then 'under_way_elsewhere' when changed.since then 'address_changed_since'
             when taken.by_another then 'address_taken_since'
             else reason end as reason,
        case when desired #>> '{licence,assignment}' = 'automatic' then '{licence}'::text[] else '{}' end as soft_steps
      from plan_item as item
      join employee on employee.id = item.employee_id
      cross join lateral (select ${changedSince} as since) as changed
      cross join lateral (
        select exists (select from enrolment where enrolment.employee_id = item.employee_id and live)
          or ${isSuperseded(migrationId)} as busy
      ) as elsewhere
      cross join lateral (
        select action = 'create' and exists (
          select from address_reservation where address_reservation.address = item.address
            and address_reservation.employee_id <> item.employee_id) as by_another
      ) as taken
      where plan_id = ${planId}::uuid
    ) as item
    order by wave, source, employee_number`.execute(tx);
  await sql`
    insert into event (kind, migration_id, employee_id, state, reason, actor)
    select 'not_enrolled', migration_id, employee_id, state, reason, 'bascule' from enrolment
    where migration_id = ${migrationId}::uuid
      and reason in ('under_way_elsewhere', 'address_taken_since', 'address_changed_since')`.execute(tx);
  await insertSteps(tx, migrationId, planId, timeScale);
  await countFromScratch(tx, migrationId);
  // Only new addresses can be somebody else's by now.
  await sql`
    update migration set addresses_checked_at = now()
    where id = ${migrationId}::uuid and not exists (
      select from enrolment where migration_id = ${migrationId}::uuid and live and action = 'create')`.execute(tx);
  await noteStart(tx, migrationId);
}

/**
 * What the steps begin as follows from the list of them, and there are few different lists. A licence that Google assigns
 * by itself (soft) is seen in a listing.
 */
async function insertSteps(
  tx: LedgerTransaction,
  migrationId: MigrationId,
  planId: string,
  timeScale: number,
): Promise<void> {
  const edges = stepNames.flatMap((step) => steps[step].waitsFor.map((needs) => ({ step, needs })));
  const patience = stepNames.map((step) => (listedPatienceMs(step) ?? 0) / timeScale);
  await sql`
    with enrolled as materialized (
      select enrolment.id, enrolment.wave, enrolment.soft_steps, plan_item.steps from enrolment
      join plan_item on plan_item.plan_id = ${planId}::uuid and plan_item.employee_id = enrolment.employee_id
      where enrolment.migration_id = ${migrationId}::uuid and enrolment.live
    ), lists as (
      select distinct steps, soft_steps from enrolled
    ), beginnings as (
      select steps, soft_steps, name,
        name = any(${[...listedSteps]}::text[]) or name = any(soft_steps) as listed,
        not exists (
          select from unnest(${edges.map((e) => e.step)}::text[], ${edges.map((e) => e.needs)}::text[]) as edge (step, needs)
          where edge.step = name and edge.needs = any(steps) and edge.needs <> all(soft_steps)) as ready,
        patience_ms
      from lists cross join unnest(steps) as name
      join unnest(${[...stepNames]}::text[], ${patience}::float8[]) as patience (step, patience_ms) on patience.step = name
    )
    insert into step (enrolment_id, step, migration_id, wave, state, listed, ready, deadline_at)
    select id, name, ${migrationId}::uuid, wave, 'pending', listed, ready,
      case when listed and ready then now() + patience_ms * interval '1 millisecond' end
    from enrolled join beginnings using (steps, soft_steps)`.execute(tx);
}

async function countFromScratch(tx: LedgerTransaction, migrationId: MigrationId): Promise<void> {
  await sql`
    insert into progress_counter (migration_id, wave, step, state, reason, slot, count)
    select ${migrationId}::uuid, wave, '', state, coalesce(reason, ''), 0, count(*)
    from enrolment where migration_id = ${migrationId}::uuid group by wave, state, reason`.execute(tx);
  // A step that an employee does not need has no row; it is counted as skipped, so that each step adds up to the total.
  await sql`
    with enrolled as (
      select wave, count(*) as count from enrolment where migration_id = ${migrationId}::uuid group by wave
    ), present as (
      select wave, step, count(*) as count from step where migration_id = ${migrationId}::uuid group by wave, step
    ), counted as (
      select enrolled.wave, name as step, coalesce(present.count, 0) as pending, enrolled.count - coalesce(present.count, 0) as absent
      from enrolled cross join unnest(${[...stepNames]}::text[]) as name
      left join present on present.wave = enrolled.wave and present.step = name
    )
    insert into progress_counter (migration_id, wave, step, state, reason, slot, count)
    select ${migrationId}::uuid, wave, step, 'pending', '', 0, pending from counted where pending > 0
    union all
    select ${migrationId}::uuid, wave, step, 'skipped', 'not_needed', 0, absent from counted where absent > 0`.execute(
    tx,
  );
}
