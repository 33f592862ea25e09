import { sql } from 'kysely';
import { feedSourceSettingsSchema, type FeedSourceSettings } from '#libs/vocabulary';
import { transact, type Database } from './open.js';
import { deliverSourceAgain } from './scim-outcomes.js';

/** The settings of a source, defaults where nobody settled anything. */
export async function readSourceSettings(db: Database, source: string): Promise<FeedSourceSettings> {
  const { rows } = await sql<{ settings: unknown }>`
    select settings from feed_source where name = ${source}`.execute(db);
  return feedSourceSettingsSchema.parse(rows[0]?.settings ?? {});
}

/**
 * Settles a source anew, as a whole; deliveries that are applied from now on go by it, and SCIM users whom the old settings
 * left unapplied are delivered again.
 */
export async function settleSource(
  db: Database,
  source: { name: string; settings: FeedSourceSettings; actor: string },
): Promise<void> {
  await transact(db, async (tx) => {
    await sql`
      with settled as (
        insert into feed_source (name, settings, changed_by)
        values (${source.name}, ${JSON.stringify(source.settings)}::jsonb, ${source.actor})
        on conflict (name) do update
          set settings = excluded.settings, changed_by = excluded.changed_by, changed_at = now()
        returning name
      )
      insert into event (kind, actor, detail)
      select 'source_settled', ${source.actor}, jsonb_build_object('source', name, 'settings', ${JSON.stringify(source.settings)}::jsonb)
      from settled`.execute(tx);
    await deliverSourceAgain(tx, source.name);
  });
}

export interface FeedSourceRow {
  readonly name: string;
  /** People of the source, those who left too. */
  readonly people: number;
  readonly lastDeliveryAt: Date | null;
}

/** Every source that was settled or has sent something. */
export async function listSources(db: Database): Promise<FeedSourceRow[]> {
  const { rows } = await sql<FeedSourceRow>`
    select name, (select count(*) from employee where employee.source = name) as people,
      (select max(received_at) from feed_delivery where feed_delivery.source = name and state <> 'uploading')
        as "lastDeliveryAt"
    from (select name from feed_source union select source from feed_delivery where state <> 'uploading') as known
    order by name`.execute(db);
  return rows;
}
