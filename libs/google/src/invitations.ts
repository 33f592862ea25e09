import { cloudidentity, type cloudidentity_v1 } from 'googleapis/build/src/apis/cloudidentity/index.js';
import type { CallContext, Caller } from './caller.js';
import type { Page } from './directory.js';

/**
 * Unmanaged consumer accounts on our domains. Creating a user over one evicts its owner, so they are listed first.
 * Source: https://cloud.google.com/identity/docs/reference/rest/v1/customers.userinvitations
 */
export class Invitations {
  private readonly api: cloudidentity_v1.Cloudidentity;

  constructor(
    private readonly caller: Caller,
    private readonly customerId: () => Promise<string>,
  ) {
    this.api = cloudidentity({ version: 'v1', ...caller.clientOptions });
  }

  async list(context: CallContext, page: Page): Promise<{ addresses: string[]; nextPageToken: string | undefined }> {
    const parent = `customers/${await this.customerId()}`;
    const data = await this.caller.call(context, { method: 'invitations.list' }, (options, quotaUser) =>
      this.api.customers.userinvitations.list(
        { parent, pageSize: 200, ...(page.pageToken !== undefined && { pageToken: page.pageToken }), quotaUser },
        options,
      ),
    );
    // The resource's name ends with the address.
    const addresses = (data.userInvitations ?? []).flatMap(({ name }) =>
      name === null || name === undefined ? [] : [decodeURIComponent(name.split('/').at(-1) ?? '')],
    );
    return { addresses, nextPageToken: data.nextPageToken ?? undefined };
  }
}
