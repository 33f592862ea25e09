import { sql } from 'kysely';
import { migrationIdSchema, type MigrationId, type StepName } from '#libs/vocabulary';
import { parseItem, type RawItem, type WorkItem } from './batches.js';
import type { Database } from './open.js';

/** A step that a page of a listing may settle. */
export type ListedItem = WorkItem & { readonly due: boolean };

const selectListed = sql`
  select step.enrolment_id as "enrolmentId", enrolment.employee_id as "employeeId", step.step, enrolment.action,
    coalesce(enrolment.desired, plan_item.desired) as desired, account.google_id as "googleId", account.origin, step.in_doubt as "inDoubt", step.attempts,
    coalesce(step.deadline_at < now(), false) as overdue, coalesce(step.facts, '{}') as facts,
    (extract(epoch from now() - account.written_at) * 1000)::float8 as "sinceWrittenMs",
    account.gmail_hash as "gmailHash", account.calendar_hash as "calendarHash", false as "namedByAdmin", false as "addressAsked",
    false as "suspendedByUs", false as "archivedByUs",
    null as "passwordHash", null as "heldLicence", step.reason as "waitedFor", step.due_at <= now() as due
  from account
  join enrolment on enrolment.employee_id = account.employee_id and enrolment.live
  join step on step.enrolment_id = enrolment.id
  join plan_item on plan_item.plan_id = enrolment.plan_id and plan_item.employee_id = enrolment.employee_id`;

/** The steps of one migration that wait for a listing to show these accounts. */
export async function stepsAwaiting(
  db: Database,
  migrationId: MigrationId,
  found: { googleIds?: readonly string[]; addresses?: readonly string[]; steps: readonly StepName[] },
): Promise<ListedItem[]> {
  const key =
    found.googleIds === undefined
      ? sql`account.primary_email = any(${[...(found.addresses ?? [])]}::text[])`
      : sql`account.google_id = any(${[...found.googleIds]}::text[])`;
  const { rows } = await sql<RawItem & { due: boolean }>`
    ${selectListed}
    where ${key} and enrolment.migration_id = ${migrationId}::uuid
      and step.step = any(${[...found.steps]}::text[]) and step.ready and step.batch_id is null
      and (step.listed or (step.reason = 'suspended_until_start' and not step.in_doubt))
    order by step.enrolment_id`.execute(db);
  return rows.map((row) => ({ ...parseItem(row), newer: null }));
}

/** The groups in which somebody's membership waits to be seen. */
export async function groupsAwaited(db: Database, migrationId: MigrationId): Promise<string[]> {
  const { rows } = await sql<{ email: string }>`
    select distinct jsonb_array_elements_text(coalesce(enrolment.desired, plan_item.desired) -> 'groups') as email
    from step
    join enrolment on enrolment.id = step.enrolment_id
    join plan_item on plan_item.plan_id = enrolment.plan_id and plan_item.employee_id = enrolment.employee_id
    where step.migration_id = ${migrationId}::uuid and step.step = 'groups' and step.ready
      and step.reason = 'membership_not_visible'
    order by 1`.execute(db);
  return rows.map(({ email }) => email);
}

/** Notes who of a group's members waits to be seen in it. */
export async function storeAwaitedMemberships(
  db: Database,
  migrationId: MigrationId,
  listingId: string,
  group: { email: string; googleIds: readonly string[] },
): Promise<void> {
  await sql`
    insert into observed_membership (listing_id, group_email, google_id)
    select ${listingId}::uuid, ${group.email.toLowerCase()}, account.google_id
    from account
    join enrolment on enrolment.employee_id = account.employee_id and enrolment.live
    join step on step.enrolment_id = enrolment.id and step.step = 'groups'
    where account.google_id = any(${[...group.googleIds]}::text[]) and enrolment.migration_id = ${migrationId}::uuid
      and step.reason = 'membership_not_visible'
    on conflict do nothing`.execute(db);
}

/**
 * The awaiting employees all of whose groups the listing shows them in, a page at a time. Overdue are those whose deadline
 * was over before it began: of the others it says too little.
 */
