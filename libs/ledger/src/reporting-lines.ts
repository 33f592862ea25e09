import type { PoolClient } from 'pg';
import { warning } from '#libs/vocabulary';

/** No company has more managers above each other: whoever is reached after so many steps stands in a circle. */
const levelsMax = 32;

/**
 * Warns of managers who are not known, have left, or stand in a circle: of the rows that are applied, whose records must be
 * written already. The order of rows does not matter, and nobody is rejected for it. Going up, each level is looked at once,
 * whoever it was reached from: that of a whole company costs little more than its managers.
 */
export async function warnOfManagers(client: PoolClient, source: string): Promise<void> {
  await client.query(
    `with recursive said as materialized (
       select judged.row, judged.employee_id, manager.id as manager_id, manager.status
       from judged join staged using (row)
         left join employee as manager
           on manager.source = $1 and manager.employee_number = staged.manager_number
       where outcome in ('new', 'updated') and judged.status <> 'terminated'
         and staged.manager_number is not null
     ), above as (
       select 0 as level, manager_id as id from said where manager_id is not null
       union
       select level + 1, manager.id
       from above cross join lateral (
         select boss.id
         from employee join employee_version as newest on newest.employee_id = employee.id and newest.version = employee.version
           join employee as boss on boss.source = $1 and boss.employee_number = newest.record ->> 'managerNumber'
         where employee.id = above.id limit 1
       ) as manager
       where level < ${2 * levelsMax}
     ), circle as materialized (
       select distinct id from above where level >= ${levelsMax}
     ), warned as (
       select row, case when manager_id is null then $2::jsonb when status = 'terminated' then $3::jsonb else $4::jsonb end
         as warning
       from said left join circle on circle.id = employee_id
       where manager_id is null or status = 'terminated' or circle.id is not null
     )
     update judged set problems = (problems::jsonb || warning)::text from warned where warned.row = judged.row`,
    [
      source,
      JSON.stringify([warning('manager_unknown', 'manager_id')]),
      JSON.stringify([warning('manager_terminated', 'manager_id')]),
      JSON.stringify([warning('manager_cycle', 'manager_id')]),
    ],
  );
}
