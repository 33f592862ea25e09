import { numberOf, type Group, type OrgUnit, type SharedCalendar, type User } from './account.js';
import { Draws, hash } from './draws.js';
import type { Profile } from './profile.js';
import { Refusal } from './refusal.js';
import { SortedKeys } from './sorted-keys.js';

const formersMax = 50_000;
const evictedMax = 10_000;

/** Everything that this Google holds, in memory. */
export class World {
  readonly usersById = new Map<string, User>();
  /** Primary addresses and aliases, lower case. */
  readonly userByAddress = new Map<string, User>();
  readonly addresses = new SortedKeys();
  readonly deleted = new Map<string, User>();
  /** `address id` of each deleted account: an address may have been deleted twice. */
  readonly deletedKeys = new SortedKeys();
  readonly groups = new Map<string, Group>();
  readonly groupsById = new Map<string, Group>();
  readonly groupAddresses = new SortedKeys();
  readonly orgUnits = new Map<string, OrgUnit>();
  /** Consumer accounts on our domains, and the state of their invitation. */
  readonly unmanaged = new Map<string, string>();
  readonly unmanagedAddresses = new SortedKeys();
  /** Consumer accounts whose address a plain users.insert took. */
  readonly evicted: string[] = [];
  readonly calendars = new Map<string, SharedCalendar>();
  /** Mails that Calendar sent because an access rule was inserted without sendNotifications=false. */
  aclMails = 0;
  readonly licensees = new Map<string, SortedKeys>();
  readonly pools: Map<string, number>;
  seats: number;
  readonly draws: Draws;
  /** Accounts as they were before their last change, oldest change first. */
  private readonly formers = new Map<User, { was: User; at: number }>();
  private readonly singles = new Map<string, readonly string[]>();
  private readonly texts = new Map<string, string>();
  private serial = 0;
  private readonly startedAt = performance.now();

  constructor(
    readonly profile: Profile,
    readonly timeScale: number,
    readonly seed: number,
  ) {
    this.draws = new Draws(seed);
    this.seats = profile.seats;
    this.pools = new Map(profile.licences.map(({ productId, skuId, pool }) => [`${productId}/${skuId}`, pool]));
    this.orgUnits.set('/', { id: 'id:root', path: '/', description: '', createdAt: -1e9 });
    for (const address of profile.admins) {
      this.plant({ primaryEmail: address, isAdmin: true, givenName: 'Ada', familyName: 'Admin' });
    }
  }

  /** Seconds of Google's time since the world began. */
  now(): number {
    return ((performance.now() - this.startedAt) / 1_000) * this.timeScale;
  }

  /** A number in [0, 1) that is always the same for this user and purpose. */
  chance(id: string, purpose: string): number {
    return hash(this.seed, purpose, id);
  }

  delay(id: string, purpose: string, [from, to]: readonly [number, number]): number {
    return to === from ? from : from + this.chance(id, purpose) * (to - from);
  }

  nextId(prefix: string): string {
    this.serial += 1;
    return `${prefix}${(1_000_000_000 + this.serial).toString()}`;
  }

  add(user: User): void {
    this.usersById.set(user.id, user);
    this.userByAddress.set(user.primaryEmail, user);
    for (const alias of user.aliases ?? []) this.userByAddress.set(alias, user);
    this.addresses.add(user.primaryEmail);
    for (const sku of user.licences) this.licenseesOf(sku).add(user.primaryEmail);
    this.assignAutomatically(user);
  }

  /** An account from before: old enough that nothing of it lags. */
  plant(account: Partial<User> & { primaryEmail: string }): User {
    const user: User = {
      id: this.nextId('1'),
      givenName: '',
      familyName: '',
      orgUnitPath: '/',
      suspended: false,
      isAdmin: false,
      isDelegatedAdmin: false,
      createdAt: -1e9,
      changedAt: -1e9,
      licences: [],
      fields: {},
      ...account,
    };
    user.primaryEmail = user.primaryEmail.toLowerCase();
    user.ready = true;
    this.add(user);
    return user;
  }

