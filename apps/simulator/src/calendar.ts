import type { AclRule, SharedCalendar, User } from './account.js';
import { forbidden, Refusal } from './refusal.js';
import { isRecord, textIn } from './json.js';
import { Nothing, param, type Call, type Handler, type Result } from './request.js';
import type { Simulation } from './simulation.js';
import { isPoisoned, type World } from './world.js';

/** Google Calendar. Source: https://developers.google.com/workspace/calendar/api/v3/reference */
export function calendarHandlers(simulation: Simulation): Record<string, Handler> {
  const calendars = new Calendars(simulation);
  const as = (handle: (user: User, call: Call) => Result): Handler => {
    return (call) => handle(calendars.userOf(call), call);
  };
  return {
    'calendar.calendars.get': as((user, call) => calendars.get(user, call)),
    'calendar.calendars.update': as((user, call) => calendars.change(user, call)),
    'calendar.calendars.patch': as((user, call) => calendars.change(user, call)),
    'calendar.calendars.insert': as((user, call) => calendars.insert(user, call)),
    'calendar.calendars.delete': as((user, call) => calendars.delete(user, call)),
    'calendar.calendarList.list': as((user, call) => calendars.listEntries(user, call)),
    'calendar.calendarList.get': as((user, call) => calendars.getEntry(user, call)),
    'calendar.calendarList.insert': as((user, call) => calendars.subscribe(user, call)),
    'calendar.calendarList.delete': as((user, call) => calendars.unsubscribe(user, call)),
    'calendar.acl.list': as((user, call) => calendars.listRules(user, call)),
    'calendar.acl.get': as((user, call) => calendars.getRule(user, call)),
    'calendar.acl.insert': as((user, call) => calendars.insertRule(user, call)),
    'calendar.acl.delete': as((user, call) => calendars.deleteRule(user, call)),
  };
}

/** A patch is documented to cost three units. */
export const calendarUnits = (methodId: string): number => (methodId.endsWith('.patch') ? 3 : 1);

const rulesMax = 6_000;
const defaultTimeZone = 'Etc/GMT';
const ranks: Readonly<Record<string, number>> = { none: 0, freeBusyReader: 1, reader: 2, writer: 3, owner: 4 };
const scopeTypes = new Set(['default', 'user', 'group', 'domain']);

const refuse = (status: number, reason: string, message: string) =>
  new Refusal(status, reason, message, { domain: status === 403 ? 'calendar' : 'global' });
const missing = () => refuse(404, 'notFound', 'Not Found');

class Calendars {
  private readonly world: World;

  constructor(private readonly simulation: Simulation) {
    this.world = simulation.world;
  }

  userOf({ bearer }: Call): User {
    const { world } = this;
    const user = world.userByAddress.get(bearer.subject);
    if (user === undefined) throw forbidden();
    if (isPoisoned(world.profile.poison.calendarForbidden, user)) throw refuse(403, 'forbidden', 'Forbidden');
    if (!world.isPast(user, 'calendar', world.profile.delays.calendar)) {
      throw refuse(403, 'notACalendarUser', 'The user must be signed up for Google Calendar.');
    }
    return user;
  }

  get(user: User, call: Call): Result {
    const shared = this.find(user, param(call, 'calendarId'), 'freeBusyReader');
    return calendarResource(user, shared);
  }

  change(user: User, call: Call): Result {
    const { body } = call;
    const shared = this.find(user, param(call, 'calendarId'), 'owner');
    const timeZone = checkTimeZone(textIn(body, 'timeZone'));
    if (shared === undefined) {
      if (timeZone !== undefined) user.timeZone = this.world.shared(timeZone);
    } else {
      // An update replaces the whole, a patch only what it names.
      const whole = call.method.httpMethod === 'PUT';
      shared.summary = textIn(body, 'summary') ?? shared.summary;
      shared.description = textIn(body, 'description') ?? (whole ? '' : shared.description);
      shared.timeZone = timeZone ?? shared.timeZone;
    }
    return calendarResource(user, shared);
  }

  insert(user: User, { body }: Call): Result {
    const id = `${this.world.nextId('c')}@group.calendar.google.com`;
    const shared: SharedCalendar = {
      id,
      owner: user.primaryEmail,
      summary: textIn(body, 'summary') ?? '',
      description: textIn(body, 'description') ?? '',
      timeZone: checkTimeZone(textIn(body, 'timeZone')) ?? defaultTimeZone,
      acl: [],
    };
    this.world.calendars.set(id, shared);
    return calendarResource(user, shared);
  }

