import { sql } from 'kysely';
import type { PoolClient } from 'pg';
import { counterSlots } from './counters.js';
import type { Database, Ledger } from './open.js';

/** Registers a worker process under a counter slot that no living process has, as far as the slots reach. */
export async function registerProcess(db: Database, name: string): Promise<number> {
  await sql`delete from worker_process where seen_at < now() - interval '1 minute'`.execute(db);
  const { rows } = await sql<{ slot: number }>`
    insert into worker_process (name, slot)
    select ${name}, free.slot from generate_series(1, ${counterSlots - 1}::int) as free (slot)
    order by (select count(*) from worker_process where worker_process.slot = free.slot), free.slot limit 1
    on conflict (name) do update set seen_at = now()
    returning slot`.execute(db);
  return rows[0]?.slot ?? 1;
}

/** Says that the process lives, and tells how many do. */
export async function heartbeat(db: Database, name: string, slot: number): Promise<number> {
  const { rows } = await sql<{ alive: number }>`
    with beat as (
      insert into worker_process (name, slot) values (${name}, ${slot})
      on conflict (name) do update set seen_at = now()
    )
    select count(*) filter (where name <> ${name}) + 1 as alive from worker_process
    where seen_at > now() - interval '10 seconds'`.execute(db);
  return rows[0]?.alive ?? 1;
}

export async function deregisterProcess(db: Database, name: string): Promise<void> {
  await sql`delete from worker_process where name = ${name}`.execute(db);
}

const dispatcherLock = 7_204_615;

/**
 * Tries to become the one dispatcher: a session lock on a connection of its own, lost with the connection. The lock saves
 * work; it does not carry correctness. `lost` tells when somebody else may dispatch.
 */
export async function tryDispatcherLock(
  ledger: Ledger,
): Promise<{ isLost(): boolean; release(): Promise<void> } | undefined> {
  const client: PoolClient = await ledger.pool.connect();
  let over = false;
  // Ending the session frees the lock even where the statement cannot be sent any more, and the pool its place.
  const end = () => {
    if (!over) client.release(true);
    over = true;
  };
  client.on('error', end);
  try {
    const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [
      dispatcherLock,
    ]);
    if (rows[0]?.locked === true) return { isLost: () => over, release: async () => end() };
  } catch (error) {
    end();
    throw error;
  }
  client.off('error', end);
  if (!over) client.release();
  return undefined;
}
