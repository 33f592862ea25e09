import type { User } from '../account.js';
import { maskOf } from '../field-mask.js';
import { duplicate, forbidden, invalid, notFound, Refusal } from '../refusal.js';
import { textIn } from '../json.js';
import { Nothing, param, Text, type Call, type Handler, type Result } from '../request.js';
import type { Simulation } from '../simulation.js';
import { userWriter } from '../user-text.js';
import { isPoisoned, type World } from '../world.js';
import { checkAddress, checkName, checkPassword, fieldsOf } from './user-fields.js';
import { matcherOf } from './user-query.js';

type Body = Readonly<Record<string, unknown>>;

/** The users of the Directory API. Source: https://developers.google.com/workspace/admin/directory/reference/rest/v1/users */
export function usersHandlers(simulation: Simulation): Record<string, Handler> {
  const users = new Users(simulation);
  return {
    'directory.users.insert': (call) => users.insert(call),
    'directory.users.get': (call) => users.get(call),
    'directory.users.list': (call) => users.list(call),
    'directory.users.update': (call) => users.change(call),
    'directory.users.patch': (call) => users.change(call),
    'directory.users.delete': (call) => users.delete(call),
    'directory.users.undelete': (call) => users.undelete(call),
    'directory.users.aliases.list': (call) => users.listAliases(call),
    'directory.users.aliases.insert': (call) => users.insertAlias(call),
    'directory.users.aliases.delete': (call) => users.deleteAlias(call),
  };
}

/** By id, primary address or alias; a new account is not found by its id for a while. */
function findUser(world: World, key: string): User {
  const byId = world.usersById.get(key);
  if (byId !== undefined) {
    if (!world.isPast(byId, 'byId', world.profile.delays.visibleById)) throw notFound('userKey');
    return byId;
  }
  const user = world.userByAddress.get(key.toLowerCase());
  if (user === undefined) throw notFound('userKey');
  return user;
}

const aliasesMax = 30;

class Users {
  private readonly world: World;

  constructor(private readonly simulation: Simulation) {
    this.world = simulation.world;
  }

  insert({ body, query, mask }: Call): Result {
    const { world } = this;
    const address = (textIn(body, 'primaryEmail') ?? '').toLowerCase();
    const domain = address.slice(address.indexOf('@') + 1);
    const { creationsPerSecondPerDomain } = world.profile.quotas;
    this.simulation.quotas.perSecond('userCreations', domain, creationsPerSecondPerDomain, 503, 'backendError');
    checkAddress(address, world.profile.domains);
    const name = checkName(body, undefined);
    checkPassword(body);
    const orgUnitPath = this.orgUnitOf(body, '/');
    const fields = fieldsOf(world, body, {});
    if (isPoisoned(world.profile.poison.invalidInsert, { fields })) throw invalid('resource');
    if (world.holder(address) !== undefined) throw duplicate();
    if (world.usersById.size + world.deleted.size >= world.seats) {
      throw new Refusal(412, 'limitExceeded', 'Domain user limit reached.');
    }
    if (world.unmanaged.has(address) && query.get('resolveConflictAccount') === 'true') {
      world.plantUnmanaged(address, 'INVITED');
      return new Text('{}', 202);
    }
    world.evict(address);
    const now = world.now();
    const user: User = {
      id: world.nextId('1'),
      primaryEmail: address,
      ...name,
      orgUnitPath,
      suspended: body['suspended'] === true,
      isAdmin: false,
      isDelegatedAdmin: false,
      createdAt: now,
      changedAt: now,
      licences: [],
      fields,
    };
    if (user.suspended) user.suspensionReason = 'ADMIN';
    world.add(user);
    return new Text(userWriter(mask)(world, user));
  }

  get(call: Call): Result {
    const user = findUser(this.world, param(call, 'userKey'));
    return new Text(userWriter(call.mask, call.query.get('projection'))(this.world, this.world.seen(user)));
  }

