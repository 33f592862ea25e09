import type { User } from './account.js';
import { Refusal } from './refusal.js';
import { textIn } from './json.js';
import { param, type Call, type Handler, type Result } from './request.js';
import type { Simulation } from './simulation.js';
import type { World } from './world.js';

/** The Enterprise License Manager API. Source: https://developers.google.com/workspace/admin/licensing/reference/rest */
export function licensingHandlers(simulation: Simulation): Record<string, Handler> {
  const licensing = new Licensing(simulation);
  return {
    'licensing.licenseAssignments.insert': (call) => licensing.insert(call),
    'licensing.licenseAssignments.get': (call) => licensing.get(call),
    'licensing.licenseAssignments.patch': (call) => licensing.change(call),
    'licensing.licenseAssignments.update': (call) => licensing.change(call),
    'licensing.licenseAssignments.delete': (call) => licensing.delete(call),
    'licensing.licenseAssignments.listForProductAndSku': (call) =>
      licensing.list(call, [`${param(call, 'productId')}/${param(call, 'skuId')}`]),
    'licensing.licenseAssignments.listForProduct': (call) =>
      licensing.list(call, licensing.skusOf(param(call, 'productId'))),
  };
}

/** The limits page says a hundred; the discovery document's thousand has ended paging early in the field. */
const pageMax = 100;

const precondition = (message: string) => new Refusal(412, 'conditionNotMet', message);

class Licensing {
  private readonly world: World;

  constructor(private readonly simulation: Simulation) {
    this.world = simulation.world;
  }

  skusOf(productId: string): string[] {
    return [...this.world.pools.keys()].filter((sku) => sku.startsWith(`${productId}/`)).sort();
  }

  insert(call: Call): Result {
    const sku = this.knownSku(param(call, 'productId'), param(call, 'skuId'));
    const user = this.userOf(textIn(call.body, 'userId') ?? '');
    if (user.licences.includes(sku)) {
      throw precondition('User already has a license for the specified product and SKU');
    }
    if (user.licences.some((one) => one.startsWith(`${param(call, 'productId')}/`))) {
      throw precondition('User already has a license of the product, but with a different SKU');
    }
    this.world.assign(user, sku);
    return assignment(user.primaryEmail, sku);
  }

  get(call: Call): Result {
    const { user, sku } = this.present(call);
    return assignment(user.primaryEmail, sku);
  }

  /** The old SKU stands in the path, the new one in the body. */
  change(call: Call): Result {
    const { user, sku } = this.present(call);
    const wanted = this.knownSku(
      textIn(call.body, 'productId') ?? param(call, 'productId'),
      textIn(call.body, 'skuId') ?? param(call, 'skuId'),
    );
    if (wanted === sku) throw precondition('The new SKU should be different from the current one');
    if (wanted.split('/')[0] !== param(call, 'productId')) throw new Refusal(400, 'invalid', 'Invalid product');
    if (this.isLocked(user)) throw precondition('Auto License switching is not allowed.');
    if (this.world.free(wanted) <= 0) {
      throw precondition("There aren't enough available licenses for the specified product-SKU pair");
    }
    const { licensedAt } = user;
    this.world.withdraw(user, sku);
    this.world.assign(user, wanted);
    // The mailbox goes on under another licence of the same product.
    if (licensedAt !== undefined) user.licensedAt = licensedAt;
    return assignment(user.primaryEmail, wanted);
  }

  delete(call: Call): Result {
    const { user, sku } = this.present(call);
    if (this.isLocked(user)) throw precondition('Auto License un-assignment is not allowed.');
    this.world.withdraw(user, sku);
    return {};
  }

  list(call: Call, skus: readonly string[]): Result {
    const { customer, domains } = this.world.profile;
    const customerId = call.query.get('customerId') ?? '';
    if (customerId !== customer && customerId !== domains[0]) {
      throw new Refusal(403, 'forbidden', 'Not Authorized to access this resource/api');
    }
    for (const sku of skus) this.knownSku(...split(sku));
    const { world } = this;
    const from = function* (after: string): Generator<[string, [string, string]]> {
      const [skuBefore = '', address = ''] = after.split(' ');
      for (const sku of skus) {
        if (sku < skuBefore) continue;
        for (const one of world.licenseesOf(sku).after(sku === skuBefore ? address : '')) {
          yield [`${sku} ${one}`, [one, sku]];
        }
      }
    };
    const size = Math.min(pageMax, Number(call.query.get('maxResults') ?? pageMax));
    const page = this.simulation.listings.page(call, size, from);
    return {
      kind: 'licensing#licenseAssignmentList',
      etag: `"${customer}"`,
      items: page.items.map(([address, sku]) => assignment(address, sku)),
      ...(page.nextPageToken !== undefined && { nextPageToken: page.nextPageToken }),
    };
  }

  private present(call: Call): { user: User; sku: string } {
    const sku = this.knownSku(param(call, 'productId'), param(call, 'skuId'));
    const user = this.userOf(param(call, 'userId'));
    if (!user.licences.includes(sku)) throw new Refusal(404, 'notFound', 'Not Found');
    return { user, sku };
  }

  /** By primary address only; an unknown user is a bad request here, not a missing one. */
  private userOf(userId: string): User {
    const address = userId.toLowerCase();
    const user = this.world.userByAddress.get(address);
    if (user === undefined || user.primaryEmail !== address) {
      throw new Refusal(400, 'invalid', 'Invalid value for: userId');
    }
    return user;
  }

  private knownSku(productId: string, skuId: string): string {
    const sku = `${productId}/${skuId}`;
    if (this.world.pools.has(sku)) return sku;
    const isProduct = this.skusOf(productId).length > 0;
    throw new Refusal(400, 'invalid', isProduct ? 'Invalid SKU' : 'Invalid product');
  }

  private isLocked(user: User): boolean {
    return user.automatic === true && this.world.profile.automaticLicencesLocked;
  }
}

const split = (sku: string): [string, string] => [sku.slice(0, sku.indexOf('/')), sku.slice(sku.indexOf('/') + 1)];

function assignment(userId: string, sku: string) {
  const [productId, skuId] = split(sku);
  return {
    kind: 'licensing#licenseAssignment',
    etags: `"${skuId}"`,
    userId,
    productId,
    skuId,
    selfLink: `https://licensing.googleapis.com/apps/licensing/v1/product/${productId}/sku/${skuId}/user/${userId}`,
  };
}
