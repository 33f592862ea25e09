import { sql } from 'kysely';
import type { Database } from './open.js';
import { noteDecision } from './webhook-outbox.js';

export interface Decision {
  readonly source: string;
  readonly id: string;
  readonly verdict: 'approved' | 'rejected';
  /** Of the difference that the person has seen: another one is not decided. */
  readonly fingerprint: string;
  readonly actor: string;
  readonly note: string;
}

/**
 * What a person says of a held delivery. Approved, it goes back to the intake, which applies it if it still makes exactly
 * this difference; rejected, it is refused and its bytes go.
 */
export async function decideDelivery(
  db: Database,
  { source, id, verdict, fingerprint, actor, note }: Decision,
): Promise<'decided' | 'unknown' | 'not_held' | 'other_difference'> {
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ state: string; fingerprint: string | null }>`
      select state, difference ->> 'fingerprint' as fingerprint from feed_delivery
      where source = ${source} and id = ${id}::uuid for update`.execute(tx);
    const [found] = rows;
    if (found === undefined) return 'unknown';
    if (found.state !== 'held') return 'not_held';
    if (found.fingerprint !== fingerprint) return 'other_difference';
    const isApproved = verdict === 'approved';
    await sql`
      update feed_delivery set decision = ${verdict}, decided_by = ${actor}, decided_at = clock_timestamp(),
        decision_note = ${note}, attempts = 0, try_after = '-infinity',
        state = ${isApproved ? 'received' : 'refused'},
        cause = ${isApproved ? null : `rejected_by_person: ${actor} rejected it${note === '' ? '' : `: ${note}`}`},
        finished_at = case when ${isApproved} then null else clock_timestamp() end
      where id = ${id}::uuid`.execute(tx);
    if (!isApproved) await sql`delete from feed_payload where delivery_id = ${id}::uuid`.execute(tx);
    await sql`
      insert into event (kind, actor, detail) values (${isApproved ? 'delivery_approved' : 'delivery_rejected'}, ${actor},
        jsonb_build_object('source', ${source}::text, 'delivery', ${id}::text, 'fingerprint', ${fingerprint}::text,
          'note', ${note}::text))`.execute(tx);
    await noteDecision(tx, id);
    return 'decided';
  });
}

/** One person whom a delivery changes. */
export interface DifferenceRow {
  readonly measure: string;
  readonly employeeNumber: string;
  readonly country: string;
  readonly before: string;
  readonly after: string;
}

/** A page of whom a delivery would change (while it is held) or has changed, in a fixed order. */
export async function deliveryDifference(
  db: Database,
  deliveryId: string,
  page: { measure?: string | undefined; country?: string | undefined; after: [string, string]; limit: number },
): Promise<DifferenceRow[]> {
  const { rows } = await sql<DifferenceRow>`
    select measure, employee_number as "employeeNumber", country, before, after from feed_difference
    where delivery_id = ${deliveryId}::uuid and (measure, employee_number) > (${page.after[0]}, ${page.after[1]})
      and (${page.measure ?? null}::text is null or measure = ${page.measure ?? null})
      and (${page.country ?? null}::text is null or country = ${page.country ?? null})
    order by measure, employee_number limit ${page.limit}`.execute(db);
  return rows;
}