  list(call: Call): Result {
    const { world } = this;
    const { query, mask } = call;
    const domain = query.get('domain')?.toLowerCase();
    if (domain === undefined && query.get('customer') === null) {
      throw new Refusal(400, 'badRequest', 'Bad Request');
    }
    if (domain !== undefined && !world.profile.domains.includes(domain)) {
      throw new Refusal(404, 'notFound', 'Domain not found.');
    }
    const deleted = query.get('showDeleted') === 'true';
    const matches = matcherOf(query.get('query'));
    const wanted = (user: User) =>
      matches(user) &&
      (domain === undefined || user.primaryEmail.endsWith(`@${domain}`)) &&
      world.isPast(user, 'listing', world.profile.delays.visibleInListing);
    const ordered = inOrder(world, deleted, query);
    const from = function* (after: string): Generator<[string, User]> {
      for (const [cursor, user] of ordered(after)) if (wanted(user)) yield [cursor, user];
    };
    const size = Number(query.get('maxResults') ?? 100);
    const name = deleted ? 'directory.users.list(deleted)' : call.method.id;
    const page = this.simulation.listings.page(call, size, from, name);
    const write = userWriter(maskOf(mask, 'users') ?? 'all', query.get('projection'));
    const resources = page.items.map((user) => write(world, world.seen(user)));
    const parts = [
      ...(maskOf(mask, 'kind') === undefined ? [] : ['"kind":"admin#directory#users"']),
      ...(page.nextPageToken === undefined || maskOf(mask, 'nextPageToken') === undefined
        ? []
        : [`"nextPageToken":"${page.nextPageToken}"`]),
      // Google leaves the list out when there is nothing in it.
      ...(resources.length === 0 || maskOf(mask, 'users') === undefined ? [] : [`"users":[${resources.join(',')}]`]),
    ];
    return new Text(`{${parts.join(',')}}`);
  }

  /** users.update has patch semantics as well; null clears. */
  change(call: Call): Result {
    const { world } = this;
    const { body, mask } = call;
    const user = findUser(world, param(call, 'userKey'));
    this.refuseUnlessComplete(user);
    const orgUnitPath = this.orgUnitOf(body, user.orgUnitPath);
    const name = checkName(body, user);
    if (body['password'] !== undefined) checkPassword(body);
    const fields = fieldsOf(world, body, user.fields);
    const address = textIn(body, 'primaryEmail')?.toLowerCase() ?? user.primaryEmail;
    if (address !== user.primaryEmail) this.checkRename(user, address);
    this.checkSuspension(user, body['suspended']);
    world.remember(user);
    if (address !== user.primaryEmail) world.rename(user, address);
    Object.assign(user, name, { fields, orgUnitPath });
    if (typeof body['suspended'] === 'boolean') suspend(user, body['suspended']);
    if (typeof body['archived'] === 'boolean') user.archived = body['archived'];
    user.changedAt = world.now();
    world.assignAutomatically(user);
    return new Text(userWriter(mask)(world, user));
  }

  delete(call: Call): Result {
    const user = findUser(this.world, param(call, 'userKey'));
    this.refuseUnlessComplete(user);
    if (user.primaryEmail === call.bearer.subject) throw forbidden();
    this.world.remove(user);
    return new Nothing();
  }

  /** By the immutable id only. */
  undelete(call: Call): Result {
    const user = this.world.deleted.get(param(call, 'userKey'));
    if (user === undefined) throw notFound('userKey');
    if (this.world.holder(user.primaryEmail) !== undefined) throw duplicate();
    user.orgUnitPath = this.orgUnitOf(call.body, '/');
    this.world.restore(user);
    return new Nothing();
  }

  listAliases(call: Call): Result {
    const user = this.world.seen(findUser(this.world, param(call, 'userKey')));
    const aliases = (user.aliases ?? []).map((alias) => aliasResource(user, alias));
    return { kind: 'admin#directory#aliases', ...(aliases.length > 0 && { aliases }) };
  }

