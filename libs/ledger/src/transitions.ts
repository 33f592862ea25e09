import { sql } from 'kysely';
import { employeeStateOf, isFinished, newlyReady, type StepStanding } from '#libs/plan';
import {
  firstWaits,
  listedWaits,
  parseFailureReason,
  parseStepName,
  stepNames,
  steps,
  waitDeadline,
  type EmployeeState,
  type FailureReason,
  type MigrationId,
  type StepName,
  type StepState,
} from '#libs/vocabulary';
import { counterWrites, type CounterChange } from './counters.js';
import type { LedgerTransaction } from './open.js';

/** What shall become of one step. Waits are in real milliseconds from now. */
export interface StepChange {
  readonly enrolmentId: number;
  readonly step: StepName;
  readonly state: StepState;
  readonly reason: FailureReason | null;
  readonly dueInMs: number;
  /** Set when a wait begins; kept until the step leaves waiting. */
  readonly deadlineInMs: number | null;
  readonly usesAttempt: boolean;
  readonly inDoubt: boolean;
  /** Merged into the facts that are there. */
  readonly facts: Readonly<Record<string, unknown>> | null;
  /** Whether it may run when due; left out: as it was. A step that is not ready becomes so by the step graph. */
  readonly ready?: boolean;
  /**
   * Whether a batch may hold the step, other than the transition says: none, and the step is not finished (what a listing
   * showed); or one of its batches or none (a step that begins anew beside the one in hand).
   */
  readonly held?: 'by-none' | 'by-batch-or-none';
}

export interface Transition {
  readonly migrationId: MigrationId;
  /** The counter slot of the calling process. */
  readonly slot: number;
  readonly actor: string;
  /** Only steps that one of these batches holds are changed; null: only steps that no batch holds. */
  readonly heldBy: ReadonlySet<number> | null;
  /** The steps stay with the batch (a lease) or go back to the ledger (an outcome). */
  readonly keepInBatch: boolean;
  /** Divides waits on Google. */
  readonly timeScale: number;
  readonly changes: readonly StepChange[];
}

interface LockedEnrolment {
  readonly id: number;
  readonly wave: number;
  readonly action: string;
  readonly state: EmployeeState;
  readonly reason: string | null;
  readonly softSteps: readonly StepName[];
}

interface StoredStep extends StepStanding {
  readonly enrolmentId: number;
  readonly batchId: number | null;
}

interface Work {
  readonly stepChanges: StepChange[];
  readonly ready: { enrolmentId: number; step: StepName; dueInMs: number; deadlineInMs: number | null }[];
  readonly enrolments: { id: number; state: EmployeeState; reason: FailureReason | null; finished: boolean }[];
  readonly counters: CounterChange[];
  readonly events: { enrolmentId: number; step: StepName; state: StepState; reason: FailureReason | null }[];
}

/**
 * The only writer of step states, employee states and counters: changes the steps, makes their dependents ready,
 * recomputes the employees under their locks (taken in id order) by the one rule of the step graph, and adds the net
 * change to the counters, all in the caller's transaction. Returns how many steps were changed.
 */
export async function applyStepChanges(tx: LedgerTransaction, transition: Transition): Promise<number> {
  if (transition.changes.length === 0) return 0;
  const ids = [...new Set(transition.changes.map(({ enrolmentId }) => enrolmentId))];
  const enrolments = await lockEnrolments(tx, ids);
  const standings = await readSteps(tx, ids);
  const work = decide(transition, enrolments, standings);
  await write(tx, work, transition);
  return work.stepChanges.length;
}

/** Everything that was decided, in one statement: each further round trip would hold the locks longer. */
async function write(tx: LedgerTransaction, work: Work, transition: Transition): Promise<void> {
  const { migrationId, slot } = transition;
  const writes = [
    work.stepChanges.length > 0 && sql`changed as (${stepWrites(work.stepChanges, transition)})`,
    work.ready.length > 0 && sql`readied as (${readyWrites(work.ready)})`,
    work.enrolments.length > 0 && sql`moved as (${enrolmentWrites(work.enrolments)})`,
    work.events.length > 0 && sql`told as (${eventWrites(work, transition)})`,
    counterWrites(migrationId, slot, work.counters),
  ].filter((one) => one !== false && one !== undefined);
  if (writes.length > 0) await sql`with ${sql.join(writes)} select`.execute(tx);
}

/** Locks the enrolments in the order in which every transaction takes them. */
export async function lockEnrolments(tx: LedgerTransaction, ids: readonly number[]): Promise<LockedEnrolment[]> {
  const { rows } = await sql<LockedEnrolment>`
    select id, wave, action, state, reason, soft_steps as "softSteps"
    from enrolment where id = any(${ids}::bigint[]) order by id for update`.execute(tx);
  return rows;
}

