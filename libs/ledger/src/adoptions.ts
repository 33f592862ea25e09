import { sql } from 'kysely';
import type { Database } from './open.js';

/** An admin's word: this employee is that account. */
export interface AdoptionEntry {
  readonly employeeNumber: string;
  /** The feed's source; needed where several sources use the number. */
  readonly source?: string | undefined;
  /** Primary address or Google's id of the account. */
  readonly account: string;
}

export interface AdoptionProblem {
  /** Place in the list, from 0. */
  readonly at: number;
  readonly field: 'employeeNumber' | 'account';
  readonly problem: 'unknown' | 'ambiguous' | 'named_twice' | 'has_account' | 'account_named_twice';
}

/**
 * Adds entries to the adoption list or replaces those of the same employees, whole or not at all. What is wrong comes back
 * with its place; nothing is stored then. Planning looks whether the account is there.
 */
export async function nameAccounts(
  db: Database,
  entries: readonly AdoptionEntry[],
  actor: string,
): Promise<readonly AdoptionProblem[]> {
  return db.transaction().execute(async (tx) => {
    await sql`lock table adoption in share row exclusive mode`.execute(tx);
    const { rows } = await sql<AdoptionProblem & { employeeId: string | null; account: string }>`
      with entry as (
        select (at - 1)::int as at, number, source, account
        from unnest(${entries.map((entry) => entry.employeeNumber)}::text[],
          ${entries.map((entry) => entry.source ?? null)}::text[],
          ${entries.map((entry) => entry.account.trim().toLowerCase())}::text[]) with ordinality
          as entry (number, source, account, at)
      ), found as (
        select entry.*, known.ids[1] as employee_id, cardinality(known.ids) as candidates,
          exists (select from account where account.employee_id = known.ids[1]) as has_account
        from entry cross join lateral (
          select coalesce(array_agg(id), '{}') as ids from employee
          where employee_number = entry.number and (entry.source is null or employee.source = entry.source)
        ) as known
      )
      select at, employee_id as "employeeId", account,
        case when candidates = 0 or candidates > 1 or has_account
               or count(*) over (partition by employee_id) > 1 then 'employeeNumber' else 'account' end as field,
        case when candidates = 0 then 'unknown' when candidates > 1 then 'ambiguous'
             when count(*) over (partition by employee_id) > 1 then 'named_twice'
             when has_account then 'has_account'
             when count(*) over (partition by account) > 1 or exists (
               select from adoption where adoption.account = found.account
                 and adoption.employee_id not in (select employee_id from found where employee_id is not null))
               then 'account_named_twice' end as problem
      from found order by at`.execute(tx);
    const problems = rows.filter(({ problem }) => problem !== null);
    if (problems.length > 0) return problems.map(({ at, field, problem }) => ({ at, field, problem }));
    await sql`
      with named as (
        insert into adoption (employee_id, account, named_by)
        select * from unnest(${rows.map(({ employeeId }) => employeeId)}::uuid[],
          ${rows.map(({ account }) => account)}::text[], ${rows.map(() => actor)}::text[])
        on conflict (employee_id) do update set account = excluded.account, named_by = excluded.named_by, named_at = now()
        returning employee_id
      )
      insert into event (kind, employee_id, actor) select 'adoption_named', employee_id, ${actor} from named`.execute(
      tx,
    );
    return [];
  });
}

export interface NamedAccount {
  readonly employeeId: string;
  readonly source: string;
  readonly employeeNumber: string;
  readonly account: string;
  readonly namedBy: string;
  readonly namedAt: Date;
  /** The account is managed by now: the entry has done its work. */
  readonly adopted: boolean;
}

/** A page of the adoption list, in the order of employee ids. */
export async function namedAccounts(db: Database, page: { after?: string; limit: number }): Promise<NamedAccount[]> {
  const { rows } = await sql<NamedAccount>`
    select adoption.employee_id as "employeeId", source, employee_number as "employeeNumber", adoption.account,
      named_by as "namedBy", named_at as "namedAt", account.employee_id is not null as adopted
    from adoption join employee on employee.id = adoption.employee_id
    left join account on account.employee_id = adoption.employee_id
    where ${page.after ?? null}::uuid is null or adoption.employee_id > ${page.after ?? null}::uuid
    order by adoption.employee_id limit ${page.limit}`.execute(db);
  return rows;
}

/** Takes an employee off the list; false if they are not on it. What was adopted stays so. */
export async function unnameAccount(db: Database, employeeId: string, actor: string): Promise<boolean> {
  const { rows } = await sql`
    with removed as (delete from adoption where employee_id = ${employeeId}::uuid returning employee_id)
    insert into event (kind, employee_id, actor) select 'adoption_removed', employee_id, ${actor} from removed
    returning id`.execute(db);
  return rows.length === 1;
}
