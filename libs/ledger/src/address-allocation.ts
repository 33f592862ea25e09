import type { PoolClient } from 'pg';
import { z } from 'zod';
import { holderOrderSql, holderReasonSql } from './address-holders.js';

/** What planning must know of addresses beside the ledger and the listing. */
export interface AddressRules {
  /** Never given to a person: addresses of declared groups. */
  readonly blocked: readonly string[];
  readonly verifiedDomains: readonly string[];
  /** How long after its release (an ISO 8601 duration) an address may be given to somebody else; null: never. */
  readonly reuseAfter: string | null;
  /**
   * Up to how many people who need a new address are looked up address by address; for more, everybody's addresses are
   * gathered. Left out: as many as make it worth while.
   */
  readonly lookedUpMax?: number;
}

const worthLookingUp = 200;

/** Whether a reservation binds nobody else any more; `period` is the parameter of the duration. */
const isFree = (period: string) => `coalesce(address_reservation.released_at <= now() - ${period}::interval, false)`;

/**
 * Notes since when issued addresses are nobody's: their people have left and nothing at Google holds them, deleted accounts
 * included. Whoever is back, or has an account again, has the address again. Never guessed from a listing that shows only
 * some accounts.
 */
export async function noteReleased(client: PoolClient, listingId: string): Promise<void> {
  await client.query(
    `update address_reservation set released_at = case when standing.free then now() end
     from (
       select address, released_at is not null as was_free, wish.gone
         and not exists (select from observed_address where listing_id = $1
                           and observed_address.address = address_reservation.address)
         and not exists (select from match join observed_account
                           on listing_id = $1 and observed_account.google_id = match.google_id
                         where match.employee_id = wish.employee_id) as free
       from address_reservation join wish using (employee_id)
       where address_reservation.state = 'issued' and (wish.gone or released_at is not null)
     ) as standing
     where standing.address = address_reservation.address and standing.free <> standing.was_free
       and exists (select from directory_listing where id = $1 and state = 'complete')`,
    [listingId],
  );
}

/**
 * One address for everybody, whoever is enrolled: so pilots get what they would have got with all the others. In this
 * order: that of the account which an admin's list names; the address issued to the person before; the one that the feed
 * gives; the present address of the person's account; one that an open plan holds for the person, if it still follows the
 * pattern; a new one. `chosen.origin` says which. Why no new one can be made matters to nobody who has an address. Row order
 * never matters.
 */
export async function allocateAddresses(
  client: PoolClient,
  listingId: string,
  { blocked, verifiedDomains, reuseAfter, lookedUpMax = worthLookingUp }: AddressRules,
): Promise<void> {
  await client.query(
    `insert into chosen (employee_id, address, origin, problem)
     select wish.employee_id, present.address,
       case when present.named is not null then 'named' when address_reservation.address is not null then 'issued'
         when wish.given is not null then 'given' when observed_account.primary_email is not null then 'present'
         when reserved.address is not null then 'reserved' end,
       coalesce(match.problem, case when present.address is null then wish.problem end)
     from wish
     left join match on match.employee_id = wish.employee_id
     left join observed_account on observed_account.listing_id = $1 and observed_account.google_id = match.google_id
     left join address_reservation on address_reservation.employee_id = wish.employee_id
       and address_reservation.kind = 'primary' and address_reservation.state = 'issued' and not (wish.gone and ${isFree('$2')})
     left join (
       select wish.employee_id, min(address) as address from wish join address_reservation using (employee_id)
       where kind = 'primary' and state = 'tentative' and split_part(address, '@', 2) = wish.domain
         and (split_part(address, '@', 1) = any(wish.local_parts)
           or ${stemSql("split_part(address, '@', 1)")} = ${stemSql('wish.local_parts[1]')})
       group by wish.employee_id
     ) as reserved on reserved.employee_id = wish.employee_id
     cross join lateral (select
       case when match.matched_by = 'list' then observed_account.primary_email end as named,
       coalesce(case when match.matched_by = 'list' then observed_account.primary_email end, address_reservation.address,
         wish.given, observed_account.primary_email, reserved.address) as address
     ) as present`,
    [listingId, reuseAfter],
  );
  await holdChanges(client);
  const known = { listingId, blocked, reuseAfter };
  if ((await gatherClaims(client)) > lookedUpMax) await gatherKnown(client, { ...known, among: 'everybody' });
  else await lookUpKnown(client, known);
  await giveNewAddresses(client);
  await findAddressFaults(client, listingId, verifiedDomains);
}

