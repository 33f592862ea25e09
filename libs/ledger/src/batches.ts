import { sql, type RawBuilder } from 'kysely';
import { z } from 'zod';
import {
  desiredAccountSchema,
  employeeRecordSchema,
  parseStepName,
  stepNames,
  type DesiredAccount,
  type EmployeeRecord,
  type Lane,
  type Licence,
  type MigrationId,
  type PlanAction,
  type StepName,
} from '#libs/vocabulary';
import { isColleaguesSql } from './address-holders.js';
import { transact, type Database, type Ledger, type LedgerTransaction } from './open.js';
import { storeSealedPasswords, type DrawPasswords } from './handover.js';
import { applyStepChanges, type StepChange } from './transitions.js';

/** A job's payload: a hint that names a batch, without personal data. */
export interface BatchHint {
  readonly batchId: number;
  readonly lane: Lane;
  /** The fence at the time of the offer: makes each offer a job of its own. */
  readonly fence: number;
}

/** One employee's step as a worker needs it. */
export interface WorkItem {
  readonly enrolmentId: number;
  readonly employeeId: string;
  readonly step: StepName;
  readonly action: PlanAction;
  readonly desired: DesiredAccount;
  /** Google's id once known: from the plan (existing accounts) or from our own insert. */
  readonly googleId: string | null;
  readonly origin: 'created' | 'adopted' | null;
  /** Whether the account's suspension, and its archiving, were our doing. */
  readonly suspendedByUs: boolean;
  readonly archivedByUs: boolean;
  /** A write may have left without our knowing its effect: read before writing. */
  readonly inDoubt: boolean;
  readonly attempts: number;
  /** The wait's deadline is over: another wait is a failure. */
  readonly overdue: boolean;
  readonly facts: Readonly<Record<string, unknown>>;
  /** Since our last write to the account, in milliseconds; null before it. */
  readonly sinceWrittenMs: number | null;
  /** Hashes of the settings that were confirmed on this account before; null where they never were. */
  readonly gmailHash: string | null;
  readonly calendarHash: string | null;
  /** An admin's list names the account: it may then be a Google admin's. */
  readonly namedByAdmin: boolean;
  /** An admin asked for the address that the plan wants: the account may be renamed to it. */
  readonly addressAsked: boolean;
  /** The hash of the first password to create the account with; null where nobody learns it. */
  readonly passwordHash: string | null;
  /** The licence that we confirmed in an earlier enrolment; null where there was none, and for every other step. */
  readonly heldLicence: Licence | null;
  /** Why the step waited until now. */
  readonly waitedFor: string | null;
  /**
   * The record as it is now, if it has a newer version than the plan pinned, if the step waits for the first day, or if the
   * last day may have passed since the plan and nothing is written yet.
   */
  readonly newer: NewerRecord | null;
}

export interface NewerRecord {
  readonly version: number;
  /** The plan was made from this very version: only the day is another. */
  readonly isAsPlanned: boolean;
  readonly record: EmployeeRecord;
  /** Something of this employee was written or read by a step before: the newer record waits. */
  readonly begun: boolean;
  /** The account that was approved with the plan. */
  readonly approved: DesiredAccount;
  readonly plannedSteps: readonly StepName[];
  /** The manager's address, once there is one. */
  readonly managerAddress: string | null;
  /** Of the addresses that the record names, lower case, those that somebody or something else has. */
  readonly addressesTaken: readonly string[];
}

export interface LeasedBatch {
  readonly batchId: number;
  readonly migrationId: MigrationId;
  readonly fence: number;
  readonly kind: string;
  readonly items: readonly WorkItem[];
}

/** Times of the lease protocol, in real milliseconds; they are never scaled. */
export interface LeaseTimes {
  readonly leaseMs: number;
  /** The longest that one call may take; a lease is retaken only after expiry plus this. */
  readonly callTimeoutMs: number;
}

