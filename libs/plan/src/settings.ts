import { createHash } from 'node:crypto';
import type { CalendarSettings, DesiredAccount, GmailSettings } from '#libs/vocabulary';

export type AccountOrigin = 'created' | 'adopted';

/** What the ledger keeps of a confirmed gmail and calendar step; absent when that step was never confirmed. */
export interface SettingsFingerprint {
  readonly gmail?: string;
  readonly calendar?: string;
}

interface Settings {
  readonly gmail: GmailSettings;
  readonly calendar: CalendarSettings;
}

/**
 * The settings to write: all of them to an account that we created and never confirmed, only the `always` ones
 * otherwise. `confirmed` says which of the two steps the ledger has confirmed before.
 */
export function settingsToWrite(
  desired: DesiredAccount,
  origin: AccountOrigin,
  confirmed: SettingsFingerprint = {},
): Settings {
  const all = origin === 'created';
  return {
    gmail: all && confirmed.gmail === undefined ? desired.gmail : onlyAlways(desired.gmail),
    calendar: all && confirmed.calendar === undefined ? desired.calendar : onlyAlways(desired.calendar),
  };
}

/** Which of the gmail and calendar steps have something to write. */
export function settingStepsNeeded(
  desired: DesiredAccount,
  origin: AccountOrigin,
  confirmed: SettingsFingerprint = {},
): { gmail: boolean; calendar: boolean } {
  const wanted = settingsFingerprint(desired);
  const write = settingsToWrite(desired, origin, confirmed);
  return {
    gmail: confirmed.gmail !== wanted.gmail && hasAny(write.gmail),
    calendar: confirmed.calendar !== wanted.calendar && hasAny(write.calendar),
  };
}

/**
 * A short hash of the `always` settings, to be kept with the confirmed step. A later plan compares it instead of reading
 * 160,000 mailboxes; `once` settings are the person's own after the first confirmation and do not count.
 */
export function settingsFingerprint(desired: DesiredAccount): Required<SettingsFingerprint> {
  return { gmail: hash(onlyAlways(desired.gmail)), calendar: hash(onlyAlways(desired.calendar)) };
}

function onlyAlways<T extends GmailSettings | CalendarSettings>(settings: T): Partial<T> {
  const kept: Partial<T> = {};
  for (const key in settings) if (isAlways(settings[key])) kept[key] = settings[key];
  return kept;
}

function isAlways(setting: unknown): boolean {
  return typeof setting === 'object' && setting !== null && 'mode' in setting && setting.mode === 'always';
}

function hasAny(settings: object): boolean {
  return Object.values(settings).some((setting) => setting !== undefined);
}

function hash(settings: object): string {
  return createHash('sha256').update(canonicalJson(settings)).digest('base64url').slice(0, 22);
}

/** JSON with sorted keys: the same settings hash alike, whatever order they were written in. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