/**
 * The feed gives another address than the one that the person was told: nothing moves until an admin accepts it. One that
 * the person had before is no wish: HR has not heard of the new one yet.
 */
async function holdChanges(client: PoolClient): Promise<void> {
  await client.query(
    `update chosen set problem = 'address_change_unaccepted'
     from wish
     where wish.employee_id = chosen.employee_id and chosen.origin = 'issued' and chosen.problem is null
       and wish.given <> chosen.address
       and not exists (select from address_reservation as former
                       where former.employee_id = wish.employee_id and former.address = wish.given and kind = 'former')`,
  );
}

/** Whoever has no address yet, in the order of hire date, source and employee number; gives how many they are. */
async function gatherClaims(client: PoolClient): Promise<number> {
  await client.query(
    `create temporary table claim as
     select wish.employee_id, local_parts, domain, numbered,
       row_number() over (order by hire_date collate "C", source collate "C", employee_number collate "C") as rank
     from wish join chosen on chosen.employee_id = wish.employee_id
     where chosen.address is null and chosen.problem is null and cardinality(local_parts) > 0`,
  );
  await client.query('create unique index on claim (employee_id); analyze claim; analyze chosen');
  const { rows } = await client.query('select count(*) as count from claim');
  return countSchema.parse(rows)[0]?.count ?? 0;
}

interface KnownAddresses extends Pick<AddressRules, 'blocked' | 'reuseAfter'> {
  readonly listingId: string;
}

const numbersFirst = 16;

/**
 * The same of a few people's candidates only, whatever the company's size: what they may be given first, and so many
 * numbers that the free ones among them are enough for all who may want one.
 */
async function lookUpKnown(client: PoolClient, known: KnownAddresses): Promise<void> {
  for (let numbers = numbersFirst; ; numbers *= 4) {
    await client.query(
      `create temporary table candidate as
       select local_part || '@' || domain as address from claim cross join unnest(local_parts) as local_part
       union
       select ${numberedSql('local_parts[1]', 'n')} || '@' || domain from claim cross join generate_series(2, $1) as n
       where numbered`,
      [numbers],
    );
    await client.query('create unique index on candidate (address); analyze candidate');
    await gatherKnown(client, { ...known, among: 'candidates' });
    const { rowCount } = await client.query(
      `select from (
         select ${stemSql('local_parts[1]')} as stem, domain, count(*) as homonyms from claim where numbered group by 1, 2
       ) as wanted
       where $1 < homonyms + 2 + (
         select count(*) from known_address
         where ${stemSql(`split_part(address, '@', 1)`)} = stem and split_part(address, '@', 2) = domain)`,
      [numbers],
    );
    if (rowCount === 0) return;
    await client.query('drop table candidate; drop table known_address');
  }
}

const stemSql = (localPart: string) => `regexp_replace(${localPart}, '[0-9]+$', '')`;

/** Cut so that the whole is at most 64 long. */
const numberedSql = (localPart: string, n: string) =>
  `rtrim(left(${localPart}, 64 - length(${n}::text)), '.-') || ${n}::text`;

/**
 * Every address, or of those in the table `candidate`, that is somebody's or something's already; former addresses of people
 * come last, and what HR says of people who are not part of this pass.
 */