  delete(user: User, call: Call): Result {
    const shared = this.find(user, param(call, 'calendarId'), 'owner');
    if (shared === undefined) throw refuse(403, 'forbidden', 'The primary calendar cannot be deleted.');
    this.world.calendars.delete(shared.id);
    return new Nothing();
  }

  listEntries(user: User, call: Call): Result {
    const { world } = this;
    const own = [...world.calendars.values()].filter(({ owner }) => owner === user.primaryEmail);
    const subscribed = (user.subscriptions ?? []).flatMap((id) => world.calendars.get(id) ?? []);
    const all = [undefined, ...new Set([...own, ...subscribed])];
    const size = Math.min(250, Number(call.query.get('maxResults') ?? 100));
    const page = this.simulation.listings.page(call, size, (after) => numbered(all, after));
    return {
      kind: 'calendar#calendarList',
      etag: `"${all.length}"`,
      items: page.items.map((shared) => this.entry(user, shared)),
      ...(page.nextPageToken === undefined
        ? { nextSyncToken: `s${all.length}` }
        : { nextPageToken: page.nextPageToken }),
    };
  }

  getEntry(user: User, call: Call): Result {
    const shared = this.find(user, param(call, 'calendarId'), 'freeBusyReader');
    if (shared !== undefined && !this.isListed(user, shared)) throw missing();
    return this.entry(user, shared);
  }

  /** Answers 404 for a calendar that the subject cannot see. */
  subscribe(user: User, { body }: Call): Result {
    const shared = this.find(user, textIn(body, 'id') ?? '', 'freeBusyReader');
    if (shared === undefined || this.isListed(user, shared)) {
      if (this.world.profile.repeatedSubscription === 'conflict') {
        throw refuse(409, 'duplicate', 'The requested identifier already exists.');
      }
    } else user.subscriptions = [...(user.subscriptions ?? []), shared.id];
    return this.entry(user, shared);
  }

  unsubscribe(user: User, call: Call): Result {
    const id = param(call, 'calendarId');
    if (!(user.subscriptions ?? []).includes(id)) throw missing();
    user.subscriptions = (user.subscriptions ?? []).filter((one) => one !== id);
    return new Nothing();
  }

  listRules(user: User, call: Call): Result {
    const shared = this.find(user, param(call, 'calendarId'), 'owner');
    const rules = rulesOf(user, shared);
    const size = Math.min(250, Number(call.query.get('maxResults') ?? 100));
    const page = this.simulation.listings.page(call, size, (after) => numbered(rules, after));
    return {
      kind: 'calendar#acl',
      etag: `"${rules.length}"`,
      items: page.items.map(ruleResource),
      ...(page.nextPageToken === undefined
        ? { nextSyncToken: `s${rules.length}` }
        : { nextPageToken: page.nextPageToken }),
    };
  }

  getRule(user: User, call: Call): Result {
    const shared = this.find(user, param(call, 'calendarId'), 'owner');
    const rule = rulesOf(user, shared).find((one) => ruleId(one) === param(call, 'ruleId'));
    if (rule === undefined) throw missing();
    return ruleResource(rule);
  }

  /** A second insert of one scope overwrites the first. Mails the grantee unless told not to. */
  insertRule(user: User, call: Call): Result {
    const shared = this.find(user, param(call, 'calendarId'), 'owner');
    const rule = this.readRule(call);
    const before = shared?.acl ?? user.acl ?? [];
    const others = before.filter((one) => ruleId(one) !== ruleId(rule));
    if (others.length >= rulesMax) throw refuse(403, 'quotaExceeded', 'Calendar usage limits exceeded.');
    if (shared === undefined) user.acl = [...others, rule];
    else shared.acl = [...others, rule];
    if (call.query.get('sendNotifications') !== 'false' && rule.scope.type !== 'default') this.world.aclMails += 1;
    return ruleResource(rule);
  }

  deleteRule(user: User, call: Call): Result {
    const shared = this.find(user, param(call, 'calendarId'), 'owner');
    const id = param(call, 'ruleId');
    const before = shared?.acl ?? user.acl ?? [];
    const left = before.filter((one) => ruleId(one) !== id);
    if (left.length === before.length) throw missing();
    if (shared === undefined) user.acl = left;
    else shared.acl = left;
    return new Nothing();
  }

