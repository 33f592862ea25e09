import { gmail, type gmail_v1 } from 'googleapis/build/src/apis/gmail/index.js';
import type { CallContext, Caller } from './caller.js';

/**
 * Gmail settings, each call as the employee (`userId` is always `me`: anything else is refused).
 * Source: https://developers.google.com/workspace/gmail/api/reference/rest
 */
export class Gmail {
  private readonly api: gmail_v1.Gmail;

  constructor(private readonly caller: Caller) {
    this.api = gmail({ version: 'v1', ...caller.clientOptions });
  }

  async getLanguage(context: CallContext, employee: string): Promise<string> {
    const data = await this.caller.call(
      context,
      { method: 'gmail.settings.getLanguage', employee },
      (options, quotaUser) => this.api.users.settings.getLanguage({ userId: 'me', quotaUser }, options),
    );
    return data.displayLanguage ?? '';
  }

  /** Google answers with the closest tag that it supports. */
  async updateLanguage(context: CallContext, employee: string, displayLanguage: string): Promise<string> {
    const data = await this.caller.call(
      context,
      { method: 'gmail.settings.updateLanguage', employee },
      (options, quotaUser) =>
        this.api.users.settings.updateLanguage({ userId: 'me', requestBody: { displayLanguage }, quotaUser }, options),
    );
    return data.displayLanguage ?? '';
  }

  async getImap(context: CallContext, employee: string): Promise<{ enabled: boolean }> {
    const data = await this.caller.call(context, { method: 'gmail.settings.getImap', employee }, (options, quotaUser) =>
      this.api.users.settings.getImap({ userId: 'me', quotaUser }, options),
    );
    return { enabled: data.enabled === true };
  }

  async updateImap(context: CallContext, employee: string, imap: { enabled: boolean }): Promise<void> {
    await this.caller.call(context, { method: 'gmail.settings.updateImap', employee }, (options, quotaUser) =>
      this.api.users.settings.updateImap({ userId: 'me', requestBody: imap, quotaUser }, options),
    );
  }

  async getPop(context: CallContext, employee: string): Promise<{ accessWindow: string; disposition: string }> {
    const data = await this.caller.call(context, { method: 'gmail.settings.getPop', employee }, (options, quotaUser) =>
      this.api.users.settings.getPop({ userId: 'me', quotaUser }, options),
    );
    return { accessWindow: data.accessWindow ?? '', disposition: data.disposition ?? '' };
  }

  async updatePop(context: CallContext, employee: string, pop: { accessWindow: string }): Promise<void> {
    await this.caller.call(context, { method: 'gmail.settings.updatePop', employee }, (options, quotaUser) =>
      this.api.users.settings.updatePop(
        { userId: 'me', requestBody: { ...pop, disposition: 'leaveInInbox' }, quotaUser },
        options,
      ),
    );
  }

  /** The primary address's entry. */
  async getSendAs(context: CallContext, employee: string): Promise<{ signature: string; displayName: string }> {
    const data = await this.caller.call(
      context,
      { method: 'gmail.settings.sendAs.get', employee },
      (options, quotaUser) =>
        this.api.users.settings.sendAs.get({ userId: 'me', sendAsEmail: employee, quotaUser }, options),
    );
    return { signature: data.signature ?? '', displayName: data.displayName ?? '' };
  }

  /** Google sanitises the signature: its reply shows the form that reads will show. */
  async patchSendAs(
    context: CallContext,
    employee: string,
    change: { signature: string },
  ): Promise<{ signature: string }> {
    const data = await this.caller.call(
      context,
      { method: 'gmail.settings.sendAs.patch', employee },
      (options, quotaUser) =>
        this.api.users.settings.sendAs.patch(
          { userId: 'me', sendAsEmail: employee, requestBody: change, quotaUser },
          options,
        ),
    );
    return { signature: data.signature ?? '' };
  }
}