  rename(user: User, address: string): void {
    const old = user.primaryEmail;
    this.addresses.delete(old);
    for (const sku of user.licences) this.licenseesOf(sku).delete(old);
    user.aliases = [...(user.aliases ?? []).filter((alias) => alias !== address), old];
    user.primaryEmail = address;
    user.renamedAt = this.now();
    this.userByAddress.set(address, user);
    this.addresses.add(address);
    for (const sku of user.licences) this.licenseesOf(sku).add(address);
  }

  /** Deletes: licences come back into their pools, the seat stays taken, memberships end. */
  remove(user: User): void {
    this.usersById.delete(user.id);
    for (const address of [user.primaryEmail, ...(user.aliases ?? [])]) this.userByAddress.delete(address);
    this.addresses.delete(user.primaryEmail);
    for (const sku of user.licences) this.licenseesOf(sku).delete(user.primaryEmail);
    for (const group of this.groups.values()) group.delete(user.id);
    this.formers.delete(user);
    user.deletedAt = this.now();
    this.deleted.set(user.id, user);
    this.deletedKeys.add(`${user.primaryEmail} ${user.id}`);
  }

  restore(user: User): void {
    this.deleted.delete(user.id);
    this.deletedKeys.delete(`${user.primaryEmail} ${user.id}`);
    delete user.deletedAt;
    user.licences = user.licences.filter((sku) => this.free(sku) > 0);
    this.add(user);
  }

  holder(address: string): 'user' | 'group' | undefined {
    if (this.userByAddress.has(address)) return 'user';
    return this.groups.has(address) ? 'group' : undefined;
  }

  /** Takes a consumer account's address away, as a plain insert does. */
  evict(address: string): void {
    if (!this.unmanaged.delete(address)) return;
    this.unmanagedAddresses.delete(address);
    if (this.evicted.length < evictedMax) this.evicted.push(address);
  }

  plantUnmanaged(address: string, state: string): void {
    this.unmanaged.set(address, state);
    this.unmanagedAddresses.add(address);
  }

  addGroup(group: Group): void {
    this.groups.set(group.email, group);
    this.groupsById.set(group.id, group);
    this.groupAddresses.add(group.email);
  }

  removeGroup(group: Group): void {
    this.groups.delete(group.email);
    this.groupsById.delete(group.id);
    this.groupAddresses.delete(group.email);
  }

  /** By path, whatever the case; a new one is unknown for a while. */
  orgUnit(path: string): OrgUnit | undefined {
    const unit = this.orgUnits.get(path.toLowerCase());
    if (unit === undefined) return undefined;
    const wait = this.delay(unit.id, 'orgUnit', this.profile.delays.orgUnit);
    return this.now() - unit.createdAt >= wait ? unit : undefined;
  }

  licenseesOf(sku: string): SortedKeys {
    let keys = this.licensees.get(sku);
    if (keys === undefined) this.licensees.set(sku, (keys = new SortedKeys()));
    return keys;
  }

  /** Licences left in a pool. */
  free(sku: string): number {
    return (this.pools.get(sku) ?? 0) - this.licenseesOf(sku).size;
  }

  assign(user: User, sku: string): void {
    if (!this.pools.has(sku)) throw new Refusal(400, 'invalid', 'Invalid SKU');
    if (this.free(sku) <= 0) {
      throw new Refusal(
        412,
        'conditionNotMet',
        "There aren't enough available licenses for the specified product-SKU pair",
      );
    }
    this.licenseesOf(sku).add(user.primaryEmail);
    user.licences = user.licences.length === 0 ? this.single(sku) : [...user.licences, sku];
    user.licensedAt ??= this.now();
  }