export async function membershipsSeen(
  db: Database,
  migrationId: MigrationId,
  listingId: string,
  page: { after: number; limit: number },
): Promise<{ enrolmentId: number; seen: boolean; overdue: boolean; attempts: number }[]> {
  const { rows } = await sql<{ enrolmentId: number; seen: boolean; overdue: boolean; attempts: number }>`
    select step.enrolment_id as "enrolmentId", step.attempts,
      coalesce(step.deadline_at < (select started_at from directory_listing where id = ${listingId}::uuid), false) as overdue,
      not exists (
        select from jsonb_array_elements_text(coalesce(enrolment.desired, plan_item.desired) -> 'groups') as wanted (email)
        where not exists (
          select from observed_membership
          where observed_membership.listing_id = ${listingId}::uuid
            and observed_membership.google_id = account.google_id and group_email = lower(wanted.email))) as seen
    from step
    join enrolment on enrolment.id = step.enrolment_id
    join account on account.employee_id = enrolment.employee_id
    join plan_item on plan_item.plan_id = enrolment.plan_id and plan_item.employee_id = enrolment.employee_id
    where step.migration_id = ${migrationId}::uuid and step.step = 'groups' and step.ready and step.batch_id is null
      and step.reason = 'membership_not_visible' and step.enrolment_id > ${page.after}
    order by step.enrolment_id limit ${page.limit}`.execute(db);
  return rows;
}

/** Ends an errand: settled when it was carried out whole, abandoned when it broke off; either way the next one waits its turn. */
export async function endErrand(
  db: Database,
  { batchId, fence }: { batchId: number; fence: number },
  whole: boolean,
): Promise<void> {
  await sql`
    update batch set state = ${whole ? 'settled' : 'abandoned'}, settled_at = now()
    where id = ${batchId} and fence = ${fence} and state = 'leased'`.execute(db);
}

/** The approved plan of a migration, and the ids of the calendars that it declares. */
export async function calendarIdsOf(
  db: Database,
  migrationId: MigrationId,
): Promise<{ planId: string; calendarIds: ReadonlyMap<string, string> }> {
  const { rows } = await sql<{ planId: string; key: string | null; googleId: string | null }>`
    select migration.plan_id as "planId", shared_action.key, shared_action.google_id as "googleId"
    from migration left join shared_action on shared_action.plan_id = migration.plan_id
      and shared_action.kind = 'calendar' and shared_action.google_id is not null
    where migration.id = ${migrationIdSchema.parse(migrationId)}::uuid`.execute(db);
  const calendarIds = new Map(
    rows.flatMap(({ key, googleId }) => (key === null || googleId === null ? [] : [[key, googleId] as const])),
  );
  return { planId: rows[0]?.planId ?? '', calendarIds };
}

/** The licences (product and SKU) that somebody waits to see. */
export async function licencesAwaited(
  db: Database,
  migrationId: MigrationId,
): Promise<{ productId: string; skuId: string }[]> {
  const { rows } = await sql<{ productId: string; skuId: string }>`
    select distinct coalesce(enrolment.desired, plan_item.desired) #>> '{licence,productId}' as "productId",
      coalesce(enrolment.desired, plan_item.desired) #>> '{licence,skuId}' as "skuId"
    from step
    join enrolment on enrolment.id = step.enrolment_id
    join plan_item on plan_item.plan_id = enrolment.plan_id and plan_item.employee_id = enrolment.employee_id
    where step.migration_id = ${migrationId}::uuid and step.step = 'licence' and step.ready
    order by 1, 2`.execute(db);
  return rows;
}

/** Employees for whose licence we have waited so long since their account was made, oldest first. */
export async function longUnlicensed(
  db: Database,
  migrationId: MigrationId,
  waitedMs: number,
  count: number,
): Promise<ListedItem[]> {
  const { rows } = await sql<RawItem & { due: boolean }>`
    ${selectListed}
    where enrolment.migration_id = ${migrationId}::uuid and step.step = 'licence' and step.state in ('pending', 'waiting')
      and step.ready and step.batch_id is null
      and account.created_at < now() - ${waitedMs} * interval '1 millisecond'
    order by account.created_at limit ${count}`.execute(db);
  return rows.map((row) => ({ ...parseItem(row), newer: null }));
}
