import type { PoolClient } from 'pg';
import type { DeliveryRow } from './deliveries.js';

type Delivery = Pick<DeliveryRow, 'source' | 'mode'>;

/**
 * Finds the rows that are about somebody under another number, and keeps them in the table `renumbered` of this
 * transaction: a row that names a former number in a field of its own (a claim), and a row whose number is a former one.
 *
 * A claim holds when nobody else claims the person and the person is not sent under the number that is known: two people
 * must not become one. Otherwise it is rejected. A row with a former number is left out while the person is sent under the
 * present one. In a full delivery without the present one the sender has gone back to it; a delta shows no such thing, and
 * is a straggler. Whoever stands in a row that cannot be used is present all the same.
 */
export async function findRenumbered(client: PoolClient, delivery: Delivery): Promise<void> {
  await client.query(`
    create temporary table renumbered (
      row integer primary key, employee_id uuid, is_contested boolean, is_superseded boolean
    ) on commit drop`);
  await rejectChains(client, delivery);
  if ((await findCandidates(client, delivery)) > 0) await settleCandidates(client, delivery);
  await client.query('analyze renumbered');
}

/**
 * A number that is somebody's, sent as that of another person who is here and not sent otherwise: numbers were passed on,
 * and nobody can tell whose record this is.
 */
async function rejectChains(client: PoolClient, { source }: Delivery): Promise<void> {
  await client.query(
    `insert into renumbered
     select staged.row, claimed.id, true, false
     from staged join employee as present on present.source = $1 and present.employee_number = staged.employee_number
       join employee as claimed on claimed.source = $1 and claimed.employee_number = staged.previous_number
     -- Asked once, so that a delivery without such rows costs nothing, whatever its size.
     where (select exists (select from staged where previous_number is not null))
       and staged.previous_number is not null and staged.fingerprint is not null
       and claimed.id <> present.id and claimed.status <> 'terminated'
       and not exists (
         select from employee_former_number
         where source = $1 and number = staged.previous_number and employee_id = present.id)
       and not exists (select from staged as sent where sent.employee_number = staged.previous_number)`,
    [source],
  );
}

/** One row for each number that nobody has now, with the person whom it may mean. Gives how many there are. */
async function findCandidates(client: PoolClient, { source }: Delivery): Promise<number> {
  await client.query(`
    create temporary table candidate (
      row integer, employee_number text, is_usable boolean, employee_id uuid, is_claim boolean, is_torn boolean
    ) on commit drop`);
  const { rowCount } = await client.query(
    `with unknown as materialized (
       select distinct on (employee_number) row, employee_number, previous_number, fingerprint is not null as is_usable
       from staged
       where employee_number is not null
         and not exists (select from employee where source = $1 and employee_number = staged.employee_number)
         and (previous_number is not null
           or exists (select from employee_former_number where source = $1 and number = staged.employee_number))
       order by employee_number, fingerprint is null, row
     ), named as materialized (
       select row, employee_number, is_usable, employee_id, true as is_claim
       from unknown cross join lateral (
         select id as employee_id from employee where source = $1 and employee_number = previous_number
         union all
         select employee_id from employee_former_number where source = $1 and number = previous_number
           and not exists (select from employee where source = $1 and employee_number = previous_number)
       ) as person
       union all
       select row, employee_number, is_usable, employee_id, false
       from unknown join employee_former_number on source = $1 and number = employee_number
     )
     insert into candidate
     select row, employee_number, is_usable, min(employee_id::text)::uuid, bool_or(is_claim),
       count(distinct employee_id) > 1
     from named group by row, employee_number, is_usable`,
    [source],
  );
  // Small or large, what follows is planned for what it is.
  await client.query('analyze candidate');
  return rowCount ?? 0;
}

async function settleCandidates(client: PoolClient, { source, mode }: Delivery): Promise<void> {
  await client.query(`
    update candidate set is_usable = false from (
      select employee_number from candidate join staged using (employee_number) where fingerprint is not null
      group by employee_number having count(distinct fingerprint) > 1
    ) as clashing where clashing.employee_number = candidate.employee_number`);
  await client.query(
    `with person as materialized (
       select employee_id, employee.employee_number as number,
         count(distinct candidate.employee_number) filter (where is_claim and is_usable) as claims,
         count(distinct candidate.employee_number) filter (where not is_claim) as formers,
         count(sent.row) > 0 as is_sent,
         count(sent.row) filter (where not sent.has_left
           and (sent.fingerprint is null or coalesce(sent.status, employee.status) <> 'terminated')) > 0 as is_here
       from candidate join employee on employee.id = employee_id
         left join staged as sent on sent.employee_number = employee.employee_number
       where employee.source = $1
       group by employee_id, employee.employee_number
     ), settled as materialized (
       select row, employee_id, is_claim, number,
         not is_usable or case when is_claim then is_torn or claims > 1 or is_here
           else $2 = 'full' and formers > 1 and claims = 0 and not is_sent end as is_contested,
         is_usable and not is_claim and ($2 = 'delta' or claims > 0 or is_sent) as is_superseded
       from candidate join person using (employee_id)
     )
     insert into renumbered
     select row, employee_id, is_contested, is_superseded from settled
     union all
     select staged.row, employee_id, false, true
     from settled join staged on staged.employee_number = settled.number where is_claim and not is_contested
     on conflict (row) do nothing`,
    [source, mode],
  );
}