  withdraw(user: User, sku: string): void {
    this.licenseesOf(sku).delete(user.primaryEmail);
    user.licences = user.licences.filter((one) => one !== sku);
    delete user.automatic;
    if (user.licences.length === 0) delete user.licensedAt;
  }

  /** Automatic licensing says nothing when the pool is empty: the account simply has no licence. */
  assignAutomatically(user: User): void {
    const sku = this.automaticSku(user.orgUnitPath);
    if (sku === undefined || user.licences.length > 0 || this.free(sku) <= 0) return;
    this.assign(user, sku);
    user.automatic = true;
  }

  /** The licence that the nearest org unit above gives by itself. */
  private automaticSku(orgUnitPath: string): string | undefined {
    const { automaticLicensing } = this.profile;
    if (automaticLicensing === false) return undefined;
    if (automaticLicensing === true) {
      const [sku] = this.pools.keys();
      return sku;
    }
    const above = automaticLicensing
      .filter(({ orgUnitPath: unit }) => unit === '/' || `${orgUnitPath}/`.startsWith(`${unit}/`))
      .sort((a, b) => b.orgUnitPath.length - a.orgUnitPath.length);
    const [nearest] = above;
    return nearest === undefined ? undefined : `${nearest.productId}/${nearest.skuId}`;
  }

  ageOf(user: User): number {
    return this.now() - user.createdAt;
  }

  /** Whether a wait that began at the account's creation is over. */
  isPast(user: User, purpose: string, range: readonly [number, number]): boolean {
    return user.ready === true || this.ageOf(user) >= this.delay(user.id, purpose, range);
  }

  mailboxReady(user: User): boolean {
    if (user.ready === true) return true;
    if (user.licensedAt === undefined) return false;
    const { delays, poison } = this.profile;
    if (delays.mailboxNeverShare > 0 && this.chance(user.id, 'never') < delays.mailboxNeverShare) return false;
    if (isPoisoned(poison.mailboxNever, user)) return false;
    const slow = isPoisoned(poison.mailboxSlow, user) || this.chance(user.id, 'slow') < delays.mailboxSlow.share;
    const after = slow ? delays.mailboxSlow.seconds : this.delay(user.id, 'mailbox', delays.mailbox);
    return this.now() - user.licensedAt >= after;
  }

  /** Call before a change: reads may show the account as it was for a while. */
  remember(user: User): void {
    const { staleReads } = this.profile.delays;
    if (staleReads.share === 0 || staleReads.seconds === 0) return;
    this.forgetOldFormers(staleReads.seconds);
    this.formers.delete(user);
    this.formers.set(user, { was: { ...user }, at: this.now() });
  }

  /** The account as a read shows it: after a write, now and then, as it was before. */
  seen(user: User): User {
    if (this.formers.size === 0) return user;
    const former = this.formers.get(user);
    if (former === undefined) return user;
    const { staleReads } = this.profile.delays;
    if (this.now() - former.at > staleReads.seconds) {
      this.formers.delete(user);
      return user;
    }
    return this.draws.next() < staleReads.share ? former.was : user;
  }

  private forgetOldFormers(seconds: number): void {
    for (const [user, { at }] of this.formers) {
      if (this.now() - at <= seconds && this.formers.size < formersMax) return;
      this.formers.delete(user);
    }
  }

  /** One copy of a text that many accounts share. */
  shared(text: string): string {
    if (text.length > 200) return text;
    const same = this.texts.get(text);
    if (same !== undefined) return same;
    if (this.texts.size < 10_000) this.texts.set(text, text);
    return text;
  }

  private single(sku: string): readonly string[] {
    let one = this.singles.get(sku);
    if (one === undefined) this.singles.set(sku, (one = [sku]));
    return one;
  }
}

/** Whether a list of employee numbers names this account. */
export function isPoisoned(numbers: readonly string[], user: Pick<User, 'fields'>): boolean {
  return numbers.length > 0 && numbers.includes(numberOf(user));
}