async function gatherKnown(
  client: PoolClient,
  { listingId, blocked, reuseAfter, among }: KnownAddresses & { among: 'everybody' | 'candidates' },
): Promise<void> {
  const of = (table: string) => (among === 'everybody' ? table : `candidate join ${table} using (address)`);
  const named =
    among === 'everybody'
      ? 'employee_search cross join unnest(addresses) as named (address)'
      : 'candidate as named join employee_search on addresses @> array[named.address]';
  await client.query(
    `create temporary table known_address as
     select distinct on (address) address, employee_id from (
       select address, employee_id, 1 as rank from chosen where address is not null
       union all
       select address, employee_id, 2 from ${of('address_reservation')} where not ${isFree('$3')}
       union all
       select address, match.employee_id, 3 from ${of('observed_address')}
       join match on match.google_id = observed_address.google_id
       where observed_address.listing_id = $1 and match.problem is null
       union all
       select blocked, null, 4 from unnest($2::text[]) as blocked
       union all
       select former, employee_id, 5 from wish cross join unnest(wish.aliases) as former
       union all
       select named.address, employee_id, 6 from ${named} join employee on employee.id = employee_id
       where status <> 'terminated' and not exists (select from wish where wish.employee_id = employee.id)
     ) as known
     left join wish using (employee_id)
     order by address, rank, hire_date, source, employee_number`,
    [listingId, blocked, reuseAfter],
  );
  await client.query('create unique index on known_address (address); analyze known_address');
}

const countSchema = z.array(z.object({ count: z.number() }));

/**
 * Each claims an address in their order. In turn, everybody's first local part, then everybody's next: of several who want one address the first in the order gets it, and nobody's
 * alternative is put before another's pattern. Who is left then is numbered, or a person's to settle.
 */
async function giveNewAddresses(client: PoolClient): Promise<void> {
  const { rows } = await client.query('select coalesce(max(cardinality(local_parts)), 0) as count from claim');
  const turns = countSchema.parse(rows)[0]?.count ?? 0;
  for (let turn = 1; turn <= turns; turn += 1) await takeTurn(client, turn);
  while ((await numberHomonyms(client)) > 0);
  await client.query(
    `update chosen set problem = 'address_held_by_colleague' from claim where claim.employee_id = chosen.employee_id`,
  );
}

/** Gives what the table `proposal` of a statement proposes: one person an address, nobody two. */
const giveProposed = `
  given as (
    update chosen set address = proposal.address, origin = proposal.origin from proposal
    where chosen.employee_id = proposal.employee_id returning chosen.employee_id, chosen.address
  ), noted as (
    insert into known_address (address, employee_id) select address, employee_id from given
    on conflict (address) do nothing
  )
  delete from claim using given where claim.employee_id = given.employee_id`;

async function takeTurn(client: PoolClient, turn: number): Promise<void> {
  await client.query(
    `with proposal as (
       select distinct on (candidate.address) claim.employee_id, candidate.address, $2 as origin
       from claim cross join lateral (select local_parts[$1] || '@' || domain as address) as candidate
       where cardinality(local_parts) >= $1
         and not exists (select from known_address where known_address.address = candidate.address
                           and known_address.employee_id is distinct from claim.employee_id)
       order by candidate.address, claim.rank
     ), ${giveProposed}`,
    [turn, turn === 1 ? 'pattern' : 'alternative'],
  );
}

/**
 * The n-th claimant of a pattern address gets the n-th number that is free, counted from 2; the local part is cut so that
 * the whole is at most 64 long. Numbers of different names may meet (ada + 22, ada2 + 2): then the first in the order gets
 * the address, and the others come in the next pass. Gives how many got one. Claims and candidates are tables with
 * statistics: as parts of one statement they made PostgreSQL compare everybody with everybody.
 */
