import { sql } from 'kysely';
import type { Database } from './open.js';

export interface EmployeeHit {
  readonly id: string;
  readonly source: string;
  readonly employeeNumber: string;
  readonly name: string;
  readonly address: string | null;
  readonly status: string;
}

/**
 * Finds people by employee number, by the beginnings of words of their names in any order, or by any present, legacy or
 * reserved address; at most 20, those found by number or address first. `words` is the query in Latin letters and lower
 * case, as `foldedWords` gives it. `called` stands alone so that its plan is for all it finds: with the limit in sight
 * PostgreSQL reads the whole table, hoping to meet twenty early, which a rare name never grants.
 */
export async function searchEmployees(db: Database, query: string, words: readonly string[]): Promise<EmployeeHit[]> {
  const beginnings = words.map((word) => `'${word.replaceAll(/[^a-z0-9]/g, '')}':*`).join(' & ');
  const { rows } = await sql<EmployeeHit>`
    with exact as (
      select id from employee where employee_number = ${query}
      union
      select employee_id from employee_search where addresses @> array[lower(${query})]
      union
      select employee_id from address_reservation where address = lower(${query})
      union
      select employee_id from account where lower(primary_email) = lower(${query})
      limit 20
    ), called as materialized (
      select employee_id as id from employee_search where name_words @@ ${beginnings}::tsquery
    ), named as (
      select id from called where id not in (select id from exact) limit 20
    ), hit as (
      select id, 1 as rank from exact union all select id, 2 from named
    )
    select employee.id, employee.source, employee.employee_number as "employeeNumber", employee.status,
      concat_ws(' ', nullif(record #>> '{legalName,givenName}', ''), nullif(record #>> '{legalName,familyName}', '')) as name,
      coalesce(account.primary_email, (select address from address_reservation
        where address_reservation.employee_id = employee.id and kind = 'primary' limit 1)) as address
    from hit join employee on employee.id = hit.id
    join employee_version on employee_version.employee_id = employee.id and employee_version.version = employee.version
    left join account on account.employee_id = employee.id
    order by rank, employee.employee_number limit 20`.execute(db);
  return rows;
}
