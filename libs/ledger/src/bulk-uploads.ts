import { sql } from 'kysely';
import type { Database } from './open.js';

/** Notes what the sender calls each row of a delivery, in the order of its rows. */
export async function noteBulkIds(db: Database, deliveryId: string, bulkIds: readonly string[]): Promise<void> {
  await sql`
    insert into feed_operation (delivery_id, row, bulk_id)
    select ${deliveryId}::uuid, place, bulk_id from unnest(${[...bulkIds]}::text[]) with ordinality as sent (bulk_id, place)
  `.execute(db);
}
