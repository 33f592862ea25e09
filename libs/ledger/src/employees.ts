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
 * Finds people by employee number, by the beginning of any word of the name without accents, or by any present, legacy or
 * reserved address; at most 20. `folded` is the query in Latin letters and lower case.
 */
export async function searchEmployees(db: Database, query: string, folded: string): Promise<EmployeeHit[]> {
  const { rows } = await sql<EmployeeHit>`
    with hit as (
      select id from employee where employee_number = ${query}
      union
      select employee_id from employee_search where addresses @> array[lower(${query})]
      union
      select employee_id from address_reservation where address = lower(${query})
      union
      (select employee_id from employee_search
       where folded_name like ${`${folded.replaceAll(/[%_\\]/g, '')}%`}
         or folded_name like ${`% ${folded.replaceAll(/[%_\\]/g, '')}%`}
       limit 40)
      limit 20
    )
    select employee.id, employee.source, employee.employee_number as "employeeNumber", employee.status,
      concat_ws(' ', record #>> '{legalName,givenName}', record #>> '{legalName,familyName}') as name,
      coalesce(account.primary_email, (select address from address_reservation
        where address_reservation.employee_id = employee.id and kind = 'primary' limit 1)) as address
    from hit join employee on employee.id = hit.id
    join employee_version on employee_version.employee_id = employee.id and employee_version.version = employee.version
    left join account on account.employee_id = employee.id
    order by employee.employee_number limit 20`.execute(db);
  return rows;
}
