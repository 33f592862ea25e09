import type { PoolClient } from 'pg';

/**
 * Finds the rows that are about somebody under another number, and keeps them in the table `renumbered` of this
 * transaction: a row that names a former number in a field of its own (a claim), and a row whose number is a former one.
 * Numbers that are somebody's now are nobody's claim.
 *
 * A claim holds when nobody else claims the person and the person is not sent under the number that is known: two people
 * must not become one. Otherwise it is rejected. A row with a former number is left out while the person is sent under the
 * present one, else it is about the person: the sender has gone back to it.
 */
export async function findRenumbered(client: PoolClient, source: string): Promise<void> {
  await client.query(`
    create temporary table renumbered (row integer, employee_id uuid, is_contested boolean, is_superseded boolean)
    on commit drop`);
  await client.query(
    `with unknown as (
       select row, employee_number, previous_number, fingerprint is not null as is_accepted from staged
       where not exists (select from employee where source = $1 and employee_number = staged.employee_number)
         and (previous_number is not null
           or exists (select from employee_former_number where source = $1 and number = staged.employee_number))
         and not exists (
           select from staged as other where other.employee_number = staged.employee_number
             and other.fingerprint <> staged.fingerprint)
     ), named as (
       select row, employee_id, true as is_claim
       from unknown join (
         select id as employee_id, employee_number as number from employee where source = $1
         union select employee_id, number from employee_former_number where source = $1
           and not exists (select from employee where source = $1 and employee_number = number)
       ) as person on number = previous_number
       union all
       select row, employee_id, false
       from unknown join employee_former_number on source = $1 and number = employee_number
     ), candidate as (
       select row, employee_number, is_accepted, min(employee_id::text)::uuid as employee_id,
         bool_or(is_claim) as is_claim, count(distinct employee_id) > 1 as is_torn
       from named join unknown using (row) group by row, employee_number, is_accepted
     ), person as (
       select employee_id, employee.employee_number as number,
         count(distinct candidate.employee_number) filter (where is_claim) as claims,
         count(distinct candidate.employee_number) filter (where is_accepted and not is_claim) as formers,
         exists (select from staged where staged.employee_number = employee.employee_number) as is_sent,
         exists (
           select from staged where staged.employee_number = employee.employee_number
             and (staged.fingerprint is null or coalesce(staged.status, employee.status) <> 'terminated')) as is_here
       from candidate join employee on employee.id = employee_id group by employee_id, employee.employee_number, employee.status
     ), settled as (
       select row, employee_id, is_claim, person.number,
         case when is_claim then is_torn or claims > 1 or is_here
           else formers > 1 and claims = 0 and not is_sent end as is_contested,
         not is_claim and (claims > 0 or is_sent) as is_superseded
       from candidate join person using (employee_id)
     )
     insert into renumbered
     select row, employee_id, is_contested, is_superseded from settled
     union all
     select distinct staged.row, employee_id, false, true
     from settled join staged on staged.employee_number = settled.number where is_claim and not is_contested`,
    [source],
  );
}
