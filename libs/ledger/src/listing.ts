import { sql } from 'kysely';
import { employeeNumberOf, markOf, type ObservedAccount } from '#libs/vocabulary';
import { copyInto, type CopyValue } from './copy.js';
import type { Database, Ledger } from './open.js';

/** What holds an address at Google. */
export type AddressHolder = 'user' | 'alias' | 'group' | 'deleted' | 'unmanaged';

/**
 * Begins a listing of Google's directory; its pages are stored as they come. It is kept until it is released, and as long
 * as a plan that is being made or carried out stands on it.
 */
export async function beginListing(db: Database, planId?: string): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    with begun as (insert into directory_listing default values returning id), noted as (
      update plan set listing_id = begun.id from begun where plan.id = ${planId ?? null}::uuid
    )
    select id from begun`.execute(db);
  const [listing] = rows;
  if (listing === undefined) throw new Error('the ledger gave no listing');
  return listing.id;
}

/** Stores pages of accounts with every address that they hold, one COPY a page; returns how many accounts came. */
export async function storeAccounts(
  ledger: Ledger,
  listingId: string,
  pages: AsyncIterable<readonly ObservedAccount[]>,
): Promise<number> {
  let count = 0;
  const client = await ledger.pool.connect();
  try {
    for await (const page of pages) {
      count += page.length;
      await copyInto(
        client,
        'observed_account (listing_id, google_id, primary_email, mark, employee_number, is_admin, account)',
        page.map((account) => accountRow(listingId, account)),
      );
      await copyInto(
        client,
        'observed_address (listing_id, address, google_id, held_by)',
        page.flatMap((account) => addressRows(listingId, account)),
      );
    }
  } finally {
    client.release();
  }
  return count;
}

/** Stores an account that was looked up by itself, with every address that it holds; one that is there already stays. */
export async function storeAccount(db: Database, listingId: string, account: ObservedAccount): Promise<void> {
  const [, googleId, primaryEmail, mark, employeeNumber, isAdmin] = accountRow(listingId, account);
  const addresses = addressRows(listingId, account);
  await sql`
    with stored as (
      insert into observed_account (listing_id, google_id, primary_email, mark, employee_number, is_admin, account)
      values (${listingId}::uuid, ${googleId}, ${primaryEmail}, ${mark}::uuid, ${employeeNumber}, ${isAdmin},
        ${JSON.stringify(account)}::jsonb)
      on conflict do nothing
    )
    insert into observed_address (listing_id, address, google_id, held_by)
    select ${listingId}::uuid, * from unnest(${addresses.map(([, address]) => address)}::text[],
      ${addresses.map(([, , id]) => id)}::text[], ${addresses.map(([, , , heldBy]) => heldBy)}::text[])
    on conflict do nothing`.execute(db);
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function accountRow(listingId: string, account: ObservedAccount): CopyValue[] {
  const mark = markOf(account);
  return [
    listingId,
    account.googleId,
    account.primaryEmail.toLowerCase(),
    mark !== undefined && uuid.test(mark) ? mark : null,
    employeeNumberOf(account) ?? null,
    account.isAdmin || account.isDelegatedAdmin,
    account,
  ];
}

function addressRows(listingId: string, account: ObservedAccount): CopyValue[][] {
  const primary = account.primaryEmail.toLowerCase();
  const aliases = new Set([...account.aliases, ...account.nonEditableAliases].map((alias) => alias.toLowerCase()));
  aliases.delete(primary);
  return [
    [listingId, primary, account.googleId, 'user'],
    ...[...aliases].map((alias) => [listingId, alias, account.googleId, 'alias'] as const),
  ].map((row) => [...row]);
}

/** Stores addresses that are held by other things than accounts. */
export async function storeAddresses(
  db: Database,
  listingId: string,
  heldBy: AddressHolder,
  addresses: readonly string[],
): Promise<void> {
  await sql`
    insert into observed_address (listing_id, address, held_by)
    select ${listingId}::uuid, lower(address), ${heldBy} from unnest(${[...addresses]}::text[]) as address
    on conflict do nothing`.execute(db);
}

export async function storeMemberships(
  db: Database,
  listingId: string,
  groupEmail: string,
  googleIds: readonly string[],
): Promise<void> {
  await sql`
    insert into observed_membership (listing_id, group_email, google_id)
    select ${listingId}::uuid, ${groupEmail.toLowerCase()}, google_id from unnest(${[...googleIds]}::text[]) as google_id
    on conflict do nothing`.execute(db);
}

/**
 * By domain: accounts that the ledger knows, and how many of them the listing shows; those written just now may lag
 * behind.
 */
export async function knownInListing(
  db: Database,
  listingId: string,
  lagMs: number,
): Promise<{ domain: string; known: number; listed: number }[]> {
  const { rows } = await sql<{ domain: string; known: number; listed: number }>`
    select split_part(account.primary_email, '@', 2) as domain, count(*) as known,
      count(observed_account.google_id) as listed
    from account left join observed_account
      on observed_account.listing_id = ${listingId}::uuid and observed_account.google_id = account.google_id
    where account.written_at < now() - ${lagMs} * interval '1 millisecond'
    group by 1 order by 1`.execute(db);
  return rows;
}

/** Nobody reads this listing any more. */
export async function releaseListing(db: Database, listingId: string): Promise<void> {
  await sql`update directory_listing set released_at = now() where id = ${listingId}::uuid`.execute(db);
}

/**
 * Ends a listing: complete, partial (only some accounts were looked up), or refused with its cause; those that nobody needs
 * any more are forgotten.
 */
export async function endListing(
  db: Database,
  listingId: string,
  end: { state: 'complete' | 'partial' | 'refused'; cause: string | null; accounts: number },
): Promise<void> {
  await sql`
    update directory_listing set state = ${end.state}, cause = ${end.cause}, accounts = ${end.accounts}, finished_at = now()
    where id = ${listingId}::uuid`.execute(db);
  await sql`
    delete from directory_listing
    where id <> ${listingId}::uuid and (released_at is not null or started_at < now() - interval '1 day')
      and not exists (select from plan join migration on migration.id = plan.migration_id
                      where plan.listing_id = directory_listing.id
                        and (plan.state = 'computing' or (migration.plan_id = plan.id
                          and migration.state in ('planned', 'approved', 'running', 'pausing', 'paused'))))`.execute(
    db,
  );
  if (end.state === 'complete') {
    await sql`analyze observed_account, observed_address, observed_membership`.execute(db);
  }
}

/** Forgets a listing that served one sweep. */
export async function dropListing(db: Database, listingId: string): Promise<void> {
  await sql`delete from directory_listing where id = ${listingId}::uuid`.execute(db);
}
