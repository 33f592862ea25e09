import { sql } from 'kysely';
import { feedSourceSettingsSchema, type FeedSourceSettings } from '#libs/vocabulary';
import type { DropPlaceName } from './dropped-files.js';
import type { Database } from './open.js';

/** The sources from whose server files are fetched. */
export async function sourcesWithServers(db: Database): Promise<{ name: string; settings: FeedSourceSettings }[]> {
  const { rows } = await sql<{ name: string; settings: unknown }>`
    select name, settings from feed_source where settings -> 'sftp' <> 'null' order by name`.execute(db);
  return rows.map(({ name, settings }) => ({ name, settings: feedSourceSettingsSchema.parse(settings) }));
}

/** The process that looked last looks again; when it has missed its time for so long, another one does. */
const patienceSeconds = 60;

/**
 * Whether this process is to look now. Saves a foreign server from being asked by every process; two at once would be
 * harmless.
 */
export async function claimLook(
  db: Database,
  look: { source: string; place: DropPlaceName; process: string; everySeconds: number },
): Promise<boolean> {
  const { rows } = await sql`
    insert into drop_look as known (source, place, looked_by) values (${look.source}, ${look.place}, ${look.process})
    on conflict (source, place) do update set looked_at = clock_timestamp(), looked_by = excluded.looked_by
    where known.looked_at <= clock_timestamp() - make_interval(secs => ${look.everySeconds}
      + case when known.looked_by is distinct from excluded.looked_by and known.looked_by is not null
          then ${patienceSeconds} else 0 end)
    returning source`.execute(db);
  return rows.length === 1;
}

/** A process that stops leaves its looks to the others at once. */
export async function leaveLooks(db: Database, process: string): Promise<void> {
  await sql`update drop_look set looked_by = null where looked_by = ${process}`.execute(db);
}

/** What was in the way of a look, or nothing. */
export async function noteLook(
  db: Database,
  look: { source: string; place: DropPlaceName; fault: string | null },
): Promise<void> {
  await sql`
    insert into drop_look as known (source, place, fault, fault_since)
    values (${look.source}, ${look.place}, ${look.fault}, case when ${look.fault}::text is not null then now() end)
    on conflict (source, place) do update set looked_at = clock_timestamp(), fault = excluded.fault,
      fault_since = case when excluded.fault is not null then coalesce(known.fault_since, now()) end`.execute(db);
}

/** How it stands with the files of a source at one place. */
export interface DropLook {
  readonly place: DropPlaceName;
  readonly lookedAt: Date;
  /** What is in the way, with what to do; null when all is well. */
  readonly fault: string | null;
  readonly faultSince: Date | null;
  readonly lastTakenAt: Date | null;
}

export async function readDropLooks(db: Database, source: string): Promise<DropLook[]> {
  const { rows } = await sql<DropLook>`
    select place, looked_at as "lookedAt", fault, fault_since as "faultSince",
      (select max(taken_at) from dropped_file join feed_delivery on id = delivery_id
       where feed_delivery.source = drop_look.source and dropped_file.place = drop_look.place) as "lastTakenAt"
    from drop_look where source = ${source} order by place`.execute(db);
  return rows;
}
