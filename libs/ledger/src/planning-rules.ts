import type { PoolClient } from 'pg';

/** Temporary tables of one planning pass; they end with the connection. */
export async function prepareTables(client: PoolClient): Promise<void> {
  // Each statement joins the whole company: with the usual few megabytes its hashes would go to the disk.
  await client.query("set work_mem = '64MB'");
  await client.query(`
    create temporary table wish (
      employee_id uuid primary key, given text, local_part text, domain text, problem text, wave integer);
    create temporary table enrolled (
      position bigint generated always as identity primary key, employee_id uuid unique, wave integer);
    create temporary table match (
      employee_id uuid primary key, google_id text, matched_by text, problem text);
    create temporary table chosen (
      employee_id uuid primary key, address text, problem text, foreign_google_id text)`);
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
       select employee.id as employee_id, observed_account.google_id, 'mark' as matched_by, 1 as rank
       from observed_account join employee on employee.id = observed_account.mark
       where observed_account.listing_id = $1
       union all
       select account.employee_id, account.google_id, 'ledger', 2 from account
       union all
       select adoption.employee_id, observed_account.google_id, 'list', 3
       from adoption join observed_account on observed_account.listing_id = $1
         and (observed_account.google_id = adoption.account or observed_account.primary_email = lower(adoption.account))
       union all
       select employee.id, observed_account.google_id, 'number', 4
       from observed_account join employee on employee.employee_number = observed_account.employee_number
       where observed_account.listing_id = $1 and observed_account.mark is null
     ) as found
     left join account as known using (employee_id, google_id)
     order by employee_id, rank, known.google_id is null, google_id`,
    [listingId],
  );
  await client.query(
    `insert into match (employee_id, problem)
     select employee_id, 'named_account_missing' from adoption on conflict (employee_id) do nothing`,
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
     from employee where employee.id = match.employee_id and match.matched_by = 'number' and (
       (select count(*) from employee as other where other.employee_number = employee.employee_number) > 1
       or (select count(*) from observed_account as other
           where other.listing_id = $1 and other.employee_number = employee.employee_number) > 1)`,
    [listingId],
  );
  await client.query(
    `update match set problem = 'account_claimed_twice'
     from (select google_id from match where google_id is not null group by google_id having count(*) > 1) as claimed
     where match.google_id = claimed.google_id and match.problem is null and match.matched_by not in ('mark', 'ledger')`,
  );
  await client.query('analyze match');
}

/** What planning must know of addresses beside the ledger and the listing. */
export interface AddressRules {
  /** Never given to a person: addresses of declared groups. */
  readonly blocked: readonly string[];
  readonly verifiedDomains: readonly string[];
  /** Homonyms are numbered, or a person settles each of them. */
  readonly collision: 'number' | 'conflict';
}

/**
 * One address for everybody, whoever is enrolled: so pilots get what they would have got with all the others. In this
 * order: that of the account which an admin's list names; the one that the feed gives; an address issued to the person before; one that an open plan holds for the person,
 * if it still follows the pattern; the present address of the person's account; the pattern's, where homonyms are numbered
 * in the order of hire date and employee number, passing over every address that a known employee has. Row order never
 * matters.
 */
export async function allocateAddresses(
  client: PoolClient,
  listingId: string,
  { blocked, verifiedDomains, collision }: AddressRules,
): Promise<void> {
  await client.query(
    `insert into chosen (employee_id, address, problem)
     select wish.employee_id,
       coalesce(
         case when match.matched_by = 'list' then observed_account.primary_email end,
         wish.given,
         (select min(address) from address_reservation
          where address_reservation.employee_id = wish.employee_id and kind = 'primary' and state = 'issued'),
         observed_account.primary_email,
         (select min(address) from address_reservation
          where address_reservation.employee_id = wish.employee_id and kind = 'primary' and state = 'tentative'
            and split_part(address, '@', 2) = wish.domain
            and regexp_replace(split_part(address, '@', 1), '[0-9]+$', '')
              = regexp_replace(wish.local_part, '[0-9]+$', ''))),
       coalesce(match.problem, wish.problem)
     from wish
     left join match on match.employee_id = wish.employee_id
     left join observed_account on observed_account.listing_id = $1 and observed_account.google_id = match.google_id`,
    [listingId],
  );
  await client.query(
    `create temporary table known_address as
     select distinct on (address) address, employee_id from (
       select address, employee_id, 1 as rank from chosen where address is not null
       union all
       select address, employee_id, 2 from address_reservation
       union all
       select observed_address.address, match.employee_id, 3
       from match join observed_address on observed_address.listing_id = $1
         and observed_address.google_id = match.google_id
       where match.problem is null
       union all
       select blocked, null, 4 from unnest($2::text[]) as blocked
     ) as known order by address, rank`,
    [listingId, blocked],
  );
  await client.query('analyze chosen');
  await client.query('create unique index on known_address (address); analyze known_address');
  await numberHomonyms(client);
  if (collision === 'conflict') await refuseNumbers(client);
  await findAddressFaults(client, listingId, verifiedDomains);
}

