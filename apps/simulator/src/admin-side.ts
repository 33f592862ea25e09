import { z } from 'zod';
import { resource } from './directory.js';
import type { Faults } from './faults.js';
import type { Quotas } from './quotas.js';
import type { User, World } from './world.js';

interface Inside {
  readonly world: World;
  readonly quotas: Quotas;
  readonly calls: ReadonlyMap<string, number>;
  readonly faults: Faults;
}

const plantSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('user'),
    primaryEmail: z.string(),
    givenName: z.string().default(''),
    familyName: z.string().default(''),
    orgUnitPath: z.string().default('/'),
    suspended: z.boolean().default(false),
    isAdmin: z.boolean().default(false),
    aliases: z.array(z.string()).optional(),
    lists: z.record(z.string(), z.unknown()).default({}),
    deleted: z.boolean().default(false),
  }),
  z.object({ kind: z.literal('unmanaged'), address: z.string() }),
]);

const faultsSchema = z.object({
  outage: z.boolean().optional(),
  rates: z.record(z.string(), z.number()).optional(),
  pools: z.record(z.string(), z.number()).optional(),
});

/** What tests and the demo look at and turn; nothing of Google's. Paths begin with /_simulator/. */
export function adminSide(
  inside: Inside,
  method: string,
  url: URL,
  body: string,
): { status: number; body: string; type: string } {
  const json = (value: unknown) => ({ status: 200, body: JSON.stringify(value), type: 'application/json' });
  const { world, quotas, calls, faults } = inside;
  switch (`${method} ${url.pathname.replace('/_simulator/', '')}`) {
    case 'GET users': {
      const start = Number(url.searchParams.get('start') ?? 0);
      const lines = world.addresses().slice(start, start + Number(url.searchParams.get('count') ?? 1_000));
      const groups = groupsByUser(world);
      const text = lines.flatMap((address) => describe(world, groups, world.userByAddress.get(address))).join('\n');
      return { status: 200, body: text, type: 'application/x-ndjson' };
    }
    case 'GET stats':
      return json({
        users: world.usersById.size,
        groups: world.groups.size,
        orgUnits: world.orgUnits.size,
        calendars: world.calendars.size,
        calls: Object.fromEntries(calls),
        quotas: Object.fromEntries(quotas.counts),
        memory: process.memoryUsage(),
      });
    case 'POST seed': {
      let planted = 0;
      for (const line of body.split('\n').filter((text) => text.trim() !== '')) {
        plant(world, plantSchema.parse(JSON.parse(line)));
        planted += 1;
      }
      return json({ planted });
    }
    case 'POST faults': {
      const change = faultsSchema.parse(JSON.parse(body));
      if (change.outage !== undefined) faults.outage = change.outage;
      Object.assign(faults.rates, change.rates ?? {});
      for (const [sku, pool] of Object.entries(change.pools ?? {})) world.pools.set(sku, pool);
      return json({ outage: faults.outage, rates: faults.rates });
    }
    default:
      return { status: 404, body: '{}', type: 'application/json' };
  }
}

function plant(world: World, item: z.infer<typeof plantSchema>): void {
  if (item.kind === 'unmanaged') {
    world.unmanaged.add(item.address.toLowerCase());
    return;
  }
  const { kind: _kind, lists, deleted, aliases, ...account } = item;
  const user = world.plant({
    ...account,
    ...(aliases !== undefined && { aliases: aliases.map((alias) => alias.toLowerCase()) }),
    lists: JSON.stringify(lists),
  });
  if (account.suspended) user.suspensionReason = 'ADMIN';
  if (deleted) world.remove(user);
}

function groupsByUser(world: World): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const group of world.groups.values()) {
    for (const id of group.members.keys()) {
      const list = groups.get(id);
      if (list === undefined) groups.set(id, [group.email]);
      else list.push(group.email);
    }
  }
  return groups;
}

function describe(world: World, groups: ReadonlyMap<string, string[]>, user: User | undefined): string[] {
  if (user === undefined) return [];
  const { language, signature, imap, pop, timeZone, subscriptions, acl, licence } = user;
  return [
    JSON.stringify({
      ...resource(world, user),
      groups: groups.get(user.id) ?? [],
      licence,
      gmail: { language, signature, imap, pop },
      calendar: { timeZone, subscriptions: subscriptions ?? [], acl: acl ?? [] },
    }),
  ];
}
