import type { Quotas } from './quotas.js';
import { forbidden, notFound, Refusal } from './refusal.js';
import { isRecord, textIn, type Call } from './request.js';
import { numberOf, type SharedCalendar, type User, type World } from './world.js';

type Rule = NonNullable<User['acl']>[number];

/** Licensing, Groups Settings, user invitations, Gmail and Calendar. */
export class Services {
  constructor(
    private readonly world: World,
    private readonly quotas: Quotas,
  ) {}

  licensing(call: Call): unknown {
    this.admin(call);
    this.quotas.perMinute('licensingQueries', '', 1, this.world.profile.quotas.licensingPerMinute, false);
    // /apps/licensing/v1/product/{productId}/sku/{skuId}/user[s]/{userId}
    const [, , , , productId = '', , skuId = '', kind, key] = call.path;
    const sku = `${productId}/${skuId}`;
    if (kind === 'users') return this.listLicences(call, sku);
    const address = decodeURIComponent(key ?? textIn(call.body, 'userId') ?? '').toLowerCase();
    const user = this.world.userByAddress.get(address);
    if (user === undefined) throw new Refusal(400, 'invalid', 'Invalid value for: userId');
    if (call.method === 'POST') {
      if (user.licence === sku) {
        throw new Refusal(412, 'conditionNotMet', 'User already has a license for the specified product and SKU');
      }
      if (user.licence?.startsWith(`${productId}/`)) {
        throw new Refusal(
          412,
          'conditionNotMet',
          'User already has a license of the product, but with a different SKU',
        );
      }
      this.world.assign(user, sku);
    } else if (user.licence !== sku) throw new Refusal(404, 'notFound', 'Not Found');
    return { kind: 'licensing#licenseAssignment', userId: user.primaryEmail, productId, skuId };
  }

  private listLicences(call: Call, sku: string): unknown {
    const [productId, skuId] = sku.split('/');
    const size = Math.min(100, Number(call.query.get('maxResults') ?? 100));
    const start = Number(call.query.get('pageToken') ?? 0);
    const addresses = this.world.addresses();
    const items: unknown[] = [];
    let at = start;
    for (; at < addresses.length && items.length < size; at += 1) {
      const user = this.world.userByAddress.get(addresses[at] ?? '');
      if (user?.licence === sku) items.push({ userId: user.primaryEmail, productId, skuId });
    }
    return {
      kind: 'licensing#licenseAssignmentList',
      items,
      ...(at < addresses.length && { nextPageToken: String(at) }),
    };
  }

  groupsSettings(call: Call): unknown {
    this.admin(call);
    const group = this.world.groups.get(decodeURIComponent(call.path[3] ?? '').toLowerCase());
    if (group === undefined) throw notFound('groupKey');
    if (call.method !== 'GET') {
      group.whoCanPostMessage = textIn(call.body, 'whoCanPostMessage') ?? group.whoCanPostMessage;
    }
    return { kind: 'groupsSettings#groups', email: group.email, whoCanPostMessage: group.whoCanPostMessage };
  }

  invitations(call: Call): unknown {
    this.admin(call);
    if (!this.world.profile.invitationsPermitted) throw forbidden();
    return {
      userInvitations: [...this.world.unmanaged].map((address) => ({
        name: `customers/${this.world.profile.customer}/userinvitations/${encodeURIComponent(address)}`,
        state: 'NOT_YET_SENT',
      })),
    };
  }

  private admin(call: Call): void {
    const user = this.world.userByAddress.get(call.bearer.subject);
    if (user === undefined || !(user.isAdmin || user.isDelegatedAdmin)) throw forbidden();
  }

  private subject(call: Call): User {
    const user = this.world.userByAddress.get(call.bearer.subject);
    if (user === undefined) throw forbidden();
    return user;
  }

