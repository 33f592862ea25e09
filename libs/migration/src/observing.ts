import type { CallContext, Workspace } from '#libs/google';
import { GoogleCallError } from '#libs/google';
import {
  beginListing,
  endListing,
  knownInListing,
  releaseListing,
  storeAccounts,
  storeAddresses,
  storeMemberships,
  type Ledger,
} from '#libs/ledger';
import type { ObservedAccount } from '#libs/vocabulary';
import { pages, patiently } from './patiently.js';

/** What Google showed, beyond the accounts and addresses that went to the ledger. */
export interface Observation {
  readonly listingId: string;
  readonly accounts: number;
  readonly verifiedDomains: readonly string[];
  /** Lower case. */
  readonly orgUnits: ReadonlySet<string>;
  /** Lower case. */
  readonly groups: ReadonlySet<string>;
  /** What Google would not tell: an admin must accept it before the start. */
  readonly unknowns: readonly ('unmanaged_accounts' | 'deleted_users')[];
}

/** A listing that must not be believed: with its cause, in a sentence for the admin. */
export class ListingRefusedError extends Error {
  constructor(
    message: string,
    readonly listingId: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'ListingRefusedError';
  }
}

/** A listing must show at least this share of the accounts that the ledger knows. */
const knownShareMin = 0.9;
/** A domain with no more known accounts than this is judged with all the others only. */
const fewKnown = 20;

/**
 * Reads the directory into the ledger: accounts, aliases, deleted users, groups with the members that matter, org units,
 * domains, unmanaged accounts. Writes nothing to Google. A listing that is empty, incomplete or much smaller than what the
 * ledger knows is refused with its cause: other tools have removed whole companies by believing one.
 */
export async function observeDirectory(
  ledger: Ledger,
  workspace: Workspace,
  options: { call: CallContext; lagMs: number; memberGroups: readonly string[]; planId?: string },
): Promise<Observation> {
  const listingId = await beginListing(ledger.db, options.planId);
  let accounts = 0;
  try {
    accounts = await storeAccounts(ledger, listingId, accountPages(workspace, options.call));
    await refuseIfShrunken(ledger, listingId, accounts, options.lagMs);
    const unknowns = await observeOtherHolders(ledger, workspace, listingId, options.call);
    const groups = await observeGroups(ledger, workspace, listingId, options);
    const units = await patiently(() => workspace.directory.listOrgUnits(options.call));
    const domains = await patiently(() => workspace.directory.listDomains(options.call));
    await endListing(ledger.db, listingId, { state: 'complete', cause: null, accounts });
    return {
      listingId,
      accounts,
      verifiedDomains: domains.filter(({ verified }) => verified).map(({ name }) => name.toLowerCase()),
      orgUnits: new Set(units.map(({ path }) => path.toLowerCase())),
      groups,
      unknowns,
    };
  } catch (error) {
    const refusal =
      error instanceof ListingRefusedError
        ? error
        : new ListingRefusedError(`Google's listing is incomplete: ${whatFailed(error)}`, listingId, { cause: error });
    await endListing(ledger.db, listingId, { state: 'refused', cause: refusal.message, accounts });
    await releaseListing(ledger.db, listingId);
    throw refusal;
  }
}

export const whatFailed = (error: unknown): string =>
  error instanceof GoogleCallError ? `${error.method} was refused (${error.reason})` : 'reading it failed';

async function* accountPages(workspace: Workspace, call: CallContext): AsyncGenerator<readonly ObservedAccount[]> {
  for await (const { accounts } of pages((page) => workspace.directory.listUsers(call, page))) yield accounts;
}

async function refuseIfShrunken(ledger: Ledger, listingId: string, accounts: number, lagMs: number): Promise<void> {
  if (accounts === 0) {
    throw new ListingRefusedError(
      'Google listed no account at all, not even the admin that asks: the listing is not believed',
      listingId,
    );
  }
  const domains = await knownInListing(ledger.db, listingId, lagMs);
  const all = domains.reduce((sum, { known, listed }) => ({ known: sum.known + known, listed: sum.listed + listed }), {
    known: 0,
    listed: 0,
  });
  // A handful of accounts may well have been deleted; a whole domain that is gone has not.
  const gone = domains.find(({ known, listed }) => known > fewKnown && listed < known * knownShareMin);
  if (all.listed < all.known * knownShareMin || gone !== undefined) {
    const [{ known, listed }, where] = gone === undefined ? [all, ''] : [gone, ' in one domain'];
    throw new ListingRefusedError(
      `Google listed only ${listed} of the ${known} accounts that the ledger knows${where}: the listing is not believed`,
      listingId,
    );
  }
}

/** Deleted users and private accounts that hold addresses: pages of both. Gives what Google would not tell. */
export async function observeOtherHolders(
  ledger: Ledger,
  workspace: Workspace,
  listingId: string,
  call: CallContext,
): Promise<Observation['unknowns']> {
  const unknowns: Observation['unknowns'][number][] = [];
  const unlessRefused = async (unknown: Observation['unknowns'][number], list: () => Promise<void>) => {
    try {
      await list();
    } catch (error) {
      // Not permitted (no such scope or privilege, an edition without it): the plan says so and an admin decides.
      const refused = [
        'scope_not_delegated',
        'admin_privilege_missing',
        'forbidden_for_account',
        'api_disabled',
        'unknown_refusal',
      ];
      if (!(error instanceof GoogleCallError && refused.includes(error.reason))) throw error;
      unknowns.push(unknown);
    }
  };
  await unlessRefused('deleted_users', async () => {
    const deleted = pages((page) => workspace.directory.listUsers(call, { ...page, showDeleted: true }));
    for await (const { accounts } of deleted) {
      const addresses = accounts.map(({ primaryEmail }) => primaryEmail);
      await storeAddresses(ledger.db, listingId, 'deleted', addresses);
    }
  });
  await unlessRefused('unmanaged_accounts', async () => {
    for await (const { addresses } of pages((page) => workspace.invitations.list(call, page))) {
      await storeAddresses(ledger.db, listingId, 'unmanaged', addresses);
    }
  });
  return unknowns;
}

async function observeGroups(
  ledger: Ledger,
  workspace: Workspace,
  listingId: string,
  options: { call: CallContext; memberGroups: readonly string[] },
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for await (const { groups } of pages((page) => workspace.directory.listGroups(options.call, page))) {
    const emails = groups.map(({ email }) => email.toLowerCase());
    await storeAddresses(ledger.db, listingId, 'group', emails);
    for (const email of emails) found.add(email);
  }
  for (const group of options.memberGroups.filter((email) => found.has(email))) {
    for await (const { members } of pages((page) => workspace.directory.listMembers(options.call, group, page))) {
      const googleIds = members.map(({ googleId }) => googleId);
      await storeMemberships(ledger.db, listingId, group, googleIds);
    }
  }
  return found;
}
