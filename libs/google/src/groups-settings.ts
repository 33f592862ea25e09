import { groupssettings, type groupssettings_v1 } from 'googleapis/build/src/apis/groupssettings/index.js';
import type { CallContext, Caller } from './caller.js';

/**
 * The only API whose `alt` is `atom` unless asked otherwise, and the client library does not ask: without it the reply is XML.
 * Source: https://developers.google.com/workspace/admin/groups-settings/v1/reference/groups
 */
export class GroupsSettings {
  private readonly api: groupssettings_v1.Groupssettings;

  constructor(private readonly caller: Caller) {
    this.api = groupssettings({ version: 'v1', ...caller.clientOptions });
  }

  /** One harmless read: whether the API answers. */
  async get(context: CallContext, groupEmail: string): Promise<{ whoCanPostMessage: string }> {
    const data = await this.caller.call(context, { method: 'groupsSettings.groups.get' }, (options, quotaUser) =>
      this.api.groups.get({ alt: 'json', groupUniqueId: groupEmail, quotaUser }, options),
    );
    return { whoCanPostMessage: data.whoCanPostMessage ?? '' };
  }

  async patch(context: CallContext, groupEmail: string, change: { whoCanPostMessage: string }): Promise<void> {
    await this.caller.call(context, { method: 'groupsSettings.groups.patch' }, (options, quotaUser) =>
      this.api.groups.patch({ alt: 'json', groupUniqueId: groupEmail, requestBody: change, quotaUser }, options),
    );
  }
}