  private gmailUnits(call: Call, amount: number): void {
    const { gmailUnitsPerMinutePerProject, gmailUnitsPerMinutePerUser } = this.world.profile.quotas;
    this.quotas.perMinute('gmailUnitsPerProject', '', amount, gmailUnitsPerMinutePerProject, false);
    const who = call.query.get('quotaUser') ?? 'service-account';
    this.quotas.perMinute('gmailUnitsPerUser', who, amount, gmailUnitsPerMinutePerUser, true);
  }

  gmail(call: Call): unknown {
    const user = this.subject(call);
    // /gmail/v1/users/me/settings/{what}[/{address}]
    const [, , , , , what = ''] = call.path;
    const write = call.method !== 'GET';
    this.gmailUnits(call, write ? (gmailWriteUnits[what] ?? 5) : 1);
    if (!this.world.mailboxReady(user)) throw new Refusal(400, 'failedPrecondition', 'Mail service not enabled');
    switch (what) {
      case 'language':
        if (write) user.language = closestLanguage(textIn(call.body, 'displayLanguage') ?? 'en');
        return { displayLanguage: user.language ?? 'en' };
      case 'imap':
        if (write) user.imap = call.body['enabled'] === true;
        return { enabled: user.imap ?? true, autoExpunge: true, expungeBehavior: 'archive' };
      case 'pop':
        if (write) user.pop = textIn(call.body, 'accessWindow') ?? 'disabled';
        return { accessWindow: user.pop ?? 'disabled', disposition: 'leaveInInbox' };
      case 'sendAs':
        if (write) user.signature = sanitised(textIn(call.body, 'signature') ?? '');
        return {
          sendAsEmail: user.primaryEmail,
          displayName: `${user.givenName} ${user.familyName}`,
          signature: user.signature ?? '',
          isPrimary: true,
          isDefault: true,
        };
      default:
        throw new Refusal(404, 'notFound', 'Not Found');
    }
  }

  calendar(call: Call): unknown {
    const user = this.subject(call);
    const { calendarPerMinutePerProject, calendarPerMinutePerUser } = this.world.profile.quotas;
    this.quotas.perMinute('calendarQueriesPerProject', '', 1, calendarPerMinutePerProject, false);
    const who = call.query.get('quotaUser') ?? 'service-account';
    this.quotas.perMinute('calendarQueriesPerUser', who, 1, calendarPerMinutePerUser, true);
    if (this.world.profile.poison.calendarForbidden.includes(numberOf(user))) {
      throw new Refusal(403, 'forbidden', 'Forbidden', { domain: 'calendar' });
    }
    const wait = this.world.delay(user.id, 'calendar', this.world.profile.delays.calendar);
    if (user.ready !== true && this.world.ageOf(user) < wait) {
      throw new Refusal(403, 'notACalendarUser', 'The user must be signed up for Google Calendar.', {
        domain: 'calendar',
      });
    }
    // /calendar/v3/calendars[/{id}[/acl]] and /calendar/v3/users/me/calendarList
    const [, , kind, id, sub] = call.path;
    if (kind === 'users') return this.calendarList(call, user);
    if (id === undefined) return this.insertCalendar(call, user);
    return this.oneCalendar(call, user, decodeURIComponent(id), sub);
  }

  private oneCalendar(call: Call, user: User, id: string, sub: string | undefined): unknown {
    const own = id === 'primary' || id.toLowerCase() === user.primaryEmail;
    const shared = own ? undefined : this.world.calendars.get(id);
    if (!own && (shared === undefined || shared.owner !== user.primaryEmail)) {
      throw new Refusal(404, 'notFound', 'Not Found');
    }
    if (sub === 'acl') return this.acl(call, user, shared);
    if (call.method === 'PUT' || call.method === 'PATCH') {
      const timeZone = textIn(call.body, 'timeZone');
      if (shared !== undefined) shared.timeZone = timeZone ?? shared.timeZone;
      else if (timeZone !== undefined) user.timeZone = timeZone;
    }
    return {
      kind: 'calendar#calendar',
      id: shared?.id ?? user.primaryEmail,
      summary: shared?.summary ?? user.primaryEmail,
      timeZone: shared?.timeZone ?? user.timeZone ?? 'UTC',
    };
  }

