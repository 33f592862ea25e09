import { forbidden, Refusal } from './refusal.js';
import { param, type Call, type Handler, type Result } from './request.js';
import type { Simulation } from './simulation.js';

const pageMax = 200;
const pageDefault = 100;

/** Unmanaged consumer accounts. Source: https://cloud.google.com/identity/docs/reference/rest/v1/customers.userinvitations */
export function invitationsHandlers({ world, listings }: Simulation): Record<string, Handler> {
  const parent = `customers/${world.profile.customer}/userinvitations`;
  const permitted = (call: Call) => {
    if (!world.profile.invitationsPermitted || param(call, 'customersId') !== world.profile.customer) throw forbidden();
  };
  const resource = (address: string) => ({
    name: `${parent}/${address}`,
    mailsSentCount: world.unmanaged.get(address) === 'NOT_YET_SENT' ? '0' : '1',
    state: world.unmanaged.get(address) ?? 'NOT_YET_SENT',
    updateTime: '2026-01-01T00:00:00Z',
  });
  const list = (call: Call): Result => {
    permitted(call);
    const state = /^state==['"](\w+)['"]$/.exec(call.query.get('filter') ?? '')?.[1]?.toUpperCase();
    const from = function* (after: string): Generator<[string, string]> {
      for (const address of world.unmanagedAddresses.after(after)) {
        if (state === undefined || world.unmanaged.get(address) === state) yield [address, address];
      }
    };
    const size = Math.min(pageMax, Number(call.query.get('pageSize') ?? pageDefault) || pageDefault);
    const page = listings.page(call, size, from);
    return {
      ...(page.items.length > 0 && { userInvitations: page.items.map(resource) }),
      ...(page.nextPageToken !== undefined && { nextPageToken: page.nextPageToken }),
    };
  };
  return {
    'cloudidentity.customers.userinvitations.list': list,
    'cloudidentity.customers.userinvitations.get': (call) => {
      permitted(call);
      const address = param(call, 'userinvitationsId').toLowerCase();
      if (!world.unmanaged.has(address)) {
        throw new Refusal(404, 'notFound', 'Requested entity was not found.', { rpcStatus: 'NOT_FOUND' });
      }
      return resource(address);
    },
    'cloudidentity.customers.userinvitations.isInvitableUser': (call) => {
      permitted(call);
      return { isInvitableUser: world.unmanaged.has(param(call, 'userinvitationsId').toLowerCase()) };
    },
  };
}
