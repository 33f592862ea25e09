import type { CallContext, Workspace } from '#libs/google';
import {
  beginListing,
  countAccounts,
  countRoundMembers,
  endListing,
  releaseListing,
  roundMembers,
  storeAccount,
  storeAddresses,
  storeMemberships,
  type Ledger,
  type RoundMember,
} from '#libs/ledger';
import type { MigrationId, ObservedAccount } from '#libs/vocabulary';
import { ListingRefusedError, observeOtherHolders, whatFailed, type Observation } from './observing.js';
import { pages, patiently, sideBySide } from './patiently.js';

const sideBySideMax = 8;
/** So few are looked up one by one, whatever the size of the company. */
const fewMembers = 50;
const accountsPerPage = 500;

/** Whether looking a round's members up one by one takes fewer calls than reading the whole directory. */
export async function isWorthLookingUp(ledger: Ledger, roundId: MigrationId): Promise<boolean> {
  const members = await countRoundMembers(ledger.db, roundId);
  return members <= Math.max(fewMembers, (await countAccounts(ledger.db)) / accountsPerPage);
}

/**
 * What Google shows of a few people: an account by the id that the ledger keeps, else by our mark, by the number and by an
 * admin's list; the groups of each. For a round of three joiners that is a dozen calls, where the whole directory would be
 * hundreds of pages. It says nothing of anybody else, so it is not kept as a complete listing.
 */
export async function observeMembers(
  ledger: Ledger,
  workspace: Workspace,
  options: { call: CallContext; roundId: MigrationId; planId?: string },
): Promise<Observation> {
  const { call } = options;
  const listingId = await beginListing(ledger.db, options.planId);
  const finder = new Finder(ledger, workspace, call, listingId);
  try {
    const members = await roundMembers(ledger.db, options.roundId);
    await sideBySide(members, sideBySideMax, (member) => finder.findMember(member));
    await finder.storeGroups();
    const areNew = members.some(({ googleId }) => googleId === null);
    const unknowns = areNew ? await observeOtherHolders(ledger, workspace, listingId, call) : [];
    const groups = await listGroups(ledger, workspace, listingId, call);
    const units = await patiently(() => workspace.directory.listOrgUnits(call));
    const domains = await patiently(() => workspace.directory.listDomains(call));
    await endListing(ledger.db, listingId, { state: 'partial', cause: null, accounts: finder.count });
    return {
      listingId,
      accounts: finder.count,
      verifiedDomains: domains.filter(({ verified }) => verified).map(({ name }) => name.toLowerCase()),
      orgUnits: new Set(units.map(({ path }) => path.toLowerCase())),
      groups,
      unknowns,
    };
  } catch (error) {
    const cause = `Google could not be asked about all of them: ${whatFailed(error)}`;
    await endListing(ledger.db, listingId, { state: 'refused', cause, accounts: finder.count });
    await releaseListing(ledger.db, listingId);
    throw new ListingRefusedError(cause, listingId, { cause: error });
  }
}

/** Adds to a listing what holds these addresses at Google: accounts, by a primary address or an alias, and groups. */
export async function lookUpAddresses(
  ledger: Ledger,
  workspace: Workspace,
  options: { call: CallContext; listingId: string; addresses: readonly string[] },
): Promise<void> {
  const finder = new Finder(ledger, workspace, options.call, options.listingId);
  await sideBySide(options.addresses, sideBySideMax, (address) => finder.findHolder(address));
}

async function listGroups(ledger: Ledger, workspace: Workspace, listingId: string, call: CallContext) {
  const found = new Set<string>();
  for await (const { groups } of pages((page) => workspace.directory.listGroups(call, page))) {
    const emails = groups.map(({ email }) => email.toLowerCase());
    await storeAddresses(ledger.db, listingId, 'group', emails);
    for (const email of emails) found.add(email);
  }
  return found;
}

/** Looks accounts up and stores each of them once. */
class Finder {
  private readonly found = new Set<string>();
  private readonly groupsOf = new Map<string, string[]>();

  constructor(
    private readonly ledger: Ledger,
    private readonly workspace: Workspace,
    private readonly call: CallContext,
    private readonly listingId: string,
  ) {}

  get count(): number {
    return this.found.size;
  }

  async findMember(member: RoundMember): Promise<void> {
    const { directory } = this.workspace;
    const accounts: (ObservedAccount | undefined)[] = [];
    const { googleId, named } = member;
    if (googleId === null) {
      for (const value of [member.employeeId, member.employeeNumber]) {
        accounts.push(...(await patiently(() => directory.findUsersByExternalId(this.call, value))));
      }
      if (named !== null) accounts.push(await patiently(() => directory.getUser(this.call, named)));
    } else accounts.push(await patiently(() => directory.getUser(this.call, googleId)));
    for (const account of accounts) if (account !== undefined) await this.store(account);
  }

  async findHolder(address: string): Promise<void> {
    const { directory } = this.workspace;
    const account = await patiently(() => directory.getUser(this.call, address));
    if (account !== undefined) await storeAccount(this.ledger.db, this.listingId, account);
    const group = await patiently(() => directory.getGroup(this.call, address));
    if (group !== undefined) await storeAddresses(this.ledger.db, this.listingId, 'group', [group.email, address]);
  }

  async storeGroups(): Promise<void> {
    const members = Map.groupBy(
      [...this.groupsOf].flatMap(([googleId, groups]) => groups.map((group) => ({ googleId, group }))),
      ({ group }) => group,
    );
    for (const [group, entries] of members) {
      const googleIds = entries.map(({ googleId }) => googleId);
      await storeMemberships(this.ledger.db, this.listingId, group, googleIds);
    }
  }

  private async store(account: ObservedAccount): Promise<void> {
    const { googleId } = account;
    if (this.found.has(googleId)) return;
    this.found.add(googleId);
    const groups = await patiently(() => this.workspace.directory.listGroupsOf(this.call, googleId));
    this.groupsOf.set(googleId, groups);
    await storeAccount(this.ledger.db, this.listingId, account);
  }
}
