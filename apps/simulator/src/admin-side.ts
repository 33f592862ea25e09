import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { z } from 'zod';
import type { User } from './account.js';
import { apiNames } from './documents.js';
import { lieSchema } from './listings.js';
import { privileges, stormSchema } from './profile.js';
import type { Simulation } from './simulation.js';
import type { Tally } from './tally.js';
import type { Tokens } from './token.js';
import { userWriter } from './user-text.js';
import type { World } from './world.js';

/** What the program itself needs, before anybody is there. */
const heapAtStart = process.memoryUsage().heapUsed;

interface Inside {
  readonly simulation: Simulation;
  readonly tally: Tally;
  readonly tokens: Tokens;
}

const plantSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('user'),
    primaryEmail: z.string(),
    givenName: z.string().default(''),
    familyName: z.string().default(''),
    orgUnitPath: z.string().default('/'),
    suspended: z.boolean().default(false),
    /** `ADMIN` unless said otherwise; `ABUSE` is one that no admin can lift. */
    suspensionReason: z.string().optional(),
    archived: z.boolean().optional(),
    isAdmin: z.boolean().default(false),
    isDelegatedAdmin: z.boolean().default(false),
    aliases: z.array(z.string()).optional(),
    /** `product/sku` of each; absent: automatic licensing, if it is on. */
    licences: z.array(z.string()).optional(),
    lists: z.record(z.string(), z.unknown()).default({}),
    deleted: z.boolean().default(false),
  }),
  z.object({
    kind: z.literal('unmanaged'),
    address: z.string(),
    state: z.enum(['NOT_YET_SENT', 'INVITED', 'ACCEPTED', 'DECLINED']).default('NOT_YET_SENT'),
  }),
]);

const faultsSchema = z.strictObject({
  /** True: every API (not the token endpoint); names: those. */
  outage: z.union([z.boolean(), z.array(z.enum([...apiNames, 'token']))]).optional(),
  rates: z.record(z.string(), z.number()).optional(),
  latencyMs: z.tuple([z.number().min(0), z.number().min(0)]).optional(),
  /** Null: all storms are over. */
  storm: stormSchema.nullable().optional(),
  /** Licence pools by `product/sku`. */
  pools: z.record(z.string(), z.number()).optional(),
  seats: z.number().int().optional(),
  /** By method id; null: the truth again. */
  listings: z.record(z.string(), lieSchema.nullable()).optional(),
  /** Null: all scopes. */
  delegatedScopes: z.array(z.string()).nullable().optional(),
  disabledApis: z.array(z.enum(apiNames)).optional(),
  adminsWithout: z.record(z.string(), z.array(z.enum(privileges))).optional(),
  /** Every token given so far is refused. */
  revokeTokens: z.literal(true).optional(),
  quotaUserHonoured: z.boolean().optional(),
  poison: z
    .strictObject({
      invalidInsert: z.array(z.string()).optional(),
      mailboxNever: z.array(z.string()).optional(),
      mailboxSlow: z.array(z.string()).optional(),
      calendarForbidden: z.array(z.string()).optional(),
    })
    .optional(),
});

interface Side {
  readonly status: number;
  readonly body: string;
  readonly type: string;
}

const json = (value: unknown, status = 200): Side => ({
  status,
  body: JSON.stringify(value),
  type: 'application/json',
});
const ndjson = (rows: readonly unknown[]): Side => ({
  status: 200,
  body: rows.map((row) => JSON.stringify(row)).join('\n'),
  type: 'application/x-ndjson',
});

/** What tests and the demo look at and turn; nothing of Google's. Paths begin with /_simulator/. */
export function adminSide(inside: Inside, method: string, url: URL, body: string): Side {
  const { world } = inside.simulation;
  try {
    switch (`${method} ${url.pathname.replace('/_simulator/', '')}`) {
      case 'GET users':
        return users(world, Number(url.searchParams.get('start') ?? 0), Number(url.searchParams.get('count') ?? 1_000));
      case 'GET groups':
        return ndjson([...world.groups.values()].map((group) => groupRow(world, group.email)));
      case 'GET calendars':
        return ndjson([...world.calendars.values()]);
      case 'GET evictions':
        return ndjson(world.evicted.map((address) => ({ address })));
      case 'GET stats':
        if (url.searchParams.has('collect')) collectGarbage();
        return json(stats(inside));
      case 'POST seed': {
        const lines = body.split('\n').filter((line) => line.trim() !== '');
        const items = lines.map((line) => plantSchema.parse(JSON.parse(line)));
        for (const item of items) plant(world, item);
        return json({ planted: items.length });
      }
      case 'POST faults':
        change(inside, faultsSchema.parse(JSON.parse(body)));
        return json(present(inside.simulation));
      default:
        return json({}, 404);
    }
  } catch (error) {
    return json({ error: error instanceof Error ? error.message : String(error) }, 400);
  }
}

