import type { PoolClient } from 'pg';

/** Temporary tables of one planning pass; they end with the connection. `wish` is everybody whom HR knows. */
export async function prepareTables(client: PoolClient): Promise<void> {
  // Each statement joins the whole company: with the usual few megabytes its hashes would go to the disk.
  await client.query("set work_mem = '64MB'");
  await client.query(`
    create temporary table wish (
      employee_id uuid primary key, source text, employee_number text, hire_date text, gone boolean, given text, local_parts text[],
      domain text, numbered boolean, aliases text[], problem text, wave integer);
    create temporary table enrolled (
      position bigint generated always as identity primary key, employee_id uuid unique, wave integer);
    create temporary table match (
      employee_id uuid primary key, google_id text, matched_by text, problem text);
    create temporary table chosen (
      employee_id uuid primary key, address text, origin text, problem text, foreign_google_id text)`);
}

/**
 * By mark first, whatever the address (of several, the one that the ledger keeps); then by the Google id that the ledger
 * keeps; then by an admin's list; then by employee number, if exactly one account and one employee over all sources have
 * it. An account that two employees lead to is nobody's, and neither are two accounts with one mark. Wants the account
 * that an admin named and that is not there, it is that employee's problem.
 */
export async function matchAccounts(client: PoolClient, listingId: string): Promise<void> {
  await client.query(
    `insert into match (employee_id, google_id, matched_by)
     select distinct on (employee_id) employee_id, google_id, matched_by from (
       select wish.employee_id, observed_account.google_id, 'mark' as matched_by, 1 as rank
       from observed_account join wish on wish.employee_id = observed_account.mark
       where observed_account.listing_id = $1
       union all
       select account.employee_id, account.google_id, 'ledger', 2 from account join wish using (employee_id)
       union all
       -- An account that is listed, of somebody who is not part of this pass, is theirs all the same.
       select account.employee_id, account.google_id, 'ledger', 2 from observed_account join account using (google_id)
       where observed_account.listing_id = $1 and not exists (select from wish where wish.employee_id = account.employee_id)
       union all
       select adoption.employee_id, observed_account.google_id, 'list', 3
       from adoption join wish using (employee_id) join observed_account on observed_account.listing_id = $1
         and (observed_account.google_id = adoption.account or observed_account.primary_email = lower(adoption.account))
       union all
       select wish.employee_id, observed_account.google_id, 'number', 4
       from observed_account join wish on wish.employee_number = observed_account.employee_number
       where observed_account.listing_id = $1 and observed_account.mark is null
     ) as found
     left join account as known using (employee_id, google_id)
     order by employee_id, rank, known.google_id is null, google_id`,
    [listingId],
  );
  await client.query(
    `insert into match (employee_id, problem)
     select employee_id, 'named_account_missing' from adoption join wish using (employee_id)
     on conflict (employee_id) do nothing`,
  );
  await client.query(
    `update match set problem = 'account_claimed_twice'
     from (select mark from observed_account where listing_id = $1 and mark is not null
           group by mark having count(*) > 1) as twice
     where match.employee_id = twice.mark and match.matched_by = 'mark'
       and not exists (select from account
                       where account.employee_id = match.employee_id and account.google_id = match.google_id)`,
    [listingId],
  );
  await client.query(
    `update match set problem = 'employee_number_ambiguous'
     from wish where wish.employee_id = match.employee_id and match.matched_by = 'number' and (
       (select count(*) from wish as other where other.employee_number = wish.employee_number) > 1
       or exists (select from employee as other where other.employee_number = wish.employee_number
                    and other.id <> wish.employee_id)
       or (select count(*) from observed_account as other
           where other.listing_id = $1 and other.employee_number = wish.employee_number) > 1)`,
    [listingId],
  );
  await client.query(
    `update match set problem = 'account_claimed_twice'
     from (select google_id from match where google_id is not null group by google_id having count(*) > 1) as claimed
     where match.google_id = claimed.google_id and match.problem is null and match.matched_by not in ('mark', 'ledger')`,
  );
  await client.query('analyze match');
}

/**
 * Whose account the listing shows open, though the ledger says that we suspended or archived it, was let in by somebody
 * else: a bar that is found there later is not ours to take back. An account that was written shortly before the listing
 * may show what was there before.
 */
export async function noteOpened(client: PoolClient, listingId: string, lagMs: number): Promise<void> {
  await client.query(
    `update account set
       suspended_by_us = suspended_by_us and (seen.account ->> 'suspended')::boolean,
       archived_by_us = archived_by_us and (seen.account ->> 'archived')::boolean
     from observed_account as seen join directory_listing on directory_listing.id = seen.listing_id
     where seen.listing_id = $1 and seen.google_id = account.google_id
       and account.written_at < directory_listing.started_at - $2 * interval '1 millisecond'
       and (suspended_by_us and not (seen.account ->> 'suspended')::boolean
         or archived_by_us and not (seen.account ->> 'archived')::boolean)`,
    [listingId, lagMs],
  );
}
