import type { Group } from './account.js';
import { invalid, notFound } from './refusal.js';
import { param, Text, type Call, type Handler, type Result } from './request.js';
import type { Simulation } from './simulation.js';

/** Groups Settings. Source: https://developers.google.com/workspace/admin/groups-settings/v1/reference/groups */
export function groupsSettingsHandlers({ world }: Simulation): Record<string, Handler> {
  const find = (call: Call): Group => {
    const key = param(call, 'groupUniqueId');
    const group = world.groups.get(key.toLowerCase()) ?? world.groupsById.get(key);
    if (group === undefined) throw notFound('groupKey');
    return group;
  };
  const change: Handler = (call) => {
    const group = find(call);
    for (const [name, value] of Object.entries(call.body)) {
      if (typeof value !== 'string' || unchangeable.has(name)) continue;
      if (allowed[name]?.has(value) === false) throw invalid(name);
      if (name === 'name') group.name = value;
      else if (name === 'description') group.description = value;
      else group.settings.set(name, world.shared(value));
    }
    return shown(call, group);
  };
  return {
    'groupsSettings.groups.get': (call) => shown(call, find(call)),
    'groupsSettings.groups.patch': change,
    'groupsSettings.groups.update': change,
  };
}

const unchangeable = new Set(['kind', 'email']);
const booleans = new Set(['true', 'false']);

const allowed: Readonly<Record<string, ReadonlySet<string>>> = {
  whoCanPostMessage: new Set([
    'NONE_CAN_POST',
    'ALL_MANAGERS_CAN_POST',
    'ALL_MEMBERS_CAN_POST',
    'ALL_OWNERS_CAN_POST',
    'ALL_IN_DOMAIN_CAN_POST',
    'ANYONE_CAN_POST',
  ]),
  whoCanJoin: new Set(['ANYONE_CAN_JOIN', 'ALL_IN_DOMAIN_CAN_JOIN', 'INVITED_CAN_JOIN', 'CAN_REQUEST_TO_JOIN']),
  whoCanViewMembership: new Set([
    'ALL_IN_DOMAIN_CAN_VIEW',
    'ALL_MEMBERS_CAN_VIEW',
    'ALL_MANAGERS_CAN_VIEW',
    'ALL_OWNERS_CAN_VIEW',
  ]),
  allowExternalMembers: booleans,
  isArchived: booleans,
  includeInGlobalAddressList: booleans,
};

const defaults = {
  whoCanJoin: 'CAN_REQUEST_TO_JOIN',
  whoCanViewMembership: 'ALL_MEMBERS_CAN_VIEW',
  allowExternalMembers: 'false',
  isArchived: 'false',
  includeInGlobalAddressList: 'true',
  messageModerationLevel: 'MODERATE_NONE',
};

/** Answers in Atom unless asked for JSON: this old API is the only one whose `alt` is not `json` by itself. */
function shown({ query }: Call, group: Group): Result {
  const settings = {
    kind: 'groupsSettings#groups',
    email: group.email,
    name: group.name,
    description: group.description,
    ...defaults,
    ...Object.fromEntries(group.settings),
  };
  if (query.get('alt') === 'json') return settings;
  const lines = Object.entries(settings).map(([name, value]) => `<apps:${name}>${escaped(value)}</apps:${name}>`);
  return new Text(
    `<?xml version="1.0" encoding="UTF-8"?><entry xmlns="http://www.w3.org/2005/Atom" xmlns:apps="http://schemas.google.com/apps/2006">${lines.join('')}</entry>`,
    200,
    'application/atom+xml; charset=UTF-8',
  );
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