/**
 * The n-th claimant of a pattern address gets the n-th candidate that no known employee has. Claims and candidates are
 * tables with statistics: as parts of one statement they made PostgreSQL compare everybody with everybody.
 */
async function numberHomonyms(client: PoolClient): Promise<void> {
  await client.query(
    `create temporary table claim as
     select wish.employee_id, wish.local_part, wish.domain,
       row_number() over (partition by wish.local_part, wish.domain
         order by employee_version.record ->> 'hireDate', employee.employee_number, employee.source) as place
     from wish
     join chosen on chosen.employee_id = wish.employee_id
     join employee on employee.id = wish.employee_id
     join employee_version on employee_version.employee_id = employee.id
       and employee_version.version = employee.version
     where chosen.address is null and chosen.problem is null and wish.local_part is not null`,
  );
  await client.query('create index on claim (local_part, domain, place); analyze claim');
  await client.query(
    `create temporary table known_stem as
     select regexp_replace(split_part(address, '@', 1), '[0-9]+$', '') as local_part,
       split_part(address, '@', 2) as domain, count(*) as taken
     from known_address group by 1, 2`,
  );
  await client.query('create index on known_stem (local_part, domain); analyze known_stem');
  await client.query(
    `create temporary table free_address as
     select stem.local_part, stem.domain, candidate.address,
       row_number() over (partition by stem.local_part, stem.domain order by n) as place
     from (
       select claim.local_part, claim.domain, count(*) + coalesce(max(known_stem.taken), 0) as candidates
       from claim left join known_stem
         on known_stem.local_part = regexp_replace(claim.local_part, '[0-9]+$', '') and known_stem.domain = claim.domain
       group by claim.local_part, claim.domain
     ) as stem
     cross join generate_series(1, stem.candidates + 1) as n
     cross join lateral (
       select stem.local_part || case when n = 1 then '' else n::text end || '@' || stem.domain as address) as candidate
     where not exists (select from known_address where known_address.address = candidate.address)`,
  );
  await client.query('create index on free_address (local_part, domain, place); analyze free_address');
  await client.query(
    `update chosen set address = free_address.address
     from claim join free_address using (local_part, domain, place)
     where chosen.employee_id = claim.employee_id`,
  );
}

/** Under `collision: conflict` nobody gets a number: whose plain address is not free is a person's to settle. */
async function refuseNumbers(client: PoolClient): Promise<void> {
  await client.query(
    `update chosen set problem = 'address_held_by_colleague'
     from wish
     where wish.employee_id = chosen.employee_id and wish.given is null and wish.local_part is not null
       and chosen.problem is null and chosen.address <> wish.local_part || '@' || wish.domain
       and not exists (select from match where match.employee_id = chosen.employee_id and match.google_id is not null)
       and not exists (select from address_reservation
                       where address_reservation.employee_id = chosen.employee_id and state = 'issued')`,
  );
}

/** Of several who want one address, the one whose account has it keeps it: the others are told that it is a colleague's. */
async function findAddressFaults(
  client: PoolClient,
  listingId: string,
  verifiedDomains: readonly string[],
): Promise<void> {
  await client.query(
    `update chosen set problem = case when owner.employee_id is null then 'address_given_twice'
                                      else 'address_held_by_colleague' end
     from (select address from chosen where address is not null group by address having count(*) > 1) as twice
     left join lateral (
       select match.employee_id from match join observed_account
         on observed_account.listing_id = $1 and observed_account.google_id = match.google_id
       where observed_account.primary_email = twice.address and match.problem is null limit 1) as owner on true
     where chosen.address = twice.address and chosen.problem is null
       and chosen.employee_id is distinct from owner.employee_id`,
    [listingId],
  );
  await client.query(
    `update chosen set problem = 'domain_not_verified'
     where address is not null and problem is null and split_part(address, '@', 2) <> all($1::text[])`,
    [verifiedDomains.map((domain) => domain.toLowerCase())],
  );
  await client.query('analyze chosen');
}

/** An address that something at Google holds, and that is not this employee's own account, is a conflict with its reason. */
export async function settleHolders(client: PoolClient, listingId: string): Promise<void> {
  await client.query(
    `update chosen set
       problem = case holder.held_by
         when 'group' then 'address_held_by_group'
         when 'deleted' then 'address_held_by_deleted'
         when 'unmanaged' then 'address_held_by_unmanaged'
         when 'alias' then 'address_held_by_alias'
         else 'maybe_same_person' end,
       foreign_google_id = holder.google_id
     from (
       select distinct on (address) address, held_by, google_id from observed_address
       where listing_id = $1
       order by address, case held_by when 'user' then 1 when 'alias' then 2 when 'group' then 3 when 'unmanaged' then 4 else 5 end
     ) as holder
     where chosen.address = holder.address and chosen.problem is null
       and not exists (
         select from match
         where match.employee_id = chosen.employee_id and match.google_id = holder.google_id)`,
    [listingId],
  );
  await client.query(
    `update chosen set problem = 'address_taken_since'
     from address_reservation
     where address_reservation.address = chosen.address and address_reservation.employee_id <> chosen.employee_id
       and chosen.problem is null`,
  );
}
