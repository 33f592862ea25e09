import type { PoolClient } from 'pg';
import { z } from 'zod';
import type { DeliveryRow } from './deliveries.js';
import { findRenumbered } from './renumbering.js';

/** Whether a newer full delivery of the same population was applied already. */
export async function isStale(client: PoolClient, delivery: DeliveryRow): Promise<boolean> {
  if (delivery.mode !== 'full') return false;
  const { rowCount } = await client.query(
    `select from feed_population join feed_delivery using (source, population)
     where feed_delivery.id = $1 and feed_population.effective_at > feed_delivery.effective_at`,
    [delivery.id],
  );
  return rowCount === 1;
}

/**
 * One outcome for each row, in the table `judged` of this transaction. Of a worker's identical rows the first counts; rows
 * that differ are all rejected, for nobody can tell which is right. A record that is newer than the delivery stays as it is.
 * A row that says that a known worker has left ends their record even when nothing else of it can be used. Who is new has
 * the id that they will get. Without a delivery (`id` null) the rows are true of this moment. Gives what the rows come to.
 */
export async function judgeStaged(
  client: PoolClient,
  delivery: Pick<DeliveryRow, 'source' | 'mode'> & { readonly id: string | null },
): Promise<JudgedRows> {
  await findRenumbered(client, delivery);
  await client.query(`
    create temporary table judged (
      row integer, line integer, employee_number text, problems text, fingerprint bytea, row_fingerprint uuid,
      has_left boolean, status text, country text,
      employee_id uuid, status_before text, clashes boolean, is_contested boolean, is_superseded boolean, outcome text
    ) on commit drop`);
  await client.query(
    `with repeated as (
       select employee_number, min(row) filter (where fingerprint is not null) as first,
         count(distinct fingerprint) > 1 as clashes
       from staged where employee_number in (select employee_number from staged group by 1 having count(*) > 1)
       group by employee_number
     ), known as (
       select staged.*, employee.id as employee_id, employee.fingerprint as fingerprint_before,
         employee.status as status_before, employee.effective_at, employee.population,
         false as is_contested, false as is_superseded
       from staged left join employee on source = $1 and employee.employee_number = staged.employee_number
       where not exists (select from renumbered where renumbered.row = staged.row)
       union all
       select staged.*, employee.id, employee.fingerprint, employee.status, employee.effective_at, employee.population,
         is_contested, is_superseded
       from staged join renumbered using (row) join employee on employee.id = employee_id
     )
     insert into judged
     select known.row, line, known.employee_number, problems, known.fingerprint, known.row_fingerprint, known.has_left,
       known.status, known.country,
       coalesce(employee_id, time_ordered_uuid()), status_before, coalesce(clashes, false), is_contested, is_superseded,
       case when known.fingerprint is null then
           case when known.has_left and repeated.employee_number is null and status_before <> 'terminated'
             and not is_superseded and not is_contested and delivery.effective_at >= ${knownSince} then 'updated' else 'rejected' end
         when clashes or is_contested then 'rejected'
         when known.row > first then 'duplicate'
         when is_superseded then 'older'
         when employee_id is null then 'new'
         when fingerprint_before = known.fingerprint then 'unchanged'
         when delivery.effective_at < ${knownSince} then 'older'
         else 'updated' end
     from known left join repeated using (employee_number)
       left join feed_population on feed_population.source = $1 and feed_population.population = known.population
       cross join (select coalesce((select effective_at from feed_delivery where id = $2), now()) as effective_at) as delivery`,
    [delivery.source, delivery.id],
  );
  await client.query('analyze judged (row, employee_number, employee_id, outcome)');
  return judgedRows(client);
}

/** What the rows of a delivery come to: new + updated + unchanged + rejected = total. */
export type JudgedRows = z.infer<typeof judgedRowsSchema>;

const count = z.int().min(0);
const judgedRowsSchema = z.object({
  total: count,
  new: count,
  updated: count,
  unchanged: count,
  /** Of the unchanged. */
  duplicate: count,
  /** Of the unchanged. */
  older: count,
  rejected: count,
  /** Who is terminated and was not before. */
  leaver: count,
});

async function judgedRows(client: PoolClient): Promise<JudgedRows> {
  const { rows } = await client.query(
    `select count(*) as total, count(*) filter (where outcome = 'new') as new,
       count(*) filter (where outcome = 'updated') as updated,
       count(*) filter (where outcome in ('unchanged', 'duplicate', 'older')) as unchanged,
       count(*) filter (where outcome = 'duplicate') as duplicate,
       count(*) filter (where outcome = 'older') as older,
       count(*) filter (where outcome = 'rejected') as rejected,
       count(*) filter (where outcome in ('new', 'updated') and status = 'terminated'
         and status_before is distinct from 'terminated') as leaver
     from judged`,
  );
  return judgedRowsSchema.parse(rows[0]);
}

/** From when the record of an employee is known to be true: what is unchanged in a full delivery is confirmed by it. */
const knownSince = 'greatest(known.effective_at, feed_population.effective_at)';

/**
 * Of the employees of the source `$1`, who may be missed by the full delivery `$2`: those of its population, all of them
 * when it is the whole source, whom it does not name and of whom nothing newer is known.
 */
export const missedBy = `
  employee.source = $1 and employee.status <> 'terminated'
  and (select population from feed_delivery where id = $2) in ('', employee.population)
  and employee.effective_at <= (select effective_at from feed_delivery where id = $2)
  and not exists (
    select from feed_population where feed_population.source = $1 and feed_population.population = employee.population
      and feed_population.effective_at > (select effective_at from feed_delivery where id = $2))
  and not exists (select from judged where judged.employee_id = employee.id)`;

/** Who of them is absent for the second time, so many hours (`$3`) after the first. */
export const absentTwice = `
  ${missedBy} and employee.absent_since <= (select effective_at from feed_delivery where id = $2) - $3 * interval '1 hour'`;
