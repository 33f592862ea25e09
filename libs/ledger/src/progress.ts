import { sql } from 'kysely';
import type { MigrationId, MigrationState } from '#libs/vocabulary';
import type { Ledger, LedgerTransaction } from './open.js';

export interface CounterRow {
  readonly wave: number;
  readonly step: string;
  readonly state: string;
  readonly reason: string;
  readonly count: number;
}

/** Everything of which a progress document is made, as it stood at one moment. */
export interface ProgressFacts {
  readonly migration: {
    readonly id: string;
    readonly name: string;
    readonly state: MigrationState;
    readonly startedAt: Date | null;
    readonly finishedAt: Date | null;
    readonly lastOutcomeAt: Date | null;
    readonly causeReason: string | null;
    readonly causeSince: Date | null;
  };
  readonly counters: readonly CounterRow[];
  readonly waves: readonly { number: number; state: string }[];
  /** When it last began to run: at its start, or when it was resumed. */
  readonly runningSince: Date | null;
  /** What its plan reckoned: calls and hours by quota; null before there is a plan. */
  readonly price: unknown;
  /** Of the time since `runningSince`: the newest, those of about one and five minutes before now, and the first. */
  readonly samples: readonly { at: Date; finished: number; calls: number; quotas: unknown }[];
  readonly waits: readonly { step: string; reason: string; oldestSince: Date | null; dueBy: Date | null }[];
  readonly examples: readonly { step: string; reason: string; employeeNumber: string }[];
  readonly now: Date;
}

/**
 * Reads one migration's progress from one snapshot: a fixed number of statements, each bounded by the number of steps and
 * reasons, never by head count. Undefined when there is no such migration.
 */
export async function readProgressFacts(ledger: Ledger, id: MigrationId): Promise<ProgressFacts | undefined> {
  return ledger.db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (tx) => {
      const { rows } = await sql<ProgressFacts['migration'] & Pick<ProgressFacts, 'now' | 'price' | 'runningSince'>>`
        select id, name, state, started_at as "startedAt", finished_at as "finishedAt", last_outcome_at as "lastOutcomeAt",
          cause_reason as "causeReason", cause_since as "causeSince", now() as now,
          (select summary -> 'price' from plan where plan.id = migration.plan_id) as price,
          (select at from event where migration_id = migration.id and employee_id is null
             and kind = 'migration_state' and event.state = 'running' order by event.id desc limit 1) as "runningSince"
        from migration where id = ${id}::uuid`.execute(tx);
      const [row] = rows;
      if (row === undefined) return undefined;
      const { now, price, runningSince, ...migration } = row;
      const counters = await readCounters(tx, id);
      return {
        migration,
        counters,
        waves: await readWaves(tx, id),
        runningSince,
        price,
        samples: await readSamples(tx, id, runningSince),
        waits: await readWaits(tx, id, counters),
        examples: await readExamples(tx, id, counters),
        now,
      };
    });
}

async function readCounters(tx: LedgerTransaction, id: MigrationId): Promise<CounterRow[]> {
  const { rows } = await sql<CounterRow>`
    select wave, step, state, reason, sum(count)::bigint as count from progress_counter
    where migration_id = ${id}::uuid group by wave, step, state, reason having sum(count) <> 0`.execute(tx);
  return rows;
}

async function readWaves(tx: LedgerTransaction, id: MigrationId): Promise<{ number: number; state: string }[]> {
  const { rows } = await sql<{ number: number; state: string }>`
    select number, state from wave where migration_id = ${id}::uuid order by number`.execute(tx);
  return rows;
}

async function readSamples(
  tx: LedgerTransaction,
  id: MigrationId,
  since: Date | null,
): Promise<ProgressFacts['samples']> {
  const ofThisRun = sql`migration_id = ${id}::uuid and at >= ${since ?? new Date(0)}`;
  const { rows } = await sql<ProgressFacts['samples'][number]>`
    (select at, finished, calls, quotas from rate_sample where ${ofThisRun} order by at desc limit 1)
    union all
    (select at, finished, calls, '[]' from rate_sample where ${ofThisRun}
       and at <= now() - interval '1 minute' order by at desc limit 1)
    union all
    (select at, finished, calls, '[]' from rate_sample where ${ofThisRun}
       and at <= now() - interval '5 minutes' order by at desc limit 1)
    union all
    (select at, finished, calls, '[]' from rate_sample where ${ofThisRun} order by at limit 1)
    order by at desc`.execute(tx);
  return rows;
}