/**
 * Which of the due steps: `direct` ones need a call of their own, and so do those that a whole listing after their deadline
 * did not settle; `listed` ones can be confirmed by a page of a listing, and so can `overdue` ones, whose deadline is over.
 */
export type DueKind = 'direct' | 'listed' | 'overdue';

/** Due steps in the order in which a batch takes them. `listing` is the kind of the listing that shows them, if any does. */
function dueParts(migrationId: MigrationId, listing: string) {
  // When the last listing that was read to its end had begun.
  const listedSince = sql`coalesce((
    select max(leased_at) from batch
    where migration_id = ${migrationId}::uuid and kind = ${listing} and size = 0 and state = 'settled'), '-infinity')`;
  return {
    /** Begun, and put off for another try: however many have not begun yet, these go first. */
    again: sql`not listed and state = 'waiting'`,
    fresh: sql`not listed and state <> 'waiting'`,
    outlived: sql`listed and deadline_at < now() and deadline_at < ${listedSince}`,
    overdue: sql`listed and deadline_at < now() and deadline_at >= ${listedSince}`,
    listed: sql`listed and (deadline_at >= now() or deadline_at is null)`,
  };
}
const partsOf: Record<DueKind, readonly (keyof ReturnType<typeof dueParts>)[]> = {
  direct: ['again', 'fresh', 'outlived'],
  overdue: ['overdue'],
  listed: ['listed'],
};

/**
 * Moves due steps of some kinds into a new batch. Two dispatchers at once are harmless: rows are skipped when locked.
 * Needs the indexes step_due_direct, step_again, step_due_listed and step_overdue. Returns the batch, or undefined when
 * nothing is due.
 */
export async function formBatch(
  db: Database,
  request: {
    migrationId: MigrationId;
    step: StepName;
    lane: Lane;
    sizeMax: number;
    due: readonly DueKind[];
    listing?: string;
  },
): Promise<BatchHint | undefined> {
  const dueOf = dueParts(request.migrationId, request.listing ?? '');
  const isDue = sql`migration_id = ${request.migrationId}::uuid and step = ${request.step}
        and ready and batch_id is null and due_at <= now()
        and exists (
          select from wave
          where wave.migration_id = step.migration_id and wave.number = step.wave and wave.state = 'running')
        and exists (select from migration where id = ${request.migrationId}::uuid and migration.state = 'running')`;
  const names = request.due.flatMap((kind) => partsOf[kind]);
  const parts = names.map((name, at) => {
    const taken = names.slice(0, at).map((before) => sql` - (select count(*) from ${sql.ref(before)})`);
    return sql`${sql.ref(name)} as materialized (
      select enrolment_id, step from step
      where ${isDue} and ${dueOf[name]}
      order by due_at limit ${request.sizeMax}::bigint${sql.join(taken, sql``)} for update skip locked
    )`;
  });
  const due = sql.join(
    names.map((name) => sql`select * from ${sql.ref(name)}`),
    sql` union all `,
  );
  const { rows } = await sql<{ batchId: number; fence: number }>`
    with ${sql.join(parts)}, due as (
      ${due}
    ), formed as (
      insert into batch (migration_id, lane, kind, size)
      select ${request.migrationId}::uuid, ${request.lane}, ${request.step}, count(*) from due having count(*) > 0
      returning id, fence
    ), taken as (
      update step set batch_id = formed.id from due, formed
      where step.enrolment_id = due.enrolment_id and step.step = due.step
    )
    select id as "batchId", fence from formed`.execute(db);
  const formed = rows[0];
  return formed === undefined ? undefined : { ...formed, lane: request.lane };
}

/**
 * A batch without steps of its own: a listing read through, or the plan's shared actions. Not again before a pause, and
 * not before three times as long as the last one took, `restMaxMs` at most. Two dispatchers at once form one: the index
 * batch_errand_open.
 */
