import type { Method } from './methods.js';

const scope = (name: string) => `https://www.googleapis.com/auth/${name}`;

/** Least scopes by need. Source: the discovery documents of each API. */
export const directoryScopes: readonly string[] = [
  scope('admin.directory.user'),
  scope('admin.directory.orgunit'),
  scope('admin.directory.group'),
  scope('admin.directory.group.member'),
  scope('admin.directory.domain.readonly'),
  scope('admin.directory.customer.readonly'),
];
export const licensingScopes: readonly string[] = [scope('apps.licensing')];
export const groupsSettingsScopes: readonly string[] = [scope('apps.groups.settings')];
export const invitationScopes: readonly string[] = [scope('cloud-identity.userinvitations.readonly')];
/** Gmail and Calendar together: one token an employee serves both. */
export const employeeScopes: readonly string[] = [
  scope('gmail.settings.basic'),
  scope('calendar.calendars'),
  scope('calendar.calendarlist'),
  scope('calendar.acls'),
];

const none: readonly string[] = [];

/** The scopes to ask for a method's token; an employee's are those that the blueprint uses, where that is known. */
export function scopesOf(method: Method, ofEmployee: readonly string[] | undefined): readonly string[] {
  const [api] = method.split('.');
  switch (api) {
    case 'directory':
      return directoryScopes;
    case 'licensing':
      return licensingScopes;
    case 'groupsSettings':
      return groupsSettingsScopes;
    case 'invitations':
      return invitationScopes;
    case 'gmail':
    case 'calendar':
      return ofEmployee ?? employeeScopes;
    default:
      return none;
  }
}
