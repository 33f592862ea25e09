import type { WorkItem } from '#libs/ledger';
import type { SettingsFingerprint } from '#libs/plan';

/** What the ledger keeps of this account's confirmed Gmail and Calendar settings, in planning's form. */
export function confirmedSettings(item: Pick<WorkItem, 'gmailHash' | 'calendarHash'>): SettingsFingerprint {
  return {
    ...(item.gmailHash !== null && { gmail: item.gmailHash }),
    ...(item.calendarHash !== null && { calendar: item.calendarHash }),
  };
}
