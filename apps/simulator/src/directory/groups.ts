import { Group, type Member, type User } from '../account.js';
import { duplicate, invalid, notFound, Refusal } from '../refusal.js';
import { textIn } from '../json.js';
import { Nothing, param, type Call, type Handler, type Result } from '../request.js';
import type { Simulation } from '../simulation.js';
import type { World } from '../world.js';
import { checkAddress } from './user-fields.js';

/** Groups and their members. Source: https://developers.google.com/workspace/admin/directory/reference/rest/v1/members */
export function groupsHandlers(simulation: Simulation): Record<string, Handler> {
  const groups = new Groups(simulation);
  return {
    'directory.groups.insert': (call) => groups.insert(call),
    'directory.groups.get': (call) => groupResource(groups.find(call)),
    'directory.groups.list': (call) => groups.list(call),
    'directory.groups.delete': (call) => groups.delete(call),
    'directory.members.insert': (call) => groups.insertMember(call),
    'directory.members.get': (call) => groups.getMember(call),
    'directory.members.list': (call) => groups.listMembers(call),
    'directory.members.delete': (call) => groups.deleteMember(call),
    'directory.members.hasMember': (call) => groups.hasMember(call),
  };
}

const roles = new Set(['MEMBER', 'MANAGER', 'OWNER']);
const pageMax = 200;
const descriptionMax = 4_096;

class Groups {
  private readonly world: World;

  constructor(private readonly simulation: Simulation) {
    this.world = simulation.world;
  }

  find(call: Call): Group {
    const group = this.byKey(param(call, 'groupKey'));
    if (group === undefined || !this.isVisible(group)) throw notFound('groupKey');
    return group;
  }

  insert({ body }: Call): Result {
    const { world } = this;
    const email = (textIn(body, 'email') ?? '').toLowerCase();
    checkAddress(email, world.profile.domains);
    if (world.holder(email) !== undefined) throw duplicate();
    const description = textIn(body, 'description') ?? '';
    if (description.length > descriptionMax) throw invalid('description');
    const about = { name: textIn(body, 'name') ?? email.slice(0, email.indexOf('@')), description };
    const group = new Group(world.nextId('0'), email, about, world.now());
    world.addGroup(group);
    return groupResource(group);
  }

  list(call: Call): Result {
    const { world } = this;
    const { query } = call;
    const [customer, domain, userKey] = ['customer', 'domain', 'userKey'].map((name) => query.get(name));
    if (customer === null && domain === null && userKey === null) {
      throw new Refusal(400, 'badRequest', 'Domain or Customer or UserKey is required.');
    }
    const member = userKey === null || userKey === undefined ? undefined : this.memberId(userKey);
    if (userKey !== null && member === undefined) throw notFound('userKey');
    const isVisible = (group: Group) =>
      this.isVisible(group) && (domain === null || domain === undefined || group.email.endsWith(`@${domain}`));
    const from = function* (after: string): Generator<[string, Group]> {
      for (const email of world.groupAddresses.after(after)) {
        const group = world.groups.get(email);
        if (group === undefined || !isVisible(group)) continue;
        if (member === undefined || group.has(member)) yield [email, group];
      }
    };
    const page = this.simulation.listings.page(call, sizeOf(query), from);
    return listOf('admin#directory#groups', 'groups', page.items.map(groupResource), page.nextPageToken);
  }

  delete(call: Call): Result {
    this.world.removeGroup(this.find(call));
    return new Nothing();
  }

  insertMember(call: Call): Result {
    const { world } = this;
    const group = this.find(call);
    const { body } = call;
    const key = textIn(body, 'email') ?? textIn(body, 'id') ?? '';
    const role = textIn(body, 'role') ?? 'MEMBER';
    if (!roles.has(role)) throw invalid('role');
    const id = this.memberId(key);
    const user = id === undefined ? undefined : world.usersById.get(id);
    if (id === undefined || (user !== undefined && !world.isPast(user, 'member', world.profile.delays.member))) {
      throw notFound('memberKey');
    }
    if (group.has(id)) throw duplicate('Member already exists.');
    const inner = world.groupsById.get(id);
    if (inner !== undefined && (inner === group || this.holds(inner, group.id))) {
      throw new Refusal(412, 'conditionNotMet', 'Cyclic memberships not allowed');
    }
    const member = { id, role, addedAt: world.now() };
    group.add(member);
    return this.memberResource(member);
  }

