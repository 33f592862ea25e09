import type { Quotas } from './quotas.js';
import { duplicate, forbidden, invalid, notFound, Refusal } from './refusal.js';
import { isRecord, textIn, type Call } from './request.js';
import { numberOf, type Group, type User, type World } from './world.js';

const listFields = [
  'externalIds',
  'organizations',
  'relations',
  'phones',
  'languages',
  'locations',
  'addresses',
] as const;
const localPart = /^[a-z0-9'_.-]{1,64}$/;

/** The Directory API. */
export class DirectoryService {
  constructor(
    private readonly world: World,
    private readonly quotas: Quotas,
  ) {}

  handle(call: Call): unknown {
    const admin = this.world.userByAddress.get(call.bearer.subject);
    if (admin === undefined || !(admin.isAdmin || admin.isDelegatedAdmin)) throw forbidden();
    const { directoryPerMinutePerUser } = this.world.profile.quotas;
    this.quotas.perMinute('directoryQueriesPerUser', call.bearer.subject, 1, directoryPerMinutePerUser, false);
    const [, , , ...path] = call.path;
    switch (path[0]) {
      case 'users':
        return this.users(call, path);
      case 'groups':
        return this.groups(call, path);
      case 'customer':
        return path[2] === 'orgunits' ? this.orgUnits(call, path.slice(3)) : this.domains();
      case 'customers':
        return {
          kind: 'admin#directory#customer',
          id: this.world.profile.customer,
          customerDomain: this.primaryDomain,
        };
      default:
        throw new Refusal(404, 'notFound', 'Not Found');
    }
  }

  private get primaryDomain(): string {
    return this.world.profile.domains[0] ?? '';
  }

  private users(call: Call, path: readonly string[]): unknown {
    const key = path[1];
    if (key === undefined) return call.method === 'POST' ? this.insertUser(call) : this.listUsers(call);
    if (path[2] === 'undelete') return this.undelete(key);
    const user = this.find(key);
    if (path[2] === 'aliases') return this.aliases(call, user, path[3]);
    switch (call.method) {
      case 'GET':
        return this.readUser(user);
      case 'PUT':
      case 'PATCH':
        return this.changeUser(user, call.body);
      case 'DELETE':
        this.refuseUnlessComplete(user);
        this.world.remove(user);
        return '';
      default:
        throw new Refusal(405, 'badRequest', 'Method not allowed');
    }
  }

  private find(key: string): User {
    const wanted = decodeURIComponent(key);
    const byId = this.world.usersById.get(wanted);
    if (byId !== undefined) {
      const { delays } = this.world.profile;
      const hidden = this.world.ageOf(byId) < this.world.delay(byId.id, 'byId', delays.visibleById);
      if (hidden) throw notFound('userKey');
      return byId;
    }
    const user = this.world.userByAddress.get(wanted.toLowerCase());
    if (user === undefined) throw notFound('userKey');
    return user;
  }

  private insertUser({ body }: Call): unknown {
    const address = (textIn(body, 'primaryEmail') ?? '').toLowerCase();
    const [local = '', domain = ''] = address.split('@');
    const { creationsPerSecondPerDomain } = this.world.profile.quotas;
    this.quotas.perSecond('userCreations', domain, creationsPerSecondPerDomain, 503, 'backendError');
    if (!localPart.test(local) || local.includes('..') || local.startsWith('.') || local.endsWith('.')) {
      throw invalid('primary_user_email');
    }
    if (!this.world.profile.domains.includes(domain)) throw new Refusal(404, 'notFound', 'Domain not found.');
    const names = isRecord(body['name']) ? body['name'] : {};
    const givenName = textIn(names, 'givenName') ?? '';
    const familyName = textIn(names, 'familyName') ?? '';
    if (givenName === '' && familyName === '')
      throw new Refusal(400, 'required', 'Invalid Given/Family Name: FamilyName');
    if (givenName.length > 60 || familyName.length > 60 || /[<>]/.test(givenName + familyName)) {
      throw invalid('Invalid Given/Family Name');
    }
    if ((textIn(body, 'password') ?? '').length < 8) throw new Refusal(400, 'invalid', 'Invalid Password');
    const orgUnitPath = this.orgUnitOf(body);
    const lists = listsOf(body, {});
    if (this.world.profile.poison.invalidInsert.includes(numberOf({ lists }))) throw invalid('resource');
    if (this.world.holder(address) !== undefined) throw duplicate();
    if (this.world.usersById.size + this.world.deleted.size >= this.world.profile.seats) {
      throw new Refusal(412, 'limitExceeded', 'Domain user limit reached.');
    }
    const now = this.world.now();
    const user: User = {
      id: this.world.nextId('1'),
      primaryEmail: address,
      givenName,
      familyName,
      orgUnitPath,
      suspended: body['suspended'] === true,
      isAdmin: false,
      isDelegatedAdmin: false,
      createdAt: now,
      changedAt: now,
      lists,
    };
    this.world.unmanaged.delete(address);
    this.world.add(user);
    return resource(this.world, user);
  }

  private orgUnitOf(body: Readonly<Record<string, unknown>>): string {
    const wanted = textIn(body, 'orgUnitPath') ?? '/';
    const unit = this.world.orgUnits.get(wanted.toLowerCase());
    if (unit === undefined) throw invalid('INVALID_OU_ID');
    return unit.path;
  }

  private refuseUnlessComplete(user: User): void {
    const { complete } = this.world.profile.delays;
    if (this.world.ageOf(user) < this.world.delay(user.id, 'complete', complete)) {
      throw new Refusal(412, 'conditionNotMet', 'User creation is not complete.');
    }
  }

  private changeUser(user: User, body: Readonly<Record<string, unknown>>): unknown {
    this.refuseUnlessComplete(user);
    const orgUnitPath = body['orgUnitPath'] === undefined ? user.orgUnitPath : this.orgUnitOf(body);
    const former = JSON.stringify(resource(this.world, user));
    const address = textIn(body, 'primaryEmail')?.toLowerCase();
    if (address !== undefined && address !== user.primaryEmail) {
      if (this.world.holder(address) !== undefined) throw duplicate();
      this.world.rename(user, address);
    }
    const names = isRecord(body['name']) ? body['name'] : {};
    user.givenName = textIn(names, 'givenName') ?? user.givenName;
    user.familyName = textIn(names, 'familyName') ?? user.familyName;
    user.orgUnitPath = orgUnitPath;
    if (typeof body['suspended'] === 'boolean') {
      user.suspended = body['suspended'];
      if (user.suspended) user.suspensionReason = 'ADMIN';
      else delete user.suspensionReason;
    }
    user.lists = listsOf(body, parsedLists(user));
    user.former = former;
    user.changedAt = this.world.now();
    return resource(this.world, user);
  }

  /** Reads go stale for a while after a write, now and then, even backwards. */
  private readUser(user: User): unknown {
    const { staleReads } = this.world.profile.delays;
    if (user.former !== undefined) {
      if (this.world.now() - user.changedAt > staleReads.seconds) delete user.former;
      else if (Math.random() < staleReads.share) return user.former;
    }
    return resource(this.world, user);
  }

  private listUsers({ query }: Call): unknown {
    const size = Math.min(500, Number(query.get('maxResults') ?? 100));
    const deleted = query.get('showDeleted') === 'true';
    const addresses = deleted
      ? [...this.world.deleted.values()].map(({ primaryEmail }) => primaryEmail).sort()
      : this.world.addresses();
    // The token names the last address of the page: accounts that come meanwhile move nobody.
    const after = query.get('pageToken') ?? '';
    let start = 0;
    if (after !== '') {
      let end = addresses.length;
      while (start < end) {
        const middle = (start + end) >>> 1;
        if ((addresses[middle] ?? '') <= after) start = middle + 1;
        else end = middle;
      }
    }
    const page = addresses.slice(start, start + size);
    const users = page.flatMap((address) => {
      const user = deleted
        ? [...this.world.deleted.values()].find(({ primaryEmail }) => primaryEmail === address)
        : this.world.userByAddress.get(address);
      return user === undefined ? [] : [this.readUser(user)];
    });
    const more = start + size < addresses.length;
    const parts = users.map((user) => (typeof user === 'string' ? user : JSON.stringify(user)));
    const token = more ? `"nextPageToken":${JSON.stringify(page.at(-1))},` : '';
    return `{"kind":"admin#directory#users",${token}"users":[${parts.join(',')}]}`;
  }

  private undelete(id: string): unknown {
    const user = this.world.deleted.get(id);
    if (user === undefined) throw notFound('userKey');
    this.world.deleted.delete(id);
    this.world.add(user);
    return '';
  }

  private aliases(call: Call, user: User, alias: string | undefined): unknown {
    if (call.method === 'GET') {
      return {
        kind: 'admin#directory#aliases',
        aliases: (user.aliases ?? []).map((one) => ({ alias: one, id: user.id })),
      };
    }
    this.refuseUnlessComplete(user);
    if (call.method === 'DELETE') {
      const gone = decodeURIComponent(alias ?? '').toLowerCase();
      user.aliases = (user.aliases ?? []).filter((one) => one !== gone);
      this.world.userByAddress.delete(gone);
      return '';
    }
    const wanted = (textIn(call.body, 'alias') ?? '').toLowerCase();
    if (!this.world.profile.domains.includes(wanted.split('@')[1] ?? '')) throw invalid('domain');
    if (this.world.holder(wanted) !== undefined) throw duplicate();
    if ((user.aliases ?? []).length >= 30) throw new Refusal(412, 'limitExceeded', 'Too many aliases');
    user.aliases = [...(user.aliases ?? []), wanted];
    this.world.userByAddress.set(wanted, user);
    return { kind: 'admin#directory#alias', id: user.id, primaryEmail: user.primaryEmail, alias: wanted };
  }

  private groups(call: Call, path: readonly string[]): unknown {
    const key = path[1];
    if (key === undefined) return call.method === 'POST' ? this.insertGroup(call) : this.listGroups(call);
    const wanted = decodeURIComponent(key).toLowerCase();
    const group = this.world.groups.get(wanted) ?? [...this.world.groups.values()].find(({ id }) => id === wanted);
    if (group === undefined) throw notFound('groupKey');
    if (path[2] === 'members') return this.members(call, group, path[3]);
    return groupResource(group);
  }

  private insertGroup({ body }: Call): unknown {
    const email = (textIn(body, 'email') ?? '').toLowerCase();
    if (!this.world.profile.domains.includes(email.split('@')[1] ?? '')) throw invalid('email');
    if (this.world.holder(email) !== undefined) throw duplicate();
    const group: Group = {
      id: this.world.nextId('0'),
      email,
      name: textIn(body, 'name') ?? email,
      description: textIn(body, 'description') ?? '',
      whoCanPostMessage: 'ALL_MEMBERS_CAN_POST',
      createdAt: this.world.now(),
      members: new Map(),
    };
    this.world.groups.set(email, group);
    return groupResource(group);
  }

  private listGroups({ query }: Call): unknown {
    const { items, nextPageToken } = pageOf([...this.world.groups.values()], query, 200);
    return { kind: 'admin#directory#groups', groups: items.map(groupResource), ...nextPageToken };
  }

  private members(call: Call, group: Group, key: string | undefined): unknown {
    if (call.method === 'POST') return this.insertMember(group, call.body);
    if (key === undefined) {
      const { items, nextPageToken } = pageOf([...group.members.keys()], call.query, 200);
      return { kind: 'admin#directory#members', members: items.map((id) => this.member(id)), ...nextPageToken };
    }
    const wanted = decodeURIComponent(key).toLowerCase();
    const user = this.world.usersById.get(wanted) ?? this.world.userByAddress.get(wanted);
    if (user === undefined || !group.members.has(user.id)) throw notFound('memberKey');
    if (call.method === 'DELETE') {
      group.members.delete(user.id);
      return '';
    }
    return this.member(user.id);
  }

  private insertMember(group: Group, body: Readonly<Record<string, unknown>>): unknown {
    const key = textIn(body, 'email') ?? textIn(body, 'id') ?? '';
    const user = this.world.userByAddress.get(key.toLowerCase()) ?? this.world.usersById.get(key);
    const { member } = this.world.profile.delays;
    if (user === undefined || this.world.ageOf(user) < this.world.delay(user.id, 'member', member)) {
      throw notFound('memberKey');
    }
    if (group.members.has(user.id)) throw duplicate('Member already exists.');
    group.members.set(user.id, this.world.now());
    return this.member(user.id);
  }

  private member(id: string): unknown {
    const user = this.world.usersById.get(id);
    return {
      kind: 'admin#directory#member',
      id,
      email: user?.primaryEmail,
      role: 'MEMBER',
      type: 'USER',
      status: 'ACTIVE',
    };
  }

  private orgUnits(call: Call, path: readonly string[]): unknown {
    if (call.method === 'POST') return this.insertOrgUnit(call.body);
    if (path.length === 0) {
      const units = [...this.world.orgUnits.values()].filter(({ path: unit }) => unit !== '/').map(unitResource);
      return { kind: 'admin#directory#orgUnits', organizationUnits: units };
    }
    const wanted = `/${path.map((part) => decodeURIComponent(part)).join('/')}`;
    const unit = this.world.orgUnits.get(wanted.toLowerCase());
    if (unit === undefined) throw new Refusal(404, 'notFound', 'Org unit not found');
    return unitResource(unit);
  }

  private insertOrgUnit(body: Readonly<Record<string, unknown>>): unknown {
    const { orgUnitWritesPerSecond } = this.world.profile.quotas;
    this.quotas.perSecond('orgUnitWrites', '', orgUnitWritesPerSecond, 429, 'rateLimitExceeded');
    const parent = textIn(body, 'parentOrgUnitPath') ?? '/';
    const name = textIn(body, 'name') ?? '';
    if (!this.world.orgUnits.has(parent.toLowerCase())) throw new Refusal(400, 'invalid', 'Invalid Parent Orgunit Id');
    const path = `${parent === '/' ? '' : parent}/${name}`;
    if (this.world.orgUnits.has(path.toLowerCase())) throw new Refusal(400, 'invalid', 'Invalid Ou Id');
    const unit = { id: this.world.nextId('id:'), path, description: textIn(body, 'description') ?? '' };
    this.world.orgUnits.set(path.toLowerCase(), unit);
    return unitResource(unit);
  }

  private domains(): unknown {
    return {
      kind: 'admin#directory#domains',
      domains: this.world.profile.domains.map((domainName, index) => ({
        kind: 'admin#directory#domain',
        domainName,
        verified: true,
        isPrimary: index === 0,
      })),
    };
  }
}

function pageOf<T>(all: readonly T[], query: URLSearchParams, sizeMax: number) {
  const size = Math.min(sizeMax, Number(query.get('maxResults') ?? sizeMax));
  const start = Number(query.get('pageToken') ?? 0);
  const more = start + size < all.length;
  return { items: all.slice(start, start + size), nextPageToken: more ? { nextPageToken: String(start + size) } : {} };
}

const groupResource = (group: Group) => ({
  kind: 'admin#directory#group',
  id: group.id,
  email: group.email,
  name: group.name,
  description: group.description,
  directMembersCount: String(group.members.size),
});

const unitResource = (unit: { id: string; path: string; description: string }) => ({
  kind: 'admin#directory#orgUnit',
  orgUnitId: unit.id,
  orgUnitPath: unit.path,
  name: unit.path.slice(unit.path.lastIndexOf('/') + 1),
  parentOrgUnitPath: unit.path.slice(0, unit.path.lastIndexOf('/')) || '/',
  description: unit.description,
});

function parsedLists(user: User): Record<string, unknown> {
  const lists: unknown = JSON.parse(user.lists);
  return isRecord(lists) ? lists : {};
}

/** Lists of the body replace those that were there, whole; null clears. */
function listsOf(body: Readonly<Record<string, unknown>>, present: Record<string, unknown>): string {
  for (const field of listFields) {
    const value = body[field];
    if (value === undefined) continue;
    if (value === null) delete present[field];
    else present[field] = value;
  }
  return JSON.stringify(present);
}

export function resource(world: World, user: User): Record<string, unknown> {
  return {
    kind: 'admin#directory#user',
    id: user.id,
    etag: `"${user.id}/${Math.floor(user.changedAt)}"`,
    primaryEmail: user.primaryEmail,
    name: { givenName: user.givenName, familyName: user.familyName, fullName: `${user.givenName} ${user.familyName}` },
    isAdmin: user.isAdmin,
    isDelegatedAdmin: user.isDelegatedAdmin,
    suspended: user.suspended,
    ...(user.suspensionReason !== undefined && { suspensionReason: user.suspensionReason }),
    archived: false,
    creationTime: new Date(Date.UTC(2026, 0, 1) + Math.max(0, user.createdAt) * 1_000).toISOString(),
    customerId: world.profile.customer,
    orgUnitPath: user.orgUnitPath,
    isMailboxSetup: world.mailboxReady(user),
    ...(user.aliases !== undefined && user.aliases.length > 0 && { aliases: user.aliases }),
    ...parsedLists(user),
  };
}