  insertAlias(call: Call): Result {
    const { world } = this;
    const user = findUser(world, param(call, 'userKey'));
    this.refuseUnlessComplete(user);
    const alias = (textIn(call.body, 'alias') ?? '').toLowerCase();
    checkAddress(alias, world.profile.domains);
    if (world.holder(alias) !== undefined) throw duplicate();
    if ((user.aliases ?? []).length >= aliasesMax) throw new Refusal(412, 'limitExceeded', 'Too many aliases');
    world.remember(user);
    user.aliases = [...(user.aliases ?? []), alias];
    user.changedAt = world.now();
    world.userByAddress.set(alias, user);
    return aliasResource(user, alias);
  }

  deleteAlias(call: Call): Result {
    const { world } = this;
    const user = findUser(world, param(call, 'userKey'));
    const alias = param(call, 'alias').toLowerCase();
    if (!(user.aliases ?? []).includes(alias)) throw notFound('alias');
    world.remember(user);
    user.aliases = (user.aliases ?? []).filter((one) => one !== alias);
    user.changedAt = world.now();
    world.userByAddress.delete(alias);
    return new Nothing();
  }

  private orgUnitOf(body: Body, present: string): string {
    const wanted = textIn(body, 'orgUnitPath');
    if (wanted === undefined) return present;
    const unit = this.simulation.world.orgUnit(wanted);
    if (unit === undefined) throw invalid('INVALID_OU_ID');
    return unit.path;
  }

  private refuseUnlessComplete(user: User): void {
    if (!this.world.isPast(user, 'complete', this.world.profile.delays.complete)) {
      throw new Refusal(412, 'conditionNotMet', 'User creation is not complete.');
    }
    const { rename } = this.world.profile.delays;
    if (user.renamedAt !== undefined && this.world.now() - user.renamedAt < rename) throw duplicate();
  }

  private checkRename(user: User, address: string): void {
    checkAddress(address, this.world.profile.domains);
    const holder = this.world.userByAddress.get(address);
    // An own alias may become the primary address.
    if (holder !== user && this.world.holder(address) !== undefined) throw duplicate();
  }

  private checkSuspension(user: User, suspended: unknown): void {
    const byGoogle = user.suspensionReason !== undefined && user.suspensionReason !== 'ADMIN';
    if (suspended === false && user.suspended && byGoogle) {
      throw new Refusal(412, 'adminCannotUnsuspend', 'Cannot restore a user suspended for abuse.');
    }
  }
}

function suspend(user: User, suspended: boolean): void {
  user.suspended = suspended;
  if (suspended) user.suspensionReason ??= 'ADMIN';
  else delete user.suspensionReason;
}

const aliasResource = (user: User, alias: string) => ({
  kind: 'admin#directory#alias',
  id: user.id,
  etag: `"${user.id}/${alias.length}"`,
  primaryEmail: user.primaryEmail,
  alias,
});

/** Accounts after a cursor, by address unless asked otherwise. */
function inOrder(world: World, deleted: boolean, query: URLSearchParams) {
  const order = query.get('orderBy') ?? 'email';
  const backwards = query.get('sortOrder') === 'DESCENDING';
  if (order === 'email' && !backwards) return (after: string) => byAddress(world, deleted, after);
  const part = (user: User) =>
    order === 'email' ? user.primaryEmail : order === 'familyName' ? user.familyName : user.givenName;
  return function* (after: string): Generator<[string, User]> {
    const all = [...byAddress(world, deleted, '')].map(([, user]) => user);
    all.sort((a, b) => (backwards ? -1 : 1) * part(a).localeCompare(part(b)));
    for (let at = after === '' ? 0 : Number(after) + 1; at < all.length; at += 1) {
      const user = all[at];
      if (user !== undefined) yield [String(at), user];
    }
  };
}

function* byAddress(world: World, deleted: boolean, after: string): Generator<[string, User]> {
  for (const key of (deleted ? world.deletedKeys : world.addresses).after(after)) {
    const user = deleted ? world.deleted.get(key.split(' ')[1] ?? '') : world.userByAddress.get(key);
    if (user !== undefined) yield [key, user];
  }
}
