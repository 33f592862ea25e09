import { createHash } from 'node:crypto';
import type { Profile } from './profile.js';
import { Refusal } from './refusal.js';

/** Gmail and Calendar settings of one person, as few fields as possible: there are many of them. */
export interface Settings {
  language?: string;
  signature?: string;
  imap?: boolean;
  pop?: string;
  timeZone?: string;
  subscriptions?: string[];
  acl?: { role: string; scope: { type: string; value?: string } }[];
}

export interface User extends Settings {
  id: string;
  primaryEmail: string;
  givenName: string;
  familyName: string;
  orgUnitPath: string;
  suspended: boolean;
  suspensionReason?: string;
  isAdmin: boolean;
  isDelegatedAdmin: boolean;
  /** On the world's clock, seconds; older than the world for planted accounts. */
  createdAt: number;
  changedAt: number;
  licensedAt?: number;
  /** `product/sku`. */
  licence?: string;
  aliases?: string[];
  /** Lists of the user resource (externalIds, organizations, …), as JSON: kept as they came. */
  lists: string;
  /** The resource as it was before the last change, for stale reads; dropped when older than the lag. */
  former?: string;
  ready?: boolean;
}

export interface Group {
  id: string;
  email: string;
  name: string;
  description: string;
  whoCanPostMessage: string;
  createdAt: number;
  /** User id → when it was added. */
  members: Map<string, number>;
}

export interface SharedCalendar {
  id: string;
  owner: string;
  summary: string;
  description: string;
  timeZone: string;
  acl: { role: string; scope: { type: string; value?: string } }[];
}

/** Everything that this Google holds, in memory. */
export class World {
  readonly usersById = new Map<string, User>();
  /** Primary addresses and aliases, lower case. */
  readonly userByAddress = new Map<string, User>();
  readonly deleted = new Map<string, User>();
  readonly groups = new Map<string, Group>();
  readonly orgUnits = new Map<string, { id: string; path: string; description: string }>();
  readonly unmanaged = new Set<string>();
  readonly calendars = new Map<string, SharedCalendar>();
  readonly licenceUse = new Map<string, number>();
  readonly pools: Map<string, number>;
  private sorted: string[] | undefined;
  private serial = 0;
  private readonly startedAt = performance.now();

  constructor(
    readonly profile: Profile,
    readonly timeScale: number,
    readonly seed: number,
  ) {
    this.pools = new Map(profile.licences.map(({ productId, skuId, pool }) => [`${productId}/${skuId}`, pool]));
    this.orgUnits.set('/', { id: 'id:root', path: '/', description: '' });
    for (const address of profile.admins)
      this.plant({ primaryEmail: address, isAdmin: true, givenName: 'Ada', familyName: 'Admin' });
  }

  /** Seconds of Google's time since the world began. */
  now(): number {
    return ((performance.now() - this.startedAt) / 1_000) * this.timeScale;
  }

  /** A number in [0, 1) that is always the same for this user and purpose. */
  chance(id: string, purpose: string): number {
    const digest = createHash('md5').update(`${this.seed}:${purpose}:${id}`).digest();
    return digest.readUInt32BE(0) / 2 ** 32;
  }

  delay(id: string, purpose: string, [from, to]: readonly [number, number]): number {
    return from + this.chance(id, purpose) * (to - from);
  }

  nextId(prefix: string): string {
    this.serial += 1;
    return `${prefix}${(1_000_000_000 + this.serial).toString()}`;
  }

  add(user: User): void {
    this.usersById.set(user.id, user);
    this.userByAddress.set(user.primaryEmail, user);
    for (const alias of user.aliases ?? []) this.userByAddress.set(alias, user);
    this.sorted = undefined;
    if (this.profile.automaticLicensing) this.assignAutomatically(user);
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
      lists: '{}',
      ...account,
    };
    user.primaryEmail = user.primaryEmail.toLowerCase();
    user.ready = true;
    this.add(user);
    return user;
  }

  rename(user: User, address: string): void {
    this.userByAddress.delete(user.primaryEmail);
    user.aliases = [...(user.aliases ?? []), user.primaryEmail];
    this.userByAddress.set(user.primaryEmail, user);
    user.primaryEmail = address;
    this.userByAddress.set(address, user);
    this.sorted = undefined;
  }

  remove(user: User): void {
    this.usersById.delete(user.id);
    this.userByAddress.delete(user.primaryEmail);
    for (const alias of user.aliases ?? []) this.userByAddress.delete(alias);
    this.deleted.set(user.id, user);
    this.sorted = undefined;
  }

  holder(address: string): 'user' | 'group' | undefined {
    if (this.userByAddress.has(address)) return 'user';
    return this.groups.has(address) ? 'group' : undefined;
  }

  /** Primary addresses in order; made anew when accounts came or went. */
  addresses(): readonly string[] {
    this.sorted ??= [...this.usersById.values()].map(({ primaryEmail }) => primaryEmail).sort();
    return this.sorted;
  }

  assign(user: User, sku: string): void {
    const pool = this.pools.get(sku);
    if (pool === undefined) throw new Refusal(400, 'invalid', 'Invalid SKU');
    const used = this.licenceUse.get(sku) ?? 0;
    if (used >= pool) {
      throw new Refusal(
        412,
        'conditionNotMet',
        "There aren't enough available licenses for the specified product-SKU pair",
      );
    }
    this.licenceUse.set(sku, used + 1);
    user.licence = sku;
    user.licensedAt = this.now();
  }

  /** Automatic licensing says nothing when the pool is empty: the account simply has no licence. */
  private assignAutomatically(user: User): void {
    const [sku] = this.pools.keys();
    if (sku === undefined || user.licence !== undefined) return;
    if ((this.licenceUse.get(sku) ?? 0) < (this.pools.get(sku) ?? 0)) this.assign(user, sku);
  }

  ageOf(user: User): number {
    return this.now() - user.createdAt;
  }

  mailboxReady(user: User): boolean {
    if (user.ready === true) return true;
    if (user.licensedAt === undefined) return false;
    const { delays, poison } = this.profile;
    if (this.chance(user.id, 'never') < delays.mailboxNeverShare) return false;
    if (poison.mailboxNever.includes(numberOf(user))) return false;
    const slow = this.chance(user.id, 'slow') < delays.mailboxSlow.share;
    const after = slow ? delays.mailboxSlow.seconds : this.delay(user.id, 'mailbox', delays.mailbox);
    return this.now() - user.licensedAt >= after;
  }
}

/** The employee number that an account carries. */
export function numberOf(user: Pick<User, 'lists'>): string {
  const found = /"type":"organization"[^}]*"value":"([^"]*)"|"value":"([^"]*)","type":"organization"/.exec(user.lists);
  return found?.[1] ?? found?.[2] ?? '';
}