async function readSteps(tx: LedgerTransaction, ids: readonly number[]): Promise<Map<number, StoredStep[]>> {
  const { rows } = await sql<{
    enrolmentId: number;
    step: string;
    state: StepState;
    reason: string | null;
    ready: boolean;
    batchId: number | null;
  }>`
    select enrolment_id as "enrolmentId", step, state, reason, ready, batch_id as "batchId"
    from step where enrolment_id = any(${ids}::bigint[])`.execute(tx);
  const byEnrolment = new Map<number, StoredStep[]>();
  for (const row of rows) {
    const stored = {
      ...row,
      step: parseStepName(row.step),
      reason: row.reason === null ? null : parseFailureReason(row.reason),
    };
    const list = byEnrolment.get(row.enrolmentId);
    if (list === undefined) byEnrolment.set(row.enrolmentId, [stored]);
    else list.push(stored);
  }
  return byEnrolment;
}

function decide(
  transition: Transition,
  enrolments: readonly LockedEnrolment[],
  standings: ReadonlyMap<number, readonly StoredStep[]>,
): Work {
  const work: Work = { stepChanges: [], ready: [], enrolments: [], counters: [], events: [] };
  const wanted = Map.groupBy(transition.changes, ({ enrolmentId }) => enrolmentId);
  for (const enrolment of enrolments) {
    const before = standings.get(enrolment.id) ?? [];
    const changes = (wanted.get(enrolment.id) ?? []).filter((change) =>
      before.some((standing) => standing.step === change.step && isFree(standing, change, transition.heldBy)),
    );
    if (changes.length === 0) continue;
    // A step is written once; of two listings' words the later counts.
    const once = [...new Map(changes.map((change) => [change.step, change])).values()];
    decideEnrolment(work, transition, enrolment, before, once);
  }
  return work;
}

function isFree({ batchId, state }: StoredStep, { held }: StepChange, heldBy: Transition['heldBy']): boolean {
  // Between a listing's word and its commit a batch may have finished the step, or a cancellation: that stands.
  if (held === 'by-none') return batchId === null && (state === 'pending' || state === 'waiting');
  return batchId === null ? heldBy === null || held === 'by-batch-or-none' : heldBy?.has(batchId) === true;
}

function decideEnrolment(
  work: Work,
  transition: Transition,
  enrolment: LockedEnrolment,
  before: readonly StoredStep[],
  changes: readonly StepChange[],
): void {
  const after = new Map(before.map((standing) => [standing.step, standing]));
  const own = work.stepChanges.length;
  for (const change of changes) {
    const old = after.get(change.step);
    if (old === undefined) continue;
    const { state, reason, ready = old.ready } = change;
    after.set(change.step, { ...old, state, reason, ready });
    work.stepChanges.push(change);
    countMove(work, enrolment.wave, change.step, old, change);
    if (change.state !== 'running' && (old.state !== change.state || old.reason !== change.reason)) {
      work.events.push({ enrolmentId: enrolment.id, step: change.step, state: change.state, reason: change.reason });
    }
  }
  for (const step of newlyReady([...after.values()], enrolment.softSteps)) {
    const old = after.get(step);
    if (old !== undefined) after.set(step, { ...old, ready: true });
    const waitMs = enrolment.action === 'create' ? steps[step].firstTryAfterMs / transition.timeScale : 0;
    const patienceMs = listedPatienceMs(step);
    const deadlineInMs = patienceMs === null ? null : waitMs + patienceMs / transition.timeScale;
    makeReady(work, own, { enrolmentId: enrolment.id, step, dueInMs: waitMs, deadlineInMs });
  }
  const { state, reason } = employeeStateOf([...after.values()]);
  if (state === enrolment.state && reason === enrolment.reason) return;
  work.enrolments.push({ id: enrolment.id, state, reason, finished: isFinished(state) });
  countMove(work, enrolment.wave, '', enrolment, { state, reason });
}

/** A step that begins anew by one of the employee's `own` changes may be ready at once: its row is written only once. */
function makeReady(work: Work, own: number, ready: Work['ready'][number]): void {
  const at = own + work.stepChanges.slice(own).findIndex(({ step }) => step === ready.step);
  const change = at < own ? undefined : work.stepChanges[at];
  if (change === undefined) {
    work.ready.push(ready);
    return;
  }
  const { dueInMs } = ready;
  work.stepChanges[at] = {
    ...change,
    ready: true,
    dueInMs,
    deadlineInMs: isListed(change) ? ready.deadlineInMs : null,
  };
}

function countMove(
  work: Work,
  wave: number,
  step: StepName | '',
  from: { state: string; reason: string | null },
  to: { state: string; reason: string | null },
): void {
  if (from.state === to.state && from.reason === to.reason) return;
  work.counters.push({ wave, step, state: from.state, reason: from.reason ?? '', by: -1 });
  work.counters.push({ wave, step, state: to.state, reason: to.reason ?? '', by: 1 });
}