export async function formErrand(
  db: Database,
  request: { migrationId: MigrationId; kind: string; lane: Lane; pauseMs: number; restMaxMs: number },
): Promise<BatchHint | undefined> {
  const { rows } = await sql<{ batchId: number; fence: number }>`
    insert into batch (migration_id, lane, kind, size)
    select ${request.migrationId}::uuid, ${request.lane}, ${request.kind}, 0
    where not exists (
      select from batch where migration_id = ${request.migrationId}::uuid and kind = ${request.kind}
        and (state in ('queued', 'leased')
          or settled_at + ${request.pauseMs} * interval '1 millisecond'
            + least(3 * (settled_at - leased_at), ${request.restMaxMs} * interval '1 millisecond') > now()))
    on conflict (migration_id, kind) where size = 0 and state in ('queued', 'leased') do nothing
    returning id as "batchId", fence`.execute(db);
  return rows[0] === undefined ? undefined : { ...rows[0], lane: request.lane };
}

/**
 * Takes the lease by compare-and-set (fence + 1) and writes the intents of the whole batch in the same transaction:
 * after a crash the steps are still `running`, so the next lease finds them in doubt. Undefined when the batch cannot be
 * had (leased, settled, migration not running): the job ends quietly.
 */
export async function leaseBatch(
  ledger: Ledger,
  batchId: number,
  worker: { name: string; slot: number; timeScale: number; drawPasswords: DrawPasswords } & LeaseTimes,
): Promise<LeasedBatch | undefined> {
  return transact(ledger.db, async (tx) => {
    const { rows } = await sql<{ fence: number; kind: string; migrationId: MigrationId }>`
      update batch set state = 'leased', fence = fence + 1, leased_by = ${worker.name}, leased_at = now(),
        lease_until = now() + ${worker.leaseMs} * interval '1 millisecond'
      where id = ${batchId}
        and (state = 'queued'
          or (state = 'leased' and lease_until + ${worker.callTimeoutMs} * interval '1 millisecond' < now()))
        and exists (select from migration where migration.id = batch.migration_id and migration.state = 'running')
      returning fence, kind, migration_id as "migrationId"`.execute(tx);
    const lease = rows[0];
    if (lease === undefined) return undefined;
    await beginPinned(tx, batchId);
    await sealPasswords(tx, batchId, lease.migrationId, worker.drawPasswords);
    const items = await readWork(tx, batchId);
    await applyStepChanges(tx, {
      migrationId: lease.migrationId,
      slot: worker.slot,
      actor: worker.name,
      heldBy: new Set([batchId]),
      keepInBatch: true,
      timeScale: worker.timeScale,
      changes: items.map(intent),
    });
    await recordListedValues(tx, batchId);
    return { batchId, ...lease, items };
  });
}

/** The last day is over somewhere on Earth, and the plan did not know it: whether it is at their place of work is looked into. */
const mayHaveLeft = sql`(enrolment.action <> 'suspend' and exists (
  select from employee_version as known where known.employee_id = employee.id and known.version = employee.version
    and known.record ->> 'endDate' < to_char(now() at time zone 'UTC' + interval '14 hours', 'YYYY-MM-DD')))`;

/**
 * Locks the batch's enrolments. Employees whose record is still the one that the plan pinned, and who may not have left since,
 * begin with this lease: from now on newer ones wait.
 */
async function beginPinned(tx: LedgerTransaction, batchId: number): Promise<void> {
  const { rows } = await sql<{ id: number; begun: boolean }>`
    select id, first_write_at is not null as begun from enrolment
    where id = any(array(select enrolment_id from step where batch_id = ${batchId})) order by id for update`.execute(
    tx,
  );
  const first = rows.filter(({ begun }) => !begun).map(({ id }) => id);
  if (first.length === 0) return;
  await sql`
    update enrolment set first_write_at = now()
    from employee
    where enrolment.id = any(${first}::bigint[]) and employee.id = enrolment.employee_id
      and employee.version = enrolment.employee_version and not ${mayHaveLeft}`.execute(tx);
}

