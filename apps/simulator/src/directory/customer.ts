import type { OrgUnit } from '../account.js';
import { forbidden, invalid, Refusal } from '../refusal.js';
import { textIn } from '../json.js';
import { Nothing, param, type Call, type Handler, type Result } from '../request.js';
import type { Simulation } from '../simulation.js';

/** The customer, its domains and org units. Source: https://developers.google.com/workspace/admin/directory/reference/rest/v1/orgunits */
export function customerHandlers(simulation: Simulation): Record<string, Handler> {
  const customer = new CustomerSide(simulation);
  return {
    'directory.customers.get': (call) => customer.get(call),
    'directory.domains.list': () => customer.domains(),
    'directory.orgunits.insert': (call) => customer.insertOrgUnit(call),
    'directory.orgunits.get': (call) => unitResource(customer.unitAt(param(call, 'orgUnitPath'))),
    'directory.orgunits.list': (call) => customer.listOrgUnits(call),
    'directory.orgunits.delete': (call) => customer.deleteOrgUnit(call),
  };
}

/** The calls that name a customer must name this one. */
export function refuseOtherCustomer(simulation: Simulation, { method, params, query }: Call): void {
  if (method.api.name !== 'directory') return;
  const named = params['customer'] ?? params['customerId'] ?? query.get('customer');
  if (named === undefined || named === null) return;
  if (named !== 'my_customer' && named !== simulation.world.profile.customer) throw forbidden();
}

const depthMax = 35;
const unitsMax = 40_000;

class CustomerSide {
  constructor(private readonly simulation: Simulation) {}

  get(call: Call): Result {
    const { customer, domains } = this.simulation.world.profile;
    const [primary = ''] = domains;
    if (!['my_customer', customer, primary].includes(param(call, 'customerKey'))) throw forbidden();
    return {
      kind: 'admin#directory#customer',
      id: customer,
      etag: `"${customer}"`,
      customerDomain: primary,
      customerCreationTime: '2026-01-01T00:00:00.000Z',
      language: 'en',
      postalAddress: { countryCode: 'DE' },
    };
  }

  domains(): Result {
    const domains = this.simulation.world.profile.domains.map((domainName, index) => ({
      kind: 'admin#directory#domain',
      etag: `"${domainName}"`,
      domainName,
      verified: true,
      isPrimary: index === 0,
      creationTime: String(Date.UTC(2026, 0, 1)),
    }));
    return { kind: 'admin#directory#domains', domains };
  }

  insertOrgUnit({ body }: Call): Result {
    const { world } = this.simulation;
    const { orgUnitWritesPerSecond } = world.profile.quotas;
    this.simulation.quotas.perSecond('orgUnitWrites', '', orgUnitWritesPerSecond, 429, 'rateLimitExceeded');
    const parentId = textIn(body, 'parentOrgUnitId');
    const parentPath =
      textIn(body, 'parentOrgUnitPath') ?? [...world.orgUnits.values()].find(({ id }) => id === parentId)?.path;
    const name = textIn(body, 'name') ?? '';
    if (parentPath === undefined && parentId === undefined) {
      throw new Refusal(400, 'required', 'Missing required field: parentOrgUnitPath');
    }
    const parent = parentPath === undefined ? undefined : this.simulation.world.orgUnit(parentPath);
    if (parent === undefined) throw new Refusal(400, 'invalid', 'Invalid Parent Orgunit Id');
    if (name === '' || name.includes('/') || name.length > 256) throw invalid('name');
    const path = `${parent.path === '/' ? '' : parent.path}/${name}`;
    if (world.orgUnits.has(path.toLowerCase())) throw new Refusal(400, 'invalid', 'Invalid Ou Id');
    if (path.split('/').length - 1 > depthMax || world.orgUnits.size > unitsMax) throw invalid('orgUnitPath');
    const unit = {
      id: world.nextId('id:'),
      path,
      description: textIn(body, 'description') ?? '',
      createdAt: world.now(),
    };
    world.orgUnits.set(path.toLowerCase(), unit);
    return unitResource(unit);
  }

  unitAt(path: string): OrgUnit {
    const unit = path.startsWith('id:')
      ? [...this.simulation.world.orgUnits.values()].find(({ id }) => id === path)
      : this.simulation.world.orgUnit(`/${path}`);
    if (unit === undefined) throw new Refusal(404, 'notFound', 'Org unit not found');
    return unit;
  }

  listOrgUnits(call: Call): Result {
    const top = call.query.get('orgUnitPath') ?? '/';
    const type = call.query.get('type') ?? 'children';
    const parent = this.unitAt(top.replace(/^\//, ''));
    const below = (path: string) => path.startsWith(parent.path === '/' ? '/' : `${parent.path}/`);
    const direct = (path: string) => parentOf(path) === parent.path;
    const units = [...this.simulation.world.orgUnits.values()].filter(({ path }) => {
      if (path === parent.path) return type === 'allIncludingParent';
      return below(path) && (type !== 'children' || direct(path)) && this.simulation.world.orgUnit(path) !== undefined;
    });
    return {
      kind: 'admin#directory#orgUnits',
      ...(units.length > 0 && { organizationUnits: units.map(unitResource) }),
    };
  }

  deleteOrgUnit(call: Call): Result {
    const { world } = this.simulation;
    const unit = this.unitAt(param(call, 'orgUnitPath'));
    const isUsed = [...world.usersById.values()].some(({ orgUnitPath }) => orgUnitPath === unit.path);
    const hasChildren = [...world.orgUnits.values()].some(
      ({ path }) => path !== unit.path && parentOf(path) === unit.path,
    );
    if (isUsed || hasChildren || unit.path === '/') {
      throw new Refusal(412, 'conditionNotMet', 'Org unit is not empty');
    }
    world.orgUnits.delete(unit.path.toLowerCase());
    return new Nothing();
  }
}

const parentOf = (path: string) => path.slice(0, path.lastIndexOf('/')) || '/';

const unitResource = (unit: OrgUnit) => ({
  kind: 'admin#directory#orgUnit',
  etag: `"${unit.id}"`,
  orgUnitId: unit.id,
  orgUnitPath: unit.path,
  name: unit.path.slice(unit.path.lastIndexOf('/') + 1),
  ...(unit.path !== '/' && { parentOrgUnitPath: parentOf(unit.path) }),
  description: unit.description,
});
