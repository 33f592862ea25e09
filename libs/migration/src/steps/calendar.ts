import { GoogleCallError } from '#libs/google';
import { settingsFingerprint, settingsToWrite } from '#libs/plan';
import type { CalendarSettings, SharingRule } from '#libs/vocabulary';
import { lookAgainMs } from '../outcome-changes.js';
import { confirmedSettings } from '../confirmed-settings.js';
import type { Step, StepContext, StepResult } from '../step.js';

/**
 * Sets the primary calendar's time zone, subscribes to the declared calendars and adds the sharing rules that are missing
 * (rules are read first: repeating acl.insert gets a person blocked for hours), then confirms by one read.
 */
export const calendar: Step = async (context) => {
  const { item, workspace, call } = context;
  if (item.googleId === null) return { kind: 'failed', reason: 'account_missing' };
  if (item.desired.suspended) {
    return { kind: 'waiting', reason: 'suspended_until_start', lookAgainMs: lookAgainMs('suspended_until_start') };
  }
  const origin = item.origin ?? 'adopted';
  // Settings that are the person's own since they were confirmed once are left alone.
  const { calendar: settings } = settingsToWrite(item.desired, origin, confirmedSettings(item));
  const existed = origin === 'adopted' || item.calendarHash !== null;
  const subject = item.desired.primaryEmail;
  if (item.facts['written'] !== true || item.inDoubt) {
    const refusal = await write(context, settings, existed);
    if (refusal !== undefined) return refusal;
  }
  if (settings.timeZone) {
    const primary = await workspace.calendar.getCalendar(call, subject, 'primary');
    if (primary.timeZone !== settings.timeZone.value) {
      return {
        kind: 'waiting',
        reason: 'change_not_visible',
        lookAgainMs: lookAgainMs('change_not_visible'),
        facts: { written: true },
      };
    }
  }
  const { calendar: calendarHash } = settingsFingerprint(item.desired);
  return { kind: 'done', account: { googleId: item.googleId, origin, wrote: false, calendarHash } };
};

async function write(
  context: StepContext,
  settings: CalendarSettings,
  existed: boolean,
): Promise<StepResult | undefined> {
  const { item, workspace, call } = context;
  const subject = item.desired.primaryEmail;
  const rules = settings.sharing ? await workspace.calendar.listAcl(call, subject, 'primary') : [];
  if (existed) {
    // Read only where the blueprint writes: the token has no scope for the rest.
    const primary = settings.timeZone ? await workspace.calendar.getCalendar(call, subject, 'primary') : undefined;
    await context.recordPrior({ ...(primary && { timeZone: primary.timeZone }), sharing: rules });
  }
  if (settings.timeZone) await workspace.calendar.updateTimeZone(call, subject, settings.timeZone.value);
  for (const name of settings.subscriptions?.value ?? []) {
    const refusal = await subscribe(context, name);
    if (refusal !== undefined) return refusal;
  }
  for (const rule of settings.sharing?.value ?? []) {
    if (!rules.some((present) => sameRule(present, rule))) {
      await workspace.calendar.insertAcl(call, subject, 'primary', rule);
    }
  }
  return undefined;
}

async function subscribe(context: StepContext, name: string): Promise<StepResult | undefined> {
  const { item, workspace, call, calendarIds } = context;
  const id = calendarIds.get(name);
  if (id === undefined) return { kind: 'failed', reason: 'calendar_not_found' };
  try {
    await workspace.calendar.insertCalendarListEntry(call, item.desired.primaryEmail, id);
  } catch (error) {
    if (error instanceof GoogleCallError && error.status === 409) return undefined;
    if (error instanceof GoogleCallError && error.status === 404) {
      return { kind: 'failed', reason: 'calendar_not_found' };
    }
    throw error;
  }
  return undefined;
}

const sameRule = (present: SharingRule, wanted: SharingRule) =>
  present.role === wanted.role &&
  present.scope.type === wanted.scope.type &&
  (present.scope.value ?? '') === (wanted.scope.value ?? '');