/** First passwords are drawn once, sealed with the intent, and the same in every retry. */
async function sealPasswords(
  tx: LedgerTransaction,
  batchId: number,
  migrationId: MigrationId,
  draw: DrawPasswords,
): Promise<void> {
  const { rows } = await sql<{ employeeId: string; publicKey: string }>`
    select enrolment.employee_id as "employeeId", migration.handover_key as "publicKey"
    from step
    join enrolment on enrolment.id = step.enrolment_id
    join migration on migration.id = enrolment.migration_id
    join plan_item on plan_item.plan_id = enrolment.plan_id and plan_item.employee_id = enrolment.employee_id
    where step.batch_id = ${batchId} and step.step = 'account' and enrolment.action = 'create'
      and plan_item.desired ->> 'password' = 'handover' and migration.handover_key is not null
      and not exists (
        select from handover_secret where handover_secret.employee_id = enrolment.employee_id
          and handover_secret.migration_id = enrolment.migration_id)`.execute(tx);
  const [first] = rows;
  if (first === undefined) return;
  const drawn = await draw(
    first.publicKey,
    rows.map(({ employeeId }) => employeeId),
  );
  await storeSealedPasswords(tx, migrationId, drawn);
}

const intent = (item: WorkItem): StepChange => ({
  enrolmentId: item.enrolmentId,
  step: item.step,
  state: 'running',
  reason: null,
  dueInMs: 0,
  deadlineInMs: null,
  usesAttempt: false,
  inDoubt: item.inDoubt,
  facts: null,
});

async function readWork(tx: LedgerTransaction, batchId: number): Promise<WorkItem[]> {
  const { rows } = await sql<RawItem & { newer: unknown }>`
    select step.enrolment_id as "enrolmentId", enrolment.employee_id as "employeeId", step.step, enrolment.action,
      coalesce(enrolment.desired, plan_item.desired) as desired, coalesce(account.google_id, enrolment.google_id, plan_item.google_id) as "googleId",
      account.origin, coalesce(account.suspended_by_us, false) as "suspendedByUs",
      coalesce(account.archived_by_us, false) as "archivedByUs", (step.in_doubt or step.state = 'running') as "inDoubt", step.attempts,
      coalesce(step.deadline_at < now(), false) as overdue, coalesce(step.facts, '{}') as facts,
      (extract(epoch from now() - account.written_at) * 1000)::float8 as "sinceWrittenMs",
      account.gmail_hash as "gmailHash", account.calendar_hash as "calendarHash",
      exists (select from adoption where adoption.employee_id = enrolment.employee_id) as "namedByAdmin",
      exists (select from address_reservation as asked where asked.employee_id = enrolment.employee_id
        and asked.address = plan_item.address and asked.asked_by is not null) as "addressAsked",
      handover_secret.hashed as "passwordHash",
      case when step.step = 'licence' then (
        select coalesce(earlier.desired, earlier_item.desired) -> 'licence' from enrolment as earlier
        join step as given on given.enrolment_id = earlier.id and given.step = 'licence' and given.state = 'done'
        join plan_item as earlier_item on earlier_item.plan_id = earlier.plan_id
          and earlier_item.employee_id = earlier.employee_id
        where earlier.employee_id = enrolment.employee_id and earlier.id <> enrolment.id
        order by earlier.id desc limit 1) end as "heldLicence", step.reason as "waitedFor",
      case when employee.version <> enrolment.employee_version or step.reason = 'suspended_until_start'
        or (enrolment.first_write_at is null and ${mayHaveLeft}) then (
        select jsonb_build_object('version', employee.version, 'isAsPlanned', employee.version = enrolment.employee_version, 'record', record,
          'begun', enrolment.first_write_at is not null, 'approved', plan_item.desired,
          'plannedSteps', to_jsonb(plan_item.steps),
          'addressesTaken', to_jsonb(array(
            select named from (
              select lower(value) as named from jsonb_array_elements_text(coalesce(record -> 'legacyEmails', '[]'))
              union select lower(record ->> 'workEmail')) as names
            where ${sql.raw(isColleaguesSql('named', 'employee.id'))} or exists (
              select from observed_address
              where listing_id = (select listing_id from plan where plan.id = enrolment.plan_id)
                and observed_address.address = named and observed_address.google_id is distinct from
                  coalesce(account.google_id, plan_item.google_id)))),
          'managerAddress', (
            select coalesce(boss.primary_email, address_reservation.address)
            from employee as manager
            left join account as boss on boss.employee_id = manager.id
            left join address_reservation on address_reservation.employee_id = manager.id
              and address_reservation.kind = 'primary' and address_reservation.state = 'issued'
            where manager.source = employee.source and manager.employee_number = record ->> 'managerNumber' limit 1))
        from employee_version
        where employee_version.employee_id = employee.id and employee_version.version = employee.version) end as newer
    from step
    join enrolment on enrolment.id = step.enrolment_id
    join plan_item on plan_item.plan_id = enrolment.plan_id and plan_item.employee_id = enrolment.employee_id
    join employee on employee.id = enrolment.employee_id
    left join account on account.employee_id = enrolment.employee_id
    left join handover_secret on handover_secret.employee_id = enrolment.employee_id
      and enrolment.action = 'create' and step.step = 'account'
    where step.batch_id = ${batchId} order by step.enrolment_id`.execute(tx);
  return rows.map((row) => ({ ...parseItem(row), newer: newerSchema.parse(row.newer) }));
}

