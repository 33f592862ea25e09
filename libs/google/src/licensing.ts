import { licensing, type licensing_v1 } from 'googleapis/build/src/apis/licensing/index.js';
import type { CallContext, Caller } from './caller.js';
import { GoogleCallError } from './errors.js';
import type { Page } from './directory.js';

export interface Sku {
  readonly productId: string;
  readonly skuId: string;
}

/** The Enterprise License Manager API. Source: https://developers.google.com/workspace/admin/licensing/reference/rest */
export class Licensing {
  private readonly api: licensing_v1.Licensing;

  constructor(
    private readonly caller: Caller,
    private readonly customerDomain: () => Promise<string>,
  ) {
    this.api = licensing({ version: 'v1', ...caller.clientOptions });
  }

  /** Whether the account holds this licence: not found is a normal answer. */
  async get(context: CallContext, { productId, skuId }: Sku, userId: string): Promise<boolean> {
    try {
      await this.caller.call(context, { method: 'licensing.licenseAssignments.get' }, (options, quotaUser) =>
        this.api.licenseAssignments.get({ productId, skuId, userId, quotaUser }, options),
      );
      return true;
    } catch (error) {
      if (error instanceof GoogleCallError && error.status === 404) return false;
      throw error;
    }
  }

  async insert(context: CallContext, { productId, skuId }: Sku, userId: string): Promise<void> {
    await this.caller.call(context, { method: 'licensing.licenseAssignments.insert' }, (options, quotaUser) =>
      this.api.licenseAssignments.insert({ productId, skuId, requestBody: { userId }, quotaUser }, options),
    );
  }

  /** Gives another licence of the same product in the place of the one that the account holds. */
  async update(context: CallContext, { productId, skuId }: Sku, wantedSkuId: string, userId: string): Promise<void> {
    await this.caller.call(context, { method: 'licensing.licenseAssignments.update' }, (options, quotaUser) =>
      this.api.licenseAssignments.update(
        { productId, skuId, userId, requestBody: { productId, skuId: wantedSkuId, userId }, quotaUser },
        options,
      ),
    );
  }

  /** A page of 100 (asking for more has ended paging early in the field). */
  async list(
    context: CallContext,
    { productId, skuId }: Sku,
    page: Page,
  ): Promise<{ addresses: string[]; nextPageToken: string | undefined }> {
    const customerId = await this.customerDomain();
    const data = await this.caller.call(
      context,
      { method: 'licensing.licenseAssignments.listForProductAndSku' },
      (options, quotaUser) =>
        this.api.licenseAssignments.listForProductAndSku(
          {
            productId,
            skuId,
            customerId,
            maxResults: 100,
            ...(page.pageToken !== undefined && { pageToken: page.pageToken }),
            quotaUser,
          },
          options,
        ),
    );
    const addresses = (data.items ?? []).flatMap(({ userId }) => userId ?? []);
    return { addresses, nextPageToken: data.nextPageToken ?? undefined };
  }
}