const reasonsMax = 50;

async function readWaits(
  tx: LedgerTransaction,
  id: MigrationId,
  counters: readonly CounterRow[],
): Promise<ProgressFacts['waits']> {
  const kinds = counters.filter(({ step, state }) => step !== '' && state === 'waiting').slice(0, reasonsMax);
  if (kinds.length === 0) return [];
  const { rows } = await sql<ProgressFacts['waits'][number]>`
    select kind.step, kind.reason, oldest.waiting_since as "oldestSince", oldest.deadline_at as "dueBy"
    from unnest(${kinds.map(({ step }) => step)}::text[], ${kinds.map(({ reason }) => reason)}::text[]) as kind (step, reason)
    left join lateral (
      select waiting_since, deadline_at from step
      where migration_id = ${id}::uuid and state = 'waiting' and step.reason = kind.reason and step.step = kind.step
      order by enrolment_id limit 1
    ) as oldest on true`.execute(tx);
  return rows;
}

async function readExamples(
  tx: LedgerTransaction,
  id: MigrationId,
  counters: readonly CounterRow[],
): Promise<ProgressFacts['examples']> {
  const steps = counters.filter(({ step, state }) => step !== '' && state === 'failed').slice(0, reasonsMax);
  const planned = counters.filter(({ step, state }) => step === '' && state === 'conflict').slice(0, reasonsMax);
  const { rows } = await sql<ProgressFacts['examples'][number]>`
    select kind.step, kind.reason, employee.employee_number as "employeeNumber"
    from unnest(${steps.map(({ step }) => step)}::text[], ${steps.map(({ reason }) => reason)}::text[]) as kind (step, reason)
    cross join lateral (
      select enrolment_id from step
      where migration_id = ${id}::uuid and state = 'failed' and step.reason = kind.reason and step.step = kind.step limit 1
    ) as one
    join enrolment on enrolment.id = one.enrolment_id join employee on employee.id = enrolment.employee_id
    union all
    select 'plan', kind.reason, employee.employee_number
    from unnest(${planned.map(({ reason }) => reason)}::text[]) as kind (reason)
    cross join lateral (
      select employee_id from enrolment
      where migration_id = ${id}::uuid and state = 'conflict' and enrolment.reason = kind.reason and action = 'conflict' limit 1
    ) as one
    join employee on employee.id = one.employee_id`.execute(tx);
  return rows;
}

/** A migration's calls by method so far. */
export async function callsByMethod(ledger: Ledger, id: MigrationId): Promise<{ method: string; count: number }[]> {
  const { rows } = await sql<{ method: string; count: number }>`
    select method, sum(count)::bigint as count from call_counter where migration_id = ${id}::uuid
    group by method order by method`.execute(ledger.db);
  return rows;
}

export interface RatePoint {
  readonly at: Date;
  readonly finished: number;
  readonly calls: number;
  /** The quota of which most was used at that moment, daily and personal ones left out, and how much of it: 1 is all. */
  readonly busiestQuota: string | null;
  readonly busiestShare: number | null;
}

/** Points of the rate's curve, oldest first, at most so many. */
export async function rateCurve(ledger: Ledger, id: MigrationId, pointsMax: number): Promise<RatePoint[]> {
  const { rows } = await sql<RatePoint>`
    select at, finished, calls, busiest.quota as "busiestQuota", busiest.share as "busiestShare" from (
      select at, finished, calls, quotas, row_number() over (order by at) as n, count(*) over () as total
      from rate_sample where migration_id = ${id}::uuid
    ) as numbered
    left join lateral (
      select usage ->> 'quota' as quota, (usage ->> 'used')::float8 / (usage ->> 'limit')::float8 as share
      from jsonb_array_elements(quotas) as usage
      where usage ->> 'window' <> 'day' and usage ->> 'scope' <> 'user' and (usage ->> 'limit')::float8 > 0 order by share desc limit 1
    ) as busiest on true
    where n % greatest(1, total / ${pointsMax}) = 0 order by at`.execute(ledger.db);
  return rows;
}
