import { sql } from 'kysely';
import type { Database } from './open.js';

export type DropPlaceName = 'folder' | 'sftp';

/** A file that became a delivery. */
export interface DroppedFile {
  readonly deliveryId: string;
  readonly place: DropPlaceName;
  /** Where it lies since it was taken, within its source's folder. */
  readonly path: string;
}

/** Notes a file as taken; repeated for the same delivery it changes nothing. */
export async function noteDroppedFile(db: Database, file: DroppedFile): Promise<void> {
  await sql`
    insert into dropped_file (delivery_id, place, path) values (${file.deliveryId}::uuid, ${file.place}, ${file.path})
    on conflict (delivery_id) do nothing`.execute(db);
}

/** Files of a source whose delivery came to rest in another state than was told beside them, the oldest first. */
export async function untoldDroppedFiles(
  db: Database,
  of: { source: string; place: DropPlaceName },
): Promise<DroppedFile[]> {
  const { rows } = await sql<DroppedFile>`
    select delivery_id as "deliveryId", place, path from dropped_file join feed_delivery on id = delivery_id
    where source = ${of.source} and place = ${of.place} and told_state is distinct from state
      and state not in ('uploading', 'received', 'checking', 'applying')
    order by taken_at limit 100`.execute(db);
  return rows;
}

/** What became of the delivery in this state stands beside its file. */
export async function noteTold(db: Database, deliveryId: string, state: string): Promise<void> {
  await sql`update dropped_file set told_state = ${state} where delivery_id = ${deliveryId}::uuid`.execute(db);
}

/** Files of a source that were kept for so many days, and told of. */
export async function outlivedDroppedFiles(
  db: Database,
  of: { source: string; place: DropPlaceName; keepDays: number },
): Promise<DroppedFile[]> {
  const { rows } = await sql<DroppedFile>`
    select delivery_id as "deliveryId", place, path from dropped_file join feed_delivery on id = delivery_id
    where source = ${of.source} and place = ${of.place} and told_state = state
      and taken_at < now() - make_interval(days => ${of.keepDays})
    order by taken_at limit 100`.execute(db);
  return rows;
}

/** The file is gone. */
export async function forgetDroppedFile(db: Database, deliveryId: string): Promise<void> {
  await sql`delete from dropped_file where delivery_id = ${deliveryId}::uuid`.execute(db);
}