async function numberHomonyms(client: PoolClient): Promise<number> {
  await client.query(
    'drop table if exists homonym; drop table if exists known_stem; drop table if exists free_address',
  );
  await client.query(
    `create temporary table homonym as
     select employee_id, local_parts[1] as local_part, domain, rank,
       row_number() over (partition by local_parts[1], domain order by rank) as place
     from claim where numbered`,
  );
  await client.query('create index on homonym (local_part, domain, place); analyze homonym; analyze known_address');
  await client.query(
    `create temporary table known_stem as
     select ${stemSql("split_part(address, '@', 1)")} as local_part,
       split_part(address, '@', 2) as domain, count(*) as taken
     from known_address group by 1, 2`,
  );
  await client.query('create index on known_stem (local_part, domain); analyze known_stem');
  await client.query(
    `create temporary table free_address as
     select stem.local_part, stem.domain, candidate.address,
       row_number() over (partition by stem.local_part, stem.domain order by n) as place
     from (
       select homonym.local_part, homonym.domain, count(*) + coalesce(max(known_stem.taken), 0) as candidates
       from homonym left join known_stem
         on known_stem.local_part = ${stemSql('homonym.local_part')}
           and known_stem.domain = homonym.domain
       group by homonym.local_part, homonym.domain
     ) as stem
     cross join generate_series(2, stem.candidates + 2) as n
     cross join lateral (
       select ${numberedSql('stem.local_part', 'n')} || '@' || stem.domain as address
     ) as candidate
     where not exists (select from known_address where known_address.address = candidate.address)`,
  );
  await client.query('create index on free_address (local_part, domain, place); analyze free_address');
  const { rowCount } = await client.query(
    `with proposal as (
       select distinct on (address) employee_id, address, 'numbered' as origin
       from homonym join free_address using (local_part, domain, place)
       order by address, rank
     ), ${giveProposed}`,
  );
  return rowCount ?? 0;
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
  await client.query('create index on chosen (address); analyze chosen');
}

/** An address that something at Google holds, and that is not this employee's own account, is a conflict with its reason. */
export async function settleHolders(client: PoolClient, listingId: string, reuseAfter: string | null): Promise<void> {
  await client.query(
    `update chosen set
       problem = ${holderReasonSql('holder.held_by', 'maybe_same_person')},
       foreign_google_id = holder.google_id
     from (
       select distinct on (address) address, held_by, google_id from observed_address
       where listing_id = $1
       order by address, ${holderOrderSql}
     ) as holder
     where chosen.address = holder.address and chosen.problem is null
       and not exists (
         select from match
         where match.employee_id = chosen.employee_id and match.google_id = holder.google_id)`,
    [listingId],
  );
  await client.query(
    `update chosen set problem = case state when 'issued' then 'address_held_by_colleague' else 'address_taken_since' end
     from address_reservation
     where address_reservation.address = chosen.address and address_reservation.employee_id <> chosen.employee_id
       and chosen.problem is null and not ${isFree('$1')}`,
    [reuseAfter],
  );
}

/**
 * Former addresses that cannot become aliases: somebody or something else has them, or somebody before in the order of
 * hire date, source and employee number wants them too.
 */
export async function leaveOutAliases(client: PoolClient, listingId: string, reuseAfter: string | null): Promise<void> {
  await client.query(
    `create temporary table alias_left_out as
     select wanted.employee_id, alias
     from (
       select employee_id, alias, row_number() over (partition by alias
         order by hire_date collate "C", source collate "C", employee_number collate "C") as place
       from wish cross join unnest(aliases) as alias
     ) as wanted
     left join match on match.employee_id = wanted.employee_id
     where place > 1
       or exists (select from chosen where chosen.address = alias and chosen.employee_id <> wanted.employee_id
                    and chosen.problem is null)
       or exists (select from address_reservation where address_reservation.address = alias
                    and address_reservation.employee_id <> wanted.employee_id and not ${isFree('$2')})
       or exists (select from observed_address where listing_id = $1 and observed_address.address = alias
                    and not coalesce(observed_address.google_id = match.google_id, false))`,
    [listingId, reuseAfter],
  );
  await client.query('create index on alias_left_out (employee_id); analyze alias_left_out');
}