  private readRule({ body }: Call): AclRule {
    const scope = isRecord(body['scope']) ? body['scope'] : {};
    const type = textIn(scope, 'type') ?? '';
    const value = textIn(scope, 'value');
    const role = textIn(body, 'role') ?? '';
    if (!scopeTypes.has(type)) throw refuse(400, 'invalid', 'Invalid scope type');
    if (ranks[role] === undefined) throw refuse(400, 'invalid', 'Invalid role');
    if (type !== 'default' && value === undefined) throw refuse(400, 'invalid', 'Invalid scope value.');
    if (type === 'user' && value !== undefined && !value.includes('@')) {
      throw refuse(400, 'invalid', 'Invalid resource value.');
    }
    return { role, scope: { type, ...(type !== 'default' && value !== undefined && { value }) } };
  }

  /** Undefined is the subject's own calendar; one that the subject may not use so far is not there. */
  private find(user: User, id: string, needed: string): SharedCalendar | undefined {
    if (id === 'primary' || id.toLowerCase() === user.primaryEmail) return undefined;
    const shared = this.world.calendars.get(id);
    const role = shared === undefined ? 'none' : this.roleOf(user, shared);
    if (shared === undefined || role === 'none') throw missing();
    if ((ranks[role] ?? 0) < (ranks[needed] ?? 0)) throw refuse(403, 'forbidden', 'Forbidden');
    return shared;
  }

  private roleOf(user: User, shared: SharedCalendar): string {
    if (shared.owner === user.primaryEmail) return 'owner';
    let best = 'none';
    for (const { role, scope } of shared.acl) {
      if ((ranks[role] ?? 0) > (ranks[best] ?? 0) && this.isWithin(user, scope)) best = role;
    }
    return best;
  }

  private isWithin(user: User, { type, value = '' }: AclRule['scope']): boolean {
    switch (type) {
      case 'default':
        return true;
      case 'domain':
        return user.primaryEmail.endsWith(`@${value.toLowerCase()}`);
      case 'group':
        return this.world.groups.get(value.toLowerCase())?.has(user.id) === true;
      default:
        return this.world.userByAddress.get(value.toLowerCase()) === user;
    }
  }

  private isListed(user: User, shared: SharedCalendar): boolean {
    return shared.owner === user.primaryEmail || (user.subscriptions ?? []).includes(shared.id);
  }

  private entry(user: User, shared: SharedCalendar | undefined): Record<string, unknown> {
    const { kind: _kind, ...resource } = calendarResource(user, shared);
    return {
      kind: 'calendar#calendarListEntry',
      ...resource,
      accessRole: shared === undefined ? 'owner' : this.roleOf(user, shared),
      selected: true,
      ...(shared === undefined && { primary: true }),
    };
  }
}

function* numbered<T>(all: readonly T[], after: string): Generator<[string, T]> {
  const start = after === '' ? 0 : Number(after) + 1;
  for (const [at, item] of all.slice(start).entries()) yield [String(start + at), item];
}

function checkTimeZone(timeZone: string | undefined): string | undefined {
  if (timeZone === undefined || zones.has(timeZone)) return timeZone;
  try {
    Intl.DateTimeFormat('en', { timeZone });
  } catch {
    throw refuse(400, 'invalid', 'Invalid time zone definition.');
  }
  if (zones.size < 1_000) zones.add(timeZone);
  return timeZone;
}

const zones = new Set<string>();

function calendarResource(user: User, shared: SharedCalendar | undefined) {
  const id = shared?.id ?? user.primaryEmail;
  return {
    kind: 'calendar#calendar',
    etag: `"${id.length}"`,
    id,
    summary: shared?.summary ?? user.primaryEmail,
    ...(shared !== undefined && shared.description !== '' && { description: shared.description }),
    timeZone: shared?.timeZone ?? user.timeZone ?? defaultTimeZone,
    ...(shared !== undefined && { dataOwner: shared.owner }),
  };
}

const rulesOf = (user: User, shared: SharedCalendar | undefined): AclRule[] => [
  { role: 'owner', scope: { type: 'user', value: shared?.owner ?? user.primaryEmail } },
  ...(shared?.acl ?? user.acl ?? []),
];

const ruleId = ({ scope }: AclRule) => (scope.value === undefined ? scope.type : `${scope.type}:${scope.value}`);

const ruleResource = (rule: AclRule) => ({
  kind: 'calendar#aclRule',
  etag: `"${rule.role}"`,
  id: ruleId(rule),
  scope: rule.scope,
  role: rule.role,
});
