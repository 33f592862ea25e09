import { sql } from 'kysely';
import type { MigrationId } from '#libs/vocabulary';
import { applySettledAccounts, type SettledAccount } from './accounts.js';
import type { LeasedBatch } from './batches.js';
import { transact, type Ledger, type LedgerTransaction } from './open.js';
import { applyStepChanges, type StepChange } from './transitions.js';

/** What one leased batch has to settle now. */
export interface BatchShare {
  readonly batch: Pick<LeasedBatch, 'batchId' | 'fence'>;
  readonly changes: readonly StepChange[];
  readonly accounts: readonly SettledAccount[];
  /** The last of the batch: nothing of it is left. */
  readonly last: boolean;
}

/**
 * Commits outcomes of several batches of one migration, and what listings showed, with their counters, in one transaction.
 * Returns the batches whose fence still holds; of the others nothing is written. Of what listings showed, steps that a batch
 * took meanwhile are left to it.
 */
export async function settle(
  ledger: Ledger,
  settlement: {
    migrationId: MigrationId;
    slot: number;
    actor: string;
    timeScale: number;
    shares: readonly BatchShare[];
    listed?: readonly StepChange[];
  },
): Promise<ReadonlySet<number>> {
  const { shares, listed = [], ...how } = settlement;
  return transact(ledger.db, async (tx) => {
    const held = await stillHeld(tx, shares);
    const valid = shares.filter(({ batch }) => held.has(batch.batchId));
    await applySettledAccounts(
      tx,
      valid.flatMap((share) => share.accounts),
    );
    const ended = valid.flatMap(({ batch, last }) => (last ? [batch.batchId] : []));
    if (ended.length > 0) {
      await sql`update batch set state = 'settled', settled_at = now() where id = any(${ended}::bigint[])`.execute(tx);
    }
    const changes = [
      ...valid.flatMap((share) => share.changes),
      ...listed.map((change) => ({ ...change, held: 'by-none' as const })),
    ];
    await applyStepChanges(tx, { ...how, heldBy: held, keepInBatch: false, changes });
    return held;
  });
}

async function stillHeld(tx: LedgerTransaction, shares: readonly BatchShare[]): Promise<ReadonlySet<number>> {
  if (shares.length === 0) return new Set();
  const { rows } = await sql<{ id: number }>`
    select id from batch
    where state = 'leased' and (id, fence) in (
      select * from unnest(${shares.map(({ batch }) => batch.batchId)}::bigint[], ${shares.map(({ batch }) => batch.fence)}::int[]))
    order by id for update`.execute(tx);
  return new Set(rows.map(({ id }) => id));
}
