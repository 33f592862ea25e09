import { sql } from 'kysely';
import type { Measure } from '#libs/vocabulary';
import type { Database } from './open.js';

/** A delivery of which nothing is applied until a person has decided. */
export interface HeldDelivery {
  readonly id: string;
  readonly source: string;
  readonly mode: 'full' | 'delta';
  readonly population: string;
  readonly cause: string;
  readonly since: Date;
  /** Of exactly this difference: a decision names it. */
  readonly fingerprint: string;
  readonly measures: readonly Measure[];
  /** Leavers and address changes by country. */
  readonly counts: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** How many later deliveries of the source wait for the same decision. */
  readonly waiting: number;
}

/** The held deliveries of all sources, the oldest first: one a source at most. */
export async function listHeldDeliveries(db: Database): Promise<HeldDelivery[]> {
  // Only what happened to no employee and no migration is looked through for the moment, the latest first.
  const { rows } = await sql<HeldDelivery>`
    select held.id, source, mode, population, cause, coalesce(noted.at, received_at) as since,
      difference ->> 'fingerprint' as fingerprint, difference -> 'measures' as measures, difference -> 'counts' as counts,
      (select count(*)::int from feed_delivery as later where later.source = held.source and later.state = 'received'
        and (later.received_at, later.sequence) > (held.received_at, held.sequence)) as waiting
    from feed_delivery as held left join lateral (
      select at from event where migration_id is null and employee_id is null and kind = 'delivery_held'
        and detail ->> 'delivery' = held.id::text order by event.id desc limit 1
    ) as noted on true
    where state = 'held' order by since, held.id`.execute(db);
  return rows;
}
