const scope = (name: string) => `https://www.googleapis.com/auth/${name}`;

/** Least scopes by need. Source: the discovery documents of each API. */
export const directoryScopes = [
  scope('admin.directory.user'),
  scope('admin.directory.orgunit'),
  scope('admin.directory.group'),
  scope('admin.directory.group.member'),
  scope('admin.directory.domain.readonly'),
  scope('admin.directory.customer.readonly'),
];
export const licensingScopes = [scope('apps.licensing')];
export const groupsSettingsScopes = [scope('apps.groups.settings')];
export const invitationScopes = [scope('cloud-identity.userinvitations.readonly')];
/** Gmail and Calendar together: one token an employee serves both. */
export const employeeScopes = [
  scope('gmail.settings.basic'),
  scope('calendar.calendars'),
  scope('calendar.calendarlist'),
  scope('calendar.acls'),
];
