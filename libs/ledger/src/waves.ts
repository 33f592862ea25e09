import { sql } from 'kysely';
import type { MigrationId } from '#libs/vocabulary';
import type { Database } from './open.js';

/**
 * Ends the waves in which nobody is left to run, and lets the next one begin once nobody of the running ones holds it up.
 * Those who only wait for their first working day hold nobody up, and their wave stays open for them.
 */
export async function moveWaves(db: Database, migrationId: MigrationId): Promise<void> {
  await sql`
    with left_to_run as (
      select wave, sum(count) filter (where state in ('pending', 'inProgress', 'waiting')) as open,
        sum(count) filter (where state in ('pending', 'inProgress')
          or (state = 'waiting' and reason <> 'suspended_until_start')) as holding,
        sum(count) filter (where state in ('failed', 'conflict')) as issues
      from progress_counter where migration_id = ${migrationId}::uuid and step = '' group by wave
    ), ended as (
      update wave set state = case when left_to_run.issues > 0 then 'completedWithIssues' else 'completed' end
      from left_to_run
      where wave.migration_id = ${migrationId}::uuid and wave.number = left_to_run.wave and wave.state = 'running'
        and coalesce(left_to_run.open, 0) = 0
      returning wave.number
    )
    update wave set state = 'running'
    where migration_id = ${migrationId}::uuid and state = 'pending'
      and not exists (
        select from wave as running join left_to_run on left_to_run.wave = running.number
        where running.migration_id = ${migrationId}::uuid and running.state = 'running'
          and coalesce(left_to_run.holding, 0) > 0)
      and number = (select min(number) from wave where migration_id = ${migrationId}::uuid and state = 'pending')`.execute(
    db,
  );
}
