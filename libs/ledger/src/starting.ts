import { sql } from 'kysely';
import { stepNames, steps, type MigrationId } from '#libs/vocabulary';
import type { LedgerTransaction } from './open.js';

/** Addresses that somebody took between plan and start. */
export async function issueReservations(tx: LedgerTransaction, planId: string): Promise<void> {
  await sql`
    update address_reservation set state = 'issued', issued_at = now(), plan_id = null
    where plan_id = ${planId}::uuid and state = 'tentative'`.execute(tx);
}

/** Employees of the plan who are still under way in another migration. */
export async function countLiveElsewhere(tx: LedgerTransaction, planId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from plan_item join enrolment on enrolment.employee_id = plan_item.employee_id
    where plan_item.plan_id = ${planId}::uuid and enrolment.live`.execute(tx);
  return rows[0]?.count ?? 0;
}

/**
 * Makes the plan's waves, enrolments and steps, and the counters that count them: a handful of statements, whatever the
 * company's size. Employees with nothing to do, conflicts and skips are counted at once and never run.
 */
export async function enrol(tx: LedgerTransaction, migrationId: MigrationId, planId: string): Promise<void> {
  await sql`
    insert into wave (migration_id, number, name, state)
    select ${migrationId}::uuid, wave, 'wave ' || wave, case when wave = min(wave) over () then 'running' else 'pending' end
    from (select distinct wave from plan_item where plan_id = ${planId}::uuid) as waves
    on conflict do nothing`.execute(tx);
  await sql`
    insert into enrolment (migration_id, plan_id, employee_id, employee_version, wave, action, state, reason, google_id,
      soft_steps, live)
    select ${migrationId}::uuid, plan_id, plan_item.employee_id, employee_version, wave, action,
      case when action = 'conflict' then 'conflict' when action = 'skip' then 'skipped'
           when cardinality(steps) = 0 then 'done' else 'pending' end,
      reason, google_id,
      case when desired #>> '{licence,assignment}' = 'automatic' then '{licence}'::text[] else '{}' end,
      action not in ('conflict', 'skip') and cardinality(steps) > 0
    from plan_item join employee on employee.id = plan_item.employee_id
    where plan_id = ${planId}::uuid
    order by wave, employee.source, employee.employee_number`.execute(tx);
  await insertSteps(tx, migrationId, planId);
  await countFromScratch(tx, migrationId);
}

async function insertSteps(tx: LedgerTransaction, migrationId: MigrationId, planId: string): Promise<void> {
  const edges = stepNames.flatMap((step) => steps[step].waitsFor.map((needs) => ({ step, needs })));
  await sql`
    insert into step (enrolment_id, step, migration_id, wave, state, ready)
    select enrolment.id, name, ${migrationId}::uuid, enrolment.wave, 'pending',
      not exists (
        select from unnest(${edges.map((e) => e.step)}::text[], ${edges.map((e) => e.needs)}::text[]) as edge (step, needs)
        where edge.step = name and edge.needs = any(plan_item.steps) and edge.needs <> all(enrolment.soft_steps))
    from enrolment
    join plan_item on plan_item.plan_id = ${planId}::uuid and plan_item.employee_id = enrolment.employee_id
    cross join unnest(plan_item.steps) as name
    where enrolment.migration_id = ${migrationId}::uuid and enrolment.live`.execute(tx);
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
