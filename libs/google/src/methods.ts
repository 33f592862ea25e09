/** Every call that Bascule makes to Google, by the name under which config/quotas.yaml prices it. */
export const methods = {
  'token.mint': 'read',

  'directory.users.insert': 'write',
  'directory.users.get': 'read',
  'directory.users.list': 'read',
  'directory.users.update': 'write',
  'directory.aliases.list': 'read',
  'directory.aliases.insert': 'write',
  'directory.orgunits.list': 'read',
  'directory.orgunits.get': 'read',
  'directory.orgunits.insert': 'write',
  'directory.groups.list': 'read',
  'directory.groups.get': 'read',
  'directory.groups.insert': 'write',
  'directory.members.list': 'read',
  'directory.members.get': 'read',
  'directory.members.insert': 'write',
  'directory.members.delete': 'write',
  'directory.domains.list': 'read',
  'directory.customers.get': 'read',

  'groupsSettings.groups.get': 'read',
  'groupsSettings.groups.patch': 'write',

  'invitations.list': 'read',

  'licensing.licenseAssignments.get': 'read',
  'licensing.licenseAssignments.insert': 'write',
  'licensing.licenseAssignments.update': 'write',
  'licensing.licenseAssignments.listForProductAndSku': 'read',

  'gmail.settings.getLanguage': 'read',
  'gmail.settings.updateLanguage': 'write',
  'gmail.settings.getImap': 'read',
  'gmail.settings.updateImap': 'write',
  'gmail.settings.getPop': 'read',
  'gmail.settings.updatePop': 'write',
  'gmail.settings.sendAs.get': 'read',
  'gmail.settings.sendAs.patch': 'write',

  'calendar.calendars.get': 'read',
  'calendar.calendars.update': 'write',
  'calendar.calendars.insert': 'write',
  'calendar.calendarList.list': 'read',
  'calendar.calendarList.insert': 'write',
  'calendar.acl.list': 'read',
  'calendar.acl.insert': 'write',
} as const satisfies Record<string, 'read' | 'write'>;

export type Method = keyof typeof methods;

/** Whether a reply that was lost leaves nothing behind. */
export const isRead = (method: Method): boolean => methods[method] === 'read';
