import { calendar, type calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import { sharingRuleSchema, type SharingRule } from '#libs/vocabulary';
import type { CallContext, Caller } from './caller.js';
import type { Page } from './directory.js';

/**
 * Google Calendar, each call as the employee, or as the account that owns a shared calendar.
 * Source: https://developers.google.com/workspace/calendar/api/v3/reference
 */
export class Calendar {
  private readonly api: calendar_v3.Calendar;

  constructor(private readonly caller: Caller) {
    this.api = calendar({ version: 'v3', ...caller.clientOptions });
  }

  async getCalendar(
    context: CallContext,
    subject: string,
    calendarId: string,
  ): Promise<{ id: string; timeZone: string; summary: string }> {
    const data = await this.caller.call(
      context,
      { method: 'calendar.calendars.get', employee: subject },
      (options, quotaUser) => this.api.calendars.get({ calendarId, quotaUser }, options),
    );
    return { id: data.id ?? '', timeZone: data.timeZone ?? '', summary: data.summary ?? '' };
  }

  /** One harmless read that one of these scopes permits. */
  probe(context: CallContext & { employeeScopes: readonly string[] }, subject: string): Promise<unknown> {
    const permits = (name: string) => context.employeeScopes.some((scope) => scope.endsWith(`/${name}`));
    if (permits('calendar.calendars')) return this.getCalendar(context, subject, 'primary');
    if (permits('calendar.acls')) return this.listAcl(context, subject, 'primary');
    return this.listCalendars(context, subject, {});
  }

  /**
   * Sets the primary calendar's time zone by get and update: two units, where a patch is documented to cost three. The
   * summary is sent back as it was, because an update replaces the whole resource.
   */
  async updateTimeZone(context: CallContext, subject: string, timeZone: string): Promise<void> {
    const { summary } = await this.getCalendar(context, subject, 'primary');
    await this.caller.call(context, { method: 'calendar.calendars.update', employee: subject }, (options, quotaUser) =>
      this.api.calendars.update({ calendarId: 'primary', requestBody: { summary, timeZone }, quotaUser }, options),
    );
  }

  /** Makes a second one when repeated: search first. */
  async insertCalendar(
    context: CallContext,
    owner: string,
    body: { summary: string; description: string; timeZone: string },
  ): Promise<{ id: string }> {
    const data = await this.caller.call(
      context,
      { method: 'calendar.calendars.insert', employee: owner },
      (options, quotaUser) => this.api.calendars.insert({ requestBody: body, quotaUser }, options),
    );
    return { id: data.id ?? '' };
  }

  async listCalendars(
    context: CallContext,
    subject: string,
    page: Page,
  ): Promise<{
    calendars: { id: string; summary: string; description: string | undefined }[];
    nextPageToken: string | undefined;
  }> {
    const data = await this.caller.call(
      context,
      { method: 'calendar.calendarList.list', employee: subject },
      (options, quotaUser) =>
        this.api.calendarList.list(
          { maxResults: 250, ...(page.pageToken !== undefined && { pageToken: page.pageToken }), quotaUser },
          options,
        ),
    );
    const calendars = (data.items ?? []).map(({ id, summary, description }) => ({
      id: id ?? '',
      summary: summary ?? '',
      description: description ?? undefined,
    }));
    return { calendars, nextPageToken: data.nextPageToken ?? undefined };
  }

  /** Subscribes; 409 when already subscribed, 404 when the subject cannot see the calendar. */
  async insertCalendarListEntry(context: CallContext, subject: string, id: string): Promise<void> {
    await this.caller.call(
      context,
      { method: 'calendar.calendarList.insert', employee: subject },
      (options, quotaUser) => this.api.calendarList.insert({ requestBody: { id, selected: true }, quotaUser }, options),
    );
  }

  async listAcl(context: CallContext, subject: string, calendarId: string): Promise<SharingRule[]> {
    const data = await this.caller.call(
      context,
      { method: 'calendar.acl.list', employee: subject },
      (options, quotaUser) => this.api.acl.list({ calendarId, maxResults: 250, quotaUser }, options),
    );
    return (data.items ?? []).flatMap((item) => {
      const rule = sharingRuleSchema.safeParse(item);
      return rule.success ? [rule.data] : [];
    });
  }

  /** Never mails the grantee, which is Google's default. */
  async insertAcl(context: CallContext, subject: string, calendarId: string, rule: SharingRule): Promise<void> {
    await this.caller.call(context, { method: 'calendar.acl.insert', employee: subject }, (options, quotaUser) =>
      this.api.acl.insert({ calendarId, sendNotifications: false, requestBody: rule, quotaUser }, options),
    );
  }
}