function stats({ simulation, tally }: Inside): unknown {
  const { world, quotas } = simulation;
  const { user, system } = process.cpuUsage();
  return {
    users: world.usersById.size,
    deleted: world.deleted.size,
    groups: world.groups.size,
    orgUnits: world.orgUnits.size,
    calendars: world.calendars.size,
    unmanaged: world.unmanaged.size,
    /** Consumer accounts whose address a plain insert took. */
    evicted: world.evicted.length,
    /** Mails that Calendar sent to grantees. */
    aclMails: world.aclMails,
    licences: Object.fromEntries(
      [...world.pools].map(([sku, pool]) => [sku, { pool, used: world.licenseesOf(sku).size }]),
    ),
    requests: tally.total,
    calls: Object.fromEntries(tally.byPath),
    methods: Object.fromEntries(tally.byMethod),
    quotas: Object.fromEntries(quotas.counts),
    inFlight: Object.fromEntries(quotas.inFlight),
    memory: process.memoryUsage(),
    heapAtStart,
    cpu: { userMs: user / 1_000, systemMs: system / 1_000 },
  };
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
}

type Item = z.infer<typeof plantSchema>;

function plant(world: World, item: Item): void {
  if (item.kind === 'unmanaged') {
    world.plantUnmanaged(item.address.toLowerCase(), item.state);
    return;
  }
  const { kind: _kind, lists, deleted, aliases, licences, ...account } = item;
  const user = world.plant({
    ...account,
    ...(account.suspended && { suspensionReason: account.suspensionReason ?? 'ADMIN' }),
    ...(aliases !== undefined && { aliases: aliases.map((alias) => alias.toLowerCase()) }),
    ...(licences !== undefined && { licences }),
    fields: Object.fromEntries(Object.entries(lists).map(([name, value]) => [name, JSON.stringify(value)])),
  });
  if (licences?.length === 0) for (const sku of user.licences) world.withdraw(user, sku);
  if (deleted) world.remove(user);
}

function change({ simulation, tokens }: Inside, asked: z.infer<typeof faultsSchema>): void {
  const { world, faults, policy, listings } = simulation;
  if (typeof asked.outage === 'boolean') faults.down = new Set(asked.outage ? apiNames : []);
  else if (asked.outage !== undefined) faults.down = new Set(asked.outage);
  Object.assign(faults.rates, asked.rates ?? {});
  if (asked.latencyMs !== undefined) faults.latencyMs = asked.latencyMs;
  if (asked.storm === null) faults.calm();
  else if (asked.storm !== undefined) faults.raise(asked.storm, world.now());
  for (const [sku, pool] of Object.entries(asked.pools ?? {})) world.pools.set(sku, pool);
  if (asked.seats !== undefined) world.seats = asked.seats;
  for (const [listing, lie] of Object.entries(asked.listings ?? {})) listings.lie(listing, lie ?? undefined);
  if (asked.delegatedScopes !== undefined) policy.delegateOnly(asked.delegatedScopes ?? undefined);
  if (asked.disabledApis !== undefined) policy.disabledApis = new Set(asked.disabledApis);
  for (const [admin, without] of Object.entries(asked.adminsWithout ?? {})) policy.withhold(admin, without);
  if (asked.revokeTokens === true) tokens.revokeAll();
  if (asked.quotaUserHonoured !== undefined) world.profile.quotaUserHonoured = asked.quotaUserHonoured;
  Object.assign(world.profile.poison, asked.poison ?? {});
}

function present({ faults, policy, listings, world }: Simulation): unknown {
  return {
    outage: faults.down.size > 0,
    down: [...faults.down],
    rates: faults.rates,
    latencyMs: faults.latencyMs,
    listings: listings.told,
    disabledApis: [...policy.disabledApis],
    seats: world.seats,
    pools: Object.fromEntries(world.pools),
    poison: world.profile.poison,
  };
}

function groupRow(world: World, email: string): unknown {
  const group = world.groups.get(email);
  if (group === undefined) return {};
  return {
    email,
    name: group.name,
    members: group.size,
    settings: Object.fromEntries(group.settings),
  };
}

function users(world: World, start: number, count: number): Side {
  const page = world.addresses.slice(start, start + count).flatMap((address) => world.userByAddress.get(address) ?? []);
  const groups = groupsOf(world, new Set(page.map(({ id }) => id)));
  return {
    status: 200,
    body: page.map((user) => describe(world, groups.get(user.id) ?? [], user)).join('\n'),
    type: 'application/x-ndjson',
  };
}

function groupsOf(world: World, wanted: ReadonlySet<string>): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const group of world.groups.values()) {
    for (const id of group.ids()) {
      if (!wanted.has(id)) continue;
      const list = groups.get(id);
      if (list === undefined) groups.set(id, [group.email]);
      else list.push(group.email);
    }
  }
  return groups;
}

function describe(world: World, groups: readonly string[], user: User): string {
  const { language, signature, imap, pop, timeZone, subscriptions, acl, licences } = user;
  const more = {
    groups,
    licence: licences[0],
    licences,
    gmail: { language, signature, imap, pop: pop?.split(' ')[0] },
    calendar: { timeZone, subscriptions: subscriptions ?? [], acl: acl ?? [] },
  };
  return `${userWriter('all')(world, user).slice(0, -1)},${JSON.stringify(more).slice(1)}`;
}
