import { sql } from 'kysely';
import type { Ledger } from './open.js';

/** The sizes in bytes of the pieces in which a delivery's file is stored, in their order. */
export async function payloadPieceSizes(ledger: Ledger, deliveryId: string): Promise<number[]> {
  const { rows } = await sql<{ size: number }>`
    select octet_length(bytes) as size from feed_payload where delivery_id = ${deliveryId}::uuid order by piece`.execute(
    ledger.db,
  );
  return rows.map(({ size }) => size);
}

/** One piece of a delivery's file, counted from 0. */
export async function payloadPiece(ledger: Ledger, deliveryId: string, piece: number): Promise<Buffer> {
  const { rows } = await sql<{ bytes: Buffer }>`
    select bytes from feed_payload where delivery_id = ${deliveryId}::uuid and piece = ${piece}`.execute(ledger.db);
  if (rows[0] === undefined) throw new Error('a piece of a delivery is gone while it is read');
  return rows[0].bytes;
}