/** Steps that begin as ones which a page of a listing can confirm. */
export const listedSteps: readonly StepName[] = stepNames.filter((step) => steps[step].listed);

/** How long such a step waits at most from the moment that it is ready, in Google's milliseconds; null for the others. */
export function listedPatienceMs(step: StepName): number | null {
  const wait = firstWaits[step];
  return wait === undefined ? null : (waitDeadline(wait)?.deadlineMs ?? null);
}

/** Whether a page of a listing can confirm it as it stands: what is in doubt needs a read of its own. */
const isListed = ({ step, reason, inDoubt }: Pick<StepChange, 'step' | 'reason' | 'inDoubt'>): boolean =>
  !inDoubt &&
  reason !== 'suspended_until_start' &&
  (steps[step].listed || (reason !== null && listedWaits.includes(reason)));

function stepWrites(changes: readonly StepChange[], transition: Transition) {
  return sql`
    update step set
      state = c.state,
      reason = c.reason,
      due_at = now() + c.due_in_ms * interval '1 millisecond',
      waiting_since = case when c.state = 'waiting' then coalesce(step.waiting_since, now())
                           when c.state in ('running', 'pending') then step.waiting_since end,
      deadline_at = case when c.deadline_in_ms is not null
                           then coalesce(step.deadline_at, now() + c.deadline_in_ms * interval '1 millisecond')
                         when c.state in ('running', 'pending', 'waiting') then step.deadline_at end,
      attempts = step.attempts + c.attempt,
      in_doubt = c.in_doubt,
      listed = c.listed,
      ready = coalesce(c.ready, step.ready) and c.state in ('pending', 'running', 'waiting'),
      batch_id = case when ${transition.keepInBatch} then step.batch_id end,
      facts = case when c.facts is null then step.facts else coalesce(step.facts, '{}') || c.facts end
    from unnest(
      ${changes.map((c) => c.enrolmentId)}::bigint[], ${changes.map((c) => c.step)}::text[],
      ${changes.map((c) => c.state)}::text[], ${changes.map((c) => c.reason)}::text[],
      ${changes.map((c) => Math.round(c.dueInMs))}::bigint[], ${changes.map((c) => (c.deadlineInMs === null ? null : Math.round(c.deadlineInMs)))}::bigint[],
      ${changes.map((c) => (c.usesAttempt ? 1 : 0))}::int[], ${changes.map((c) => c.inDoubt)}::boolean[],
      ${changes.map((c) => (c.facts === null ? null : JSON.stringify(c.facts)))}::jsonb[],
      ${changes.map((c) => c.ready ?? null)}::boolean[], ${changes.map(isListed)}::boolean[]
    ) as c (enrolment_id, step, state, reason, due_in_ms, deadline_in_ms, attempt, in_doubt, facts, ready, listed)
    where step.enrolment_id = c.enrolment_id and step.step = c.step`;
}

function readyWrites(ready: Work['ready']) {
  return sql`
    update step set ready = true, due_at = now() + r.due_in_ms * interval '1 millisecond',
      deadline_at = coalesce(deadline_at,
        case when listed then now() + r.deadline_in_ms * interval '1 millisecond' end)
    from unnest(${ready.map((r) => r.enrolmentId)}::bigint[], ${ready.map((r) => r.step)}::text[],
                ${ready.map((r) => Math.round(r.dueInMs))}::bigint[],
                ${ready.map((r) => (r.deadlineInMs === null ? null : Math.round(r.deadlineInMs)))}::bigint[])
      as r (enrolment_id, step, due_in_ms, deadline_in_ms)
    where step.enrolment_id = r.enrolment_id and step.step = r.step`;
}

function enrolmentWrites(enrolments: Work['enrolments']) {
  return sql`
    update enrolment set
      state = e.state, reason = e.reason,
      finished_seq = case when e.finished then nextval('enrolment_finished_seq') end,
      live = not e.finished
    from unnest(${enrolments.map((e) => e.id)}::bigint[], ${enrolments.map((e) => e.state)}::text[],
                ${enrolments.map((e) => e.reason)}::text[], ${enrolments.map((e) => e.finished)}::boolean[])
      as e (id, state, reason, finished)
    where enrolment.id = e.id`;
}

function eventWrites({ events }: Work, transition: Transition) {
  return sql`
    insert into event (kind, migration_id, employee_id, step, state, reason, actor)
    select 'step', ${transition.migrationId}::uuid, enrolment.employee_id, e.step, e.state, e.reason, ${transition.actor}
    from unnest(${events.map((e) => e.enrolmentId)}::bigint[], ${events.map((e) => e.step)}::text[],
                ${events.map((e) => e.state)}::text[], ${events.map((e) => e.reason)}::text[])
      as e (enrolment_id, step, state, reason)
    join enrolment on enrolment.id = e.enrolment_id`;
}
