import { z } from 'zod';

/**
 * `once`: written to accounts that we created, then the person's own. `always`: enforced on every run, drift reported.
 */
export const settingModeSchema = z.enum(['once', 'always']);
export type SettingMode = z.infer<typeof settingModeSchema>;

const setting = <T extends z.ZodType>(value: T) => z.object({ mode: settingModeSchema, value });

/** How a licence reaches the account: Google assigns it by org unit and we check, we assign it, or nobody does. */
export const licenceSchema = z.object({
  assignment: z.enum(['automatic', 'assign', 'none']),
  productId: z.string(),
  skuId: z.string(),
});

/** One rule of the primary calendar's sharing. `scope.value` is absent for `default`. */
export const sharingRuleSchema = z.object({
  role: z.enum(['none', 'freeBusyReader', 'reader', 'writer', 'owner']),
  scope: z.object({ type: z.enum(['default', 'user', 'group', 'domain']), value: z.string().optional() }),
});

export const gmailSettingsSchema = z.object({
  language: setting(z.string()).optional(),
  /** HTML, at most 10,000 characters. */
  signature: setting(z.string().max(10_000)).optional(),
  imap: setting(z.object({ enabled: z.boolean() })).optional(),
  pop: setting(z.object({ accessWindow: z.enum(['disabled', 'fromNowOn', 'allMail']) })).optional(),
});

export const calendarSettingsSchema = z.object({
  /** IANA name; written to the primary calendar. */
  timeZone: setting(z.string()).optional(),
  /** Names of calendars that the blueprint declares; ids are known once they exist. */
  subscriptions: setting(z.array(z.string())).optional(),
  sharing: setting(z.array(sharingRuleSchema)).optional(),
});

/** What the blueprint says that one employee's account must look like. */
export const desiredAccountSchema = z.object({
  primaryEmail: z.string(),
  name: z.object({ givenName: z.string(), familyName: z.string() }),
  orgUnitPath: z.string(),
  /** True for pre-hires and leavers. */
  suspended: z.boolean(),
  /**
   * What happens beside the suspension of someone who has left: the org unit for leavers, and Google's archiving, which
   * takes an Archived User licence in the place of theirs.
   */
  leaving: z.object({ orgUnit: z.string().optional(), archive: z.boolean() }).optional(),
  employeeNumber: z.string(),
  organization: z.object({
    name: z.string().optional(),
    title: z.string().optional(),
    department: z.string().optional(),
    costCenter: z.string().optional(),
    location: z.string().optional(),
    description: z.string().optional(),
  }),
  managerEmail: z.string().optional(),
  phones: z.array(z.object({ type: z.enum(['work', 'mobile']), value: z.string() })),
  /** BCP 47; the preferred one. */
  language: z.string().optional(),
  aliases: z.array(z.string()),
  groups: z.array(z.string()),
  /** Groups to which we added the account before and which the blueprint no longer gives it. */
  groupsToLeave: z.array(z.string()).optional(),
  licence: licenceSchema,
  password: z.enum(['sso', 'handover']),
  gmail: gmailSettingsSchema,
  calendar: calendarSettingsSchema,
});

export type DesiredAccount = z.infer<typeof desiredAccountSchema>;
export type GmailSettings = z.infer<typeof gmailSettingsSchema>;
export type CalendarSettings = z.infer<typeof calendarSettingsSchema>;
export type SharingRule = z.infer<typeof sharingRuleSchema>;
export type Licence = z.infer<typeof licenceSchema>;

const entry = z.record(z.string(), z.unknown());

/** `externalIds[].customType` of our mark; its value is the employee's UUID. */
export const markCustomType = 'bascule';

/**
 * One account as Google's users.list shows it, in our words. Lists of Google's are kept as they came, because an update
 * replaces a whole list and other tools' entries must survive it.
 * Source: Directory API, REST resource users.
 */
export const observedAccountSchema = z.object({
  googleId: z.string(),
  primaryEmail: z.string(),
  name: z.object({ givenName: z.string(), familyName: z.string() }),
  orgUnitPath: z.string(),
  suspended: z.boolean(),
  suspensionReason: z.string().optional(),
  archived: z.boolean(),
  isAdmin: z.boolean(),
  isDelegatedAdmin: z.boolean(),
  isMailboxSetup: z.boolean(),
  creationTime: z.string().optional(),
  aliases: z.array(z.string()),
  nonEditableAliases: z.array(z.string()),
  externalIds: z.array(entry),
  organizations: z.array(entry),
  relations: z.array(entry),
  phones: z.array(entry),
  languages: z.array(entry),
});

export type ObservedAccount = z.infer<typeof observedAccountSchema>;

/** The employee's UUID that our mark on this account carries, if it carries one. */
export function markOf(account: Pick<ObservedAccount, 'externalIds'>): string | undefined {
  const mark = account.externalIds.find((id) => id['type'] === 'custom' && id['customType'] === markCustomType);
  const value = mark?.['value'];
  return typeof value === 'string' ? value : undefined;
}

/** The employee number that this account carries (`type: organization`), if it carries one. */
export function employeeNumberOf(account: Pick<ObservedAccount, 'externalIds'>): string | undefined {
  const value = account.externalIds.find((id) => id['type'] === 'organization')?.['value'];
  return typeof value === 'string' ? value : undefined;
}