  getMember(call: Call): Result {
    const member = this.findMember(call);
    const { membership } = this.world.profile.delays;
    if (this.world.now() - member.addedAt < this.world.delay(member.id, 'membership', membership)) {
      throw notFound('memberKey');
    }
    return this.memberResource(member);
  }

  listMembers(call: Call): Result {
    const group = this.find(call);
    const wanted = call.query.get('roles')?.split(',');
    const from = function* (after: string): Generator<[string, Member]> {
      for (const [place, member] of group.after(after === '' ? -1 : Number(after))) {
        if (wanted === undefined || wanted.includes(member.role)) yield [String(place), member];
      }
    };
    const page = this.simulation.listings.page(call, sizeOf(call.query), from);
    const members = page.items.map((member) => this.memberResource(member));
    return listOf('admin#directory#members', 'members', members, page.nextPageToken);
  }

  deleteMember(call: Call): Result {
    this.find(call).delete(this.findMember(call).id);
    return new Nothing();
  }

  /** True for indirect membership as well. */
  hasMember(call: Call): Result {
    const id = this.memberId(param(call, 'memberKey'));
    if (id === undefined) throw notFound('memberKey');
    return { isMember: this.holds(this.find(call), id) };
  }

  private byKey(key: string): Group | undefined {
    return this.world.groups.get(key.toLowerCase()) ?? this.world.groupsById.get(key);
  }

  private isVisible(group: Group): boolean {
    const { group: range } = this.world.profile.delays;
    return this.world.now() - group.createdAt >= this.world.delay(group.id, 'group', range);
  }

  private memberId(key: string): string | undefined {
    const { world } = this;
    const user = world.userByAddress.get(key.toLowerCase()) ?? world.usersById.get(key);
    return user?.id ?? this.byKey(key)?.id;
  }

  private findMember(call: Call): Member {
    const id = this.memberId(param(call, 'memberKey'));
    const member = id === undefined ? undefined : this.find(call).get(id);
    if (member === undefined) throw notFound('memberKey');
    return member;
  }

  private holds(group: Group, id: string): boolean {
    if (group.has(id)) return true;
    for (const [, { id: inner }] of group.after(-1)) {
      const nested = this.world.groupsById.get(inner);
      if (nested !== undefined && this.holds(nested, id)) return true;
    }
    return false;
  }

  private memberResource({ id, role }: Member): Record<string, unknown> {
    const user: User | undefined = this.world.usersById.get(id);
    const group = user === undefined ? this.world.groupsById.get(id) : undefined;
    return {
      kind: 'admin#directory#member',
      id,
      etag: `"${id}/${role}"`,
      email: user?.primaryEmail ?? group?.email,
      role,
      type: group === undefined ? 'USER' : 'GROUP',
      status: user?.suspended === true ? 'SUSPENDED' : 'ACTIVE',
    };
  }
}

const sizeOf = (query: URLSearchParams) => Math.min(pageMax, Number(query.get('maxResults') ?? pageMax));

/** Google leaves a list out when there is nothing in it. */
const listOf = (kind: string, name: string, items: readonly unknown[], nextPageToken: string | undefined) => ({
  kind,
  ...(items.length > 0 && { [name]: items }),
  ...(nextPageToken !== undefined && { nextPageToken }),
});

const groupResource = (group: Group) => ({
  kind: 'admin#directory#group',
  id: group.id,
  etag: `"${group.id}/${group.size}"`,
  email: group.email,
  name: group.name,
  description: group.description,
  directMembersCount: String(group.size),
  adminCreated: true,
});