  private acl(call: Call, user: User, shared: SharedCalendar | undefined): unknown {
    const owner: Rule = { role: 'owner', scope: { type: 'user', value: user.primaryEmail } };
    const rules = shared?.acl ?? user.acl ?? [];
    if (call.method === 'GET') return { kind: 'calendar#acl', items: [owner, ...rules].map(ruleResource) };
    const scope = isRecord(call.body['scope']) ? call.body['scope'] : {};
    const value = textIn(scope, 'value');
    const rule: Rule = {
      role: textIn(call.body, 'role') ?? 'reader',
      scope: { type: textIn(scope, 'type') ?? 'default', ...(value !== undefined && { value }) },
    };
    const others = rules.filter(
      (one) => one.scope.type !== rule.scope.type || (one.scope.value ?? '') !== (rule.scope.value ?? ''),
    );
    if (shared !== undefined) shared.acl = [...others, rule];
    else user.acl = [...others, rule];
    return ruleResource(rule);
  }

  private calendarList(call: Call, user: User): unknown {
    if (call.method === 'GET') {
      const own = [...this.world.calendars.values()].filter(({ owner }) => owner === user.primaryEmail);
      const items = own.map(({ id, summary, description, timeZone }) => ({ id, summary, description, timeZone }));
      return { kind: 'calendar#calendarList', items: [{ id: user.primaryEmail, primary: true }, ...items] };
    }
    const id = textIn(call.body, 'id') ?? '';
    const shared = this.world.calendars.get(id);
    if (shared === undefined) throw new Refusal(404, 'notFound', 'Not Found');
    if (!(user.subscriptions ?? []).includes(shared.id))
      user.subscriptions = [...(user.subscriptions ?? []), shared.id];
    return { kind: 'calendar#calendarListEntry', id, summary: shared.summary, selected: true };
  }

  private insertCalendar(call: Call, user: User): unknown {
    const id = `${this.world.nextId('c')}@group.calendar.google.com`;
    const shared: SharedCalendar = {
      id,
      owner: user.primaryEmail,
      summary: textIn(call.body, 'summary') ?? '',
      description: textIn(call.body, 'description') ?? '',
      timeZone: textIn(call.body, 'timeZone') ?? 'UTC',
      acl: [],
    };
    this.world.calendars.set(id, shared);
    return { kind: 'calendar#calendar', id, summary: shared.summary, timeZone: shared.timeZone };
  }
}

const gmailWriteUnits: Readonly<Record<string, number>> = { language: 5, imap: 5, pop: 100, sendAs: 100 };

const ruleResource = (rule: Rule) => ({
  kind: 'calendar#aclRule',
  id: rule.scope.value === undefined ? rule.scope.type : `${rule.scope.type}:${rule.scope.value}`,
  ...rule,
});

const languages = new Set([
  'en',
  'en-GB',
  'fr',
  'de',
  'es',
  'it',
  'pl',
  'nl',
  'sv',
  'ro',
  'pt-PT',
  'pt-BR',
  'cs',
  'hu',
]);

/** Gmail keeps the closest tag that it supports. */
function closestLanguage(tag: string): string {
  if (languages.has(tag)) return tag;
  const [primary = 'en'] = tag.split('-');
  if (primary === 'pt') return 'pt-PT';
  return languages.has(primary) ? primary : 'en';
}

const kept = new Map<string, string>();
const keptMax = 1_000;

/** Gmail cleans signatures: attributes reordered, spaces between tags gone. Equal ones share one string. */
function sanitised(html: string): string {
  const clean = html
    .replace(/>\s+</g, '><')
    .replace(/<(\w+)((?:\s+[\w-]+="[^"]*")+)\s*>/g, (_tag, name: string, attributes: string) => {
      const sorted = (attributes.match(/[\w-]+="[^"]*"/g) ?? []).sort();
      return `<${name} ${sorted.join(' ')}>`;
    });
  const same = kept.get(clean);
  if (same !== undefined) return same;
  if (kept.size < keptMax) kept.set(clean, clean);
  return clean;
}