/** A work item as it comes out of the database. */
export type RawItem = Omit<WorkItem, 'desired' | 'step' | 'newer'> & { desired: unknown; step: string };

/** Parses what the database cannot type. */
export function parseItem<Row extends RawItem>(row: Row) {
  return { ...row, step: parseStepName(row.step), desired: desiredAccountSchema.parse(row.desired) };
}

const newerSchema = z
  .object({
    version: z.number(),
    isAsPlanned: z.boolean(),
    record: employeeRecordSchema,
    begun: z.boolean(),
    approved: desiredAccountSchema,
    plannedSteps: z.array(z.string().transform(parseStepName)),
    managerAddress: z.string().nullable(),
    addressesTaken: z.array(z.string()),
  })
  .nullable();

/**
 * What the plan's listing showed, before the first write: the account (or `absent`) for the steps that write to it, and the
 * memberships. Steps that read before they write add what they saw.
 */
async function recordListedValues(tx: LedgerTransaction, batchId: number): Promise<void> {
  await sql`
    insert into prior_value (enrolment_id, step, google_id, value)
    select step.enrolment_id, step.step, plan_item.google_id,
      case when plan_item.google_id is null then '"absent"'
        when step.step = 'groups' then jsonb_build_object('groups', coalesce((
          select jsonb_agg(group_email order by group_email) from observed_membership
          where observed_membership.listing_id = plan.listing_id
            and observed_membership.google_id = plan_item.google_id), '[]'))
        else coalesce(observed_account.account, '"absent"') end
    from step
    join enrolment on enrolment.id = step.enrolment_id
    join plan on plan.id = enrolment.plan_id
    join plan_item on plan_item.plan_id = enrolment.plan_id and plan_item.employee_id = enrolment.employee_id
    left join observed_account on observed_account.listing_id = plan.listing_id
      and observed_account.google_id = plan_item.google_id
    where step.batch_id = ${batchId} and (
      (step.step = 'account' and plan_item.google_id is null)
      or (step.step in ('aliases', 'groups', 'confirm') and plan_item.google_id is not null))
    on conflict do nothing`.execute(tx);
}

/** Prior values that a step read before its first write; committed before the write leaves. */
export async function recordPriorValues(
  db: Database,
  values: readonly { enrolmentId: number; step: StepName; googleId: string | null; value: unknown }[],
): Promise<void> {
  await sql`
    insert into prior_value (enrolment_id, step, google_id, value)
    select * from unnest(${values.map((v) => v.enrolmentId)}::bigint[], ${values.map((v) => v.step)}::text[],
      ${values.map((v) => v.googleId)}::text[], ${values.map((v) => JSON.stringify(v.value))}::jsonb[])
    on conflict do nothing`.execute(db);
}

