import type { PoolClient } from 'pg';
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
 * the id that they will get.
 */
export async function judgeStaged(client: PoolClient, delivery: DeliveryRow): Promise<void> {
  await findRenumbered(client, delivery.source);
  await client.query(`
    create temporary table judged (
      row integer, line integer, employee_number text, problems text, fingerprint bytea, status text, country text,
      employee_id uuid, status_before text, clashes boolean, is_contested boolean, is_superseded boolean, outcome text
    ) on commit drop`);
  await client.query(
    `with repeated as (
       select employee_number, min(row) filter (where fingerprint is not null) as first,
         count(distinct fingerprint) > 1 as clashes
       from staged where employee_number is not null group by employee_number having count(*) > 1
     ), known as (
       select staged.*, employee.id as employee_id, false as is_contested, false as is_superseded
       from staged left join employee on source = $1 and employee.employee_number = staged.employee_number
       where not exists (select from renumbered where renumbered.row = staged.row)
       union all
       select staged.*, employee_id, is_contested, is_superseded from staged join renumbered using (row)
     )
     insert into judged
     select known.row, line, known.employee_number, problems, known.fingerprint, known.status, known.country,
       coalesce(employee.id, time_ordered_uuid()), employee.status, coalesce(clashes, false), is_contested, is_superseded,
       case when known.fingerprint is null then
           case when repeated.employee_number is null and known.status = 'terminated' and employee.status <> 'terminated'
             and not is_superseded and delivery.effective_at >= ${knownSince} then 'updated' else 'rejected' end
         when clashes or is_contested then 'rejected'
         when known.row > first then 'duplicate'
         when is_superseded then 'older'
         when employee.id is null then 'new'
         when employee.fingerprint = known.fingerprint then 'unchanged'
         when delivery.effective_at < ${knownSince} then 'older'
         else 'updated' end
     from known left join repeated using (employee_number)
       left join employee on employee.id = known.employee_id
       left join feed_population on feed_population.source = employee.source
         and feed_population.population = employee.population
       cross join (select effective_at from feed_delivery where id = $2) as delivery`,
    [delivery.source, delivery.id],
  );
  await client.query('analyze judged (row, employee_number, employee_id, outcome)');
}

/** From when the record of an employee is known to be true: what is unchanged in a full delivery is confirmed by it. */
const knownSince = 'greatest(employee.effective_at, feed_population.effective_at)';

/**
 * Of the employees of the source `$1`, who may be missed by the full delivery `$2`: those of its population, all of them
 * when it is the whole source, whom it does not name and of whom nothing newer is known.
 */
export const missedBy = `
  employee.source = $1 and employee.status <> 'terminated'
  and (select population in ('', employee.population) from feed_delivery where id = $2)
  and employee.effective_at <= (select effective_at from feed_delivery where id = $2)
  and not exists (
    select from feed_population where feed_population.source = $1 and feed_population.population = employee.population
      and feed_population.effective_at > (select effective_at from feed_delivery where id = $2))
  and not exists (select from judged where judged.employee_id = employee.id)`;

/** Who of them is absent for the second time, so many hours (`$3`) after the first. */
export const absentTwice = `
  ${missedBy} and employee.absent_since <= (select effective_at from feed_delivery where id = $2) - $3 * interval '1 hour'`;
