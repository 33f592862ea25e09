import { sql } from 'kysely';
import type { Database } from './open.js';

/** What monitoring asks of the whole ledger, from counters only: its cost does not depend on head count. */
export interface LedgerFigures {
  /** `step` '' counts employees. Migrations that ended more than a day ago are left out. */
  readonly progress: readonly { migrationId: string; step: string; state: string; count: number }[];
  readonly calls: readonly { migrationId: string; method: string; count: number }[];
  readonly failures: readonly { migrationId: string; reason: string; count: number }[];
  readonly paused: readonly { migrationId: string; reason: string }[];
  readonly batches: readonly { lane: string; state: string; count: number }[];
  readonly workersAlive: number;
  /** Deliveries that wait for a person's word, by source. */
  readonly heldDeliveries: readonly { source: string; count: number }[];
  /** Seconds since the last outcome of each running migration. */
  readonly quietSeconds: readonly { migrationId: string; seconds: number }[];
}

const recent = sql`select id from migration where finished_at is null or finished_at > now() - interval '1 day'
  order by created_at desc limit 20`;

export async function readFigures(db: Database): Promise<LedgerFigures> {
  const [progress, calls, failures, paused, batches, workers, held, quiet] = await Promise.all([
    sql<LedgerFigures['progress'][number]>`
      select migration_id as "migrationId", step, state, sum(count)::bigint as count from progress_counter
      where migration_id in (${recent}) group by 1, 2, 3`.execute(db),
    sql<LedgerFigures['calls'][number]>`
      select migration_id as "migrationId", method, sum(count)::bigint as count from call_counter
      where migration_id in (${recent}) group by 1, 2`.execute(db),
    sql<LedgerFigures['failures'][number]>`
      select migration_id as "migrationId", reason, sum(count)::bigint as count from progress_counter
      where migration_id in (${recent}) and step <> '' and state = 'failed' group by 1, 2 having sum(count) > 0`.execute(
      db,
    ),
    sql<LedgerFigures['paused'][number]>`
      select id as "migrationId", coalesce(cause_reason, '') as reason from migration
      where state in ('pausing', 'paused')`.execute(db),
    sql<LedgerFigures['batches'][number]>`
      select lane, state, count(*)::bigint as count from batch where state in ('queued', 'leased') group by 1, 2`.execute(
      db,
    ),
    sql<{ alive: number }>`
      select count(*)::bigint as alive from worker_process where seen_at > now() - interval '10 seconds'`.execute(db),
    sql<LedgerFigures['heldDeliveries'][number]>`
      select source, count(*)::bigint as count from feed_delivery where state = 'held' group by 1`.execute(db),
    sql<LedgerFigures['quietSeconds'][number]>`
      select id as "migrationId", extract(epoch from now() - coalesce(last_outcome_at, started_at, now()))::float8 as seconds
      from migration where state = 'running'`.execute(db),
  ]);
  return {
    progress: progress.rows,
    calls: calls.rows,
    failures: failures.rows,
    paused: paused.rows,
    batches: batches.rows,
    workersAlive: workers.rows[0]?.alive ?? 0,
    heldDeliveries: held.rows,
    quietSeconds: quiet.rows,
  };
}
