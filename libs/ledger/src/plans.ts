import { sql } from 'kysely';
import {
  parseFailureReason,
  type FailureReason,
  type FieldChange,
  type MigrationId,
  type PlanAction,
  type SharedActionKind,
} from '#libs/vocabulary';
import type { Database, LedgerTransaction } from './open.js';

export interface PlanRow {
  readonly id: string;
  readonly migrationId: MigrationId;
  readonly blueprintVersion: number;
  readonly state: 'computing' | 'ready' | 'refused' | 'discarded';
  readonly cause: string | null;
  readonly summary: unknown;
  readonly needsAcceptance: readonly string[];
  readonly acceptedUnknowns: readonly string[];
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

/** A plan whose process has not been heard of for so long broke off with it. */
const isOrphan = sql`(state = 'computing' and seen_at < now() - interval '1 minute')`;

const selectPlan = sql`
  select id, migration_id as "migrationId", blueprint_version as "blueprintVersion",
    case when ${isOrphan} then 'refused' else state end as state,
    case when ${isOrphan} then 'planning broke off with its process: plan again' else cause end as cause, summary,
    needs_acceptance as "needsAcceptance", accepted_unknowns as "acceptedUnknowns", created_at as "createdAt",
    finished_at as "finishedAt"
  from plan`;

/** Opens a plan; the migration's earlier plans are discarded and the addresses that they held are free again. */
export async function createPlan(
  db: Database,
  plan: { migrationId: MigrationId; blueprintVersion: number; actor: string },
): Promise<string> {
  return db.transaction().execute(async (tx) => {
    await discardPlans(tx, plan.migrationId);
    const { rows } = await sql<{ id: string }>`
      insert into plan (migration_id, blueprint_version, created_by)
      values (${plan.migrationId}::uuid, ${plan.blueprintVersion}, ${plan.actor}) returning id`.execute(tx);
    const [created] = rows;
    if (created === undefined) throw new Error('the ledger gave no plan');
    return created.id;
  });
}

export async function readPlan(db: Database, planId: string): Promise<PlanRow | undefined> {
  const { rows } = await sql<PlanRow>`${selectPlan} where id = ${planId}::uuid`.execute(db);
  return rows[0];
}

export async function latestPlan(db: Database, migrationId: MigrationId): Promise<PlanRow | undefined> {
  const { rows } = await sql<PlanRow>`
    ${selectPlan} where migration_id = ${migrationId}::uuid order by created_at desc limit 1`.execute(db);
  return rows[0];
}

/** Says that the plan is still being computed: often enough that nobody takes its process for dead. */
export async function keepPlanAlive(db: Database, planId: string): Promise<void> {
  await sql`update plan set seen_at = now() where id = ${planId}::uuid and state = 'computing'`.execute(db);
}

/** Says that the plan stands (and the migration is planned), or why it was refused. */
export async function finishPlan(
  db: Database,
  planId: string,
  end:
    | { state: 'ready'; summary: unknown; needsAcceptance: readonly string[]; sha256: Uint8Array }
    | { state: 'refused'; cause: string },
): Promise<void> {
  if (end.state === 'refused') {
    await sql`
      update plan set state = 'refused', cause = ${end.cause}, finished_at = now() where id = ${planId}::uuid`.execute(
      db,
    );
    return;
  }
  await db.transaction().execute(async (tx) => {
    await sql`
      update plan set state = 'ready', summary = ${JSON.stringify(end.summary)}::jsonb,
        needs_acceptance = ${[...end.needsAcceptance]}::text[], sha256 = ${Buffer.from(end.sha256)}, finished_at = now()
      where id = ${planId}::uuid and state = 'computing'`.execute(tx);
    await sql`
      update migration set plan_id = ${planId}::uuid, state = 'planned', approved_by = null, approved_at = null
      where id = (select migration_id from plan where id = ${planId}::uuid and state = 'ready')
        and state in ('draft', 'planned', 'approved')`.execute(tx);
  });
  await sql`analyze plan_item`.execute(db);
}

/** A migration that ends before its start: its plans are discarded and the addresses that they held are free again. */
export async function discardPlans(tx: LedgerTransaction, migrationId: MigrationId): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    update plan set state = 'discarded' where migration_id = ${migrationId}::uuid and state <> 'discarded'
      and exists (select from migration where migration.id = ${migrationId}::uuid and started_at is null)
    returning id`.execute(tx);
  await sql`
    delete from address_reservation
    where state = 'tentative' and plan_id = any(${rows.map(({ id }) => id)}::uuid[])`.execute(tx);
}

export async function acceptUnknowns(
  db: Database | LedgerTransaction,
  planId: string,
  accepted: readonly string[],
): Promise<void> {
  await sql`
    update plan set accepted_unknowns = accepted_unknowns || ${[...accepted]}::text[] where id = ${planId}::uuid`.execute(
    db,
  );
}

/** A page of a plan, by action, in the order of employee ids. */
export async function planItems(
  db: Database,
  planId: string,
  page: { action?: PlanAction; reason?: FailureReason; after?: string; limit: number },
): Promise<
  {
    employeeId: string;
    employeeNumber: string;
    action: PlanAction;
    reason: FailureReason | null;
    address: string | null;
    steps: string[];
    changes: FieldChange[];
    /** What the blueprint says that the account must look like; null where nothing is planned. */
    desired: unknown;
  }[]
> {
  const { rows } = await sql<{
    employeeId: string;
    employeeNumber: string;
    action: PlanAction;
    reason: string | null;
    address: string | null;
    steps: string[];
    changes: FieldChange[];
    desired: unknown;
  }>`
    select employee_id as "employeeId", employee.employee_number as "employeeNumber", action, reason, address, steps, changes, desired
    from plan_item join employee on employee.id = plan_item.employee_id
    where plan_id = ${planId}::uuid
      and (${page.action ?? null}::text is null or action = ${page.action ?? null})
      and (${page.reason ?? null}::text is null or reason = ${page.reason ?? null})
      and (${page.after ?? null}::uuid is null or employee_id > ${page.after ?? null}::uuid)
    order by employee_id limit ${page.limit}`.execute(db);
  return rows.map((row) => ({ ...row, reason: row.reason === null ? null : parseFailureReason(row.reason) }));
}

export interface SharedAction {
  readonly id: number;
  readonly kind: SharedActionKind;
  readonly key: string;
  readonly desired: unknown;
  readonly action: 'create' | 'nothing';
  readonly state: string;
  readonly reason: string | null;
  readonly googleId: string | null;
  readonly attempts: number;
}

export async function storeSharedActions(
  db: Database,
  planId: string,
  actions: readonly {
    kind: SharedActionKind;
    key: string;
    desired: unknown;
    action: 'create' | 'nothing';
    googleId: string | null;
  }[],
): Promise<void> {
  await sql`
    insert into shared_action (plan_id, kind, key, position, desired, action, state, google_id)
    select ${planId}::uuid, kind, key, position, desired, action,
      case when action = 'nothing' then 'done' else 'pending' end, google_id
    from unnest(${actions.map((a) => a.kind)}::text[], ${actions.map((a) => a.key)}::text[],
      ${actions.map((a) => JSON.stringify(a.desired))}::jsonb[], ${actions.map((a) => a.action)}::text[],
      ${actions.map((a) => a.googleId)}::text[]) with ordinality as a (kind, key, desired, action, google_id, position)`.execute(
    db,
  );
}

export async function sharedActions(db: Database, planId: string): Promise<SharedAction[]> {
  const { rows } = await sql<SharedAction>`
    select id, kind, key, desired, action, state, reason, google_id as "googleId", attempts
    from shared_action where plan_id = ${planId}::uuid order by position`.execute(db);
  return rows;
}

/** Shared actions that are not done yet, and those of them that are due. */
export async function readSharedWork(db: Database, migrationId: MigrationId): Promise<{ open: number; due: number }> {
  const { rows } = await sql<{ open: number; due: number }>`
    select count(*) as open, count(*) filter (where due_at <= now()) as due
    from shared_action join migration on migration.plan_id = shared_action.plan_id
    where migration.id = ${migrationId}::uuid and shared_action.state <> 'done'`.execute(db);
  return rows[0] ?? { open: 0, due: 0 };
}

export async function settleShared(
  db: Database,
  id: number,
  end: { state: 'done' | 'pending' | 'failed'; reason: FailureReason | null; googleId: string | null; dueInMs: number },
): Promise<void> {
  await sql`
    update shared_action set state = ${end.state}, reason = ${end.reason}, google_id = coalesce(${end.googleId}, google_id),
      attempts = attempts + 1, due_at = now() + ${Math.round(end.dueInMs)} * interval '1 millisecond',
      confirmed_at = case when ${end.state} = 'done' then now() end
    where id = ${id}`.execute(db);
}
