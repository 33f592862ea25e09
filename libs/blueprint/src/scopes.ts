import type { Declared } from './declared.js';
import type { Settings } from './blueprint.js';

const scope = (name: string) => `https://www.googleapis.com/auth/${name}`;

/**
 * The least OAuth scopes that this blueprint needs, of the admin subject and of each employee's own token.
 * Source: the `scopes` of each method in Google's discovery documents.
 */
export function scopesOf(settings: Settings, declared: Declared): { admin: string[]; employee: string[] } {
  const admin = [
    'admin.directory.user',
    'admin.directory.orgunit',
    'admin.directory.group',
    'admin.directory.group.member',
    'admin.directory.domain.readonly',
    'admin.directory.customer.readonly',
  ];
  if (settings.licence.choices.length > 0) admin.push('apps.licensing');
  if (declared.groups.length > 0) admin.push('apps.groups.settings');

  // Declared calendars are made, found and shared as the account that owns them.
  const declares = declared.calendars.length > 0;
  const { timeZone, subscriptions, sharing } = settings.calendar;
  const employee: string[] = [];
  if (Object.keys(settings.gmail).length > 0) employee.push('gmail.settings.basic');
  if (timeZone !== undefined || declares) employee.push('calendar.calendars');
  if (subscriptions !== undefined || declares) employee.push('calendar.calendarlist');
  if (sharing !== undefined || declares) employee.push('calendar.acls');
  return { admin: admin.map(scope), employee: employee.map(scope) };
}
