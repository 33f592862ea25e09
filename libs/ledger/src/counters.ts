import { sql, type RawBuilder } from 'kysely';
import type { MigrationId } from '#libs/vocabulary';
import type { Database, LedgerTransaction } from './open.js';

/** `step` '' counts employees, `reason` '' stands for none. */
export interface CounterChange {
  readonly wave: number;
  readonly step: string;
  readonly state: string;
  readonly reason: string;
  readonly by: number;
}

/** Slots are few, so that a reader sums few rows; processes that share one only wait for each other. */
export const counterSlots = 64;

/** Adds the net change to the slot's counters, in the transaction of what they count. */
export async function addToCounters(
  tx: LedgerTransaction,
  migrationId: MigrationId,
  slot: number,
  changes: readonly CounterChange[],
): Promise<void> {
  const counted = counterWrites(migrationId, slot, changes);
  if (counted !== undefined) await sql`with ${counted} select`.execute(tx);
}

/**
 * The net change to the slot's counters as a part of a statement, undefined when there is none. Rows are taken in one order,
 * so that two transactions of one slot cannot deadlock over them. Make it the last: they stay locked until the commit.
 */
export function counterWrites(
  migrationId: MigrationId,
  slot: number,
  changes: readonly CounterChange[],
): RawBuilder<unknown> | undefined {
  const net = new Map<string, CounterChange>();
  for (const change of changes) {
    const key = `${change.wave}\t${change.step}\t${change.state}\t${change.reason}`;
    net.set(key, { ...change, by: (net.get(key)?.by ?? 0) + change.by });
  }
  const rows = [...net].filter(([, { by }]) => by !== 0).toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (rows.length === 0) return undefined;
  const values = rows.map(([, change]) => change);
  return sql`counted as (
    insert into progress_counter (migration_id, wave, step, state, reason, slot, count)
    select ${migrationId}::uuid, c.wave, c.step, c.state, c.reason, ${slot}::smallint, c.by
    from unnest(${values.map((v) => v.wave)}::int[], ${values.map((v) => v.step)}::text[],
                ${values.map((v) => v.state)}::text[], ${values.map((v) => v.reason)}::text[],
                ${values.map((v) => v.by)}::bigint[]) with ordinality as c (wave, step, state, reason, by, n)
    order by c.n
    on conflict (migration_id, wave, step, state, reason, slot)
    do update set count = progress_counter.count + excluded.count, touched_at = now())`;
}

/** Adds Google calls by method to the slot's counters: one statement for what a process made since it last said so. */
export async function addCalls(
  db: Database,
  migrationId: MigrationId,
  slot: number,
  calls: ReadonlyMap<string, number>,
): Promise<void> {
  const rows = [...calls].toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (rows.length === 0) return;
  await sql`
    insert into call_counter (migration_id, method, slot, count)
    select ${migrationId}::uuid, c.method, ${slot}::smallint, c.count
    from unnest(${rows.map(([method]) => method)}::text[], ${rows.map(([, count]) => count)}::bigint[])
      as c (method, count)
    on conflict (migration_id, method, slot) do update set count = call_counter.count + excluded.count`.execute(db);
}