/** Extends the lease; false when it was lost. */
export async function renewLease(db: Database, batchId: number, fence: number, leaseMs: number): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update batch set lease_until = now() + ${leaseMs} * interval '1 millisecond'
    where id = ${batchId} and fence = ${fence} and state = 'leased' and lease_until > now()`.execute(db);
  return numAffectedRows === 1n;
}

/**
 * Batches that deserve a job again: queued but not taken up in time, or leased by a worker that is gone. A flushed queue
 * is refilled from here.
 */
export async function batchesToOffer(
  db: Database,
  times: { callTimeoutMs: number; offerAgainMs: number },
): Promise<BatchHint[]> {
  const { rows } = await sql<BatchHint>`
    update batch set offered_at = now()
    where offered_at < now() - ${times.offerAgainMs} * interval '1 millisecond'
      and (state = 'queued'
        or (state = 'leased' and lease_until + ${times.callTimeoutMs} * interval '1 millisecond' < now()))
      and exists (select from migration where migration.id = batch.migration_id and migration.state = 'running')
    returning id as "batchId", lane, fence`.execute(db);
  return rows;
}

/** Open batches by kind, and the pace of each kind in employees a second over its last settled batches. */
export async function batchLoad(
  db: Database,
  migrationId: MigrationId,
): Promise<{ kind: string; queued: number; leased: number; perSecond: number | null }[]> {
  const { rows } = await sql<{ kind: string; queued: number; leased: number; perSecond: number | null }>`
    with open as (
      select kind, count(*) filter (where state = 'queued') as queued, count(*) filter (where state = 'leased') as leased
      from batch where migration_id = ${migrationId}::uuid and state in ('queued', 'leased') group by kind
    ), settled as (
      select kind, sum(size) / greatest(extract(epoch from now() - min(leased_at)), 0.5)::float8 as per_second
      from (
        select kind, size, leased_at from batch
        where migration_id = ${migrationId}::uuid and state = 'settled' and settled_at > now() - interval '20 seconds'
      ) as recent group by kind
    )
    select coalesce(open.kind, settled.kind) as kind, coalesce(queued, 0) as queued, coalesce(leased, 0) as leased,
      per_second as "perSecond"
    from open full join settled on settled.kind = open.kind`.execute(db);
  return rows;
}

/**
 * How many steps of each kind are due and held by no batch, counted up to a bound; `listed` counts the overdue ones as well.
 * Each kind is counted by an index of its own, so that however many wait for a listing, they never hide the others.
 */
export async function dueSteps(
  db: Database,
  migrationId: MigrationId,
  bounds: { direct: number; listed: number },
  listings: Partial<Record<StepName, string>> = {},
): Promise<{ step: StepName; direct: number; overdue: number; listed: number }[]> {
  const counts = stepNames.map((step) => {
    const dueOf = dueParts(migrationId, listings[step] ?? '');
    const count = (condition: RawBuilder<unknown>, bound: number) => sql`(
      select count(*) from (
        select from step
        where migration_id = ${migrationId}::uuid and step = ${step}
          and ready and batch_id is null and due_at <= now() and ${condition}
        limit ${bound}) as bounded)`;
    const direct = sql.join(
      partsOf.direct.map((part) => count(dueOf[part], bounds.direct)),
      sql` + `,
    );
    return sql`
      select ${step}::text as step, ${direct} as direct, ${count(dueOf.overdue, bounds.listed)} as overdue,
        ${count(sql`listed`, bounds.listed)} as listed`;
  });
  const { rows } = await sql<{ step: string; direct: number; overdue: number; listed: number }>`
    select * from (${sql.join(counts, sql` union all `)}) as due where direct + listed > 0`.execute(db);
  return rows.map((row) => ({ ...row, step: parseStepName(row.step) }));
}
