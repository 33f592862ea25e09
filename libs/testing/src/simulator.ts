import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { firstLine, launch } from './processes.js';

const readySchema = z.object({ apiRoot: z.url() });
const statsSchema = z.looseObject({
  users: z.number(),
  calls: z.record(z.string(), z.number()),
  quotas: z.record(z.string(), z.looseObject({ accepted: z.number(), rejected: z.number(), limit: z.number() })),
});

/** One account as the simulated Google holds it, with what belongs to it elsewhere. */
const heldAccountSchema = z.looseObject({
  id: z.string(),
  primaryEmail: z.string(),
  name: z.looseObject({ givenName: z.string(), familyName: z.string() }),
  orgUnitPath: z.string(),
  suspended: z.boolean(),
  isMailboxSetup: z.boolean(),
  aliases: z.array(z.string()).default([]),
  externalIds: z
    .array(z.looseObject({ type: z.string(), value: z.string(), customType: z.string().optional() }))
    .default([]),
  relations: z.array(z.looseObject({ type: z.string(), value: z.string() })).default([]),
  groups: z.array(z.string()),
  licence: z.string().optional(),
  gmail: z.looseObject({
    language: z.string().optional(),
    signature: z.string().optional(),
    imap: z.boolean().optional(),
    pop: z.string().optional(),
  }),
  calendar: z.looseObject({
    timeZone: z.string().optional(),
    subscriptions: z.array(z.string()),
    acl: z.array(z.object({ role: z.string(), scope: z.object({ type: z.string(), value: z.string().optional() }) })),
  }),
});
export type HeldAccount = z.infer<typeof heldAccountSchema>;

/** A simulated Google Workspace of one test's own, in a process of its own. */
export interface TestSimulator {
  readonly apiRoot: string;
  /** A service account's key file whose `token_uri` is the simulator's. */
  readonly keyFile: string;
  /** Every account, page by page. */
  accounts(): Promise<HeldAccount[]>;
  stats(): Promise<z.infer<typeof statsSchema>>;
  /** Plants accounts that were there before: see plantSchema of the simulator's admin side. */
  plant(items: readonly Readonly<Record<string, unknown>>[]): Promise<void>;
  /** Turns faults on and off while it runs: see faultsSchema of the simulator's admin side. */
  faults(change: Readonly<Record<string, unknown>>): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a simulated Workspace. `profile` names one of config/simulator; `changes` are merged over it, top-level key by
 * key, objects one level deep.
 */
export async function startSimulator(
  options: {
    profile?: string;
    changes?: Readonly<Record<string, unknown>>;
    timeScale?: number;
    seed?: number;
  } = {},
): Promise<TestSimulator> {
  const folder = mkdtempSync(join(tmpdir(), 'bascule-simulator-'));
  const keyFile = join(folder, 'key.json');
  const profileFile = join(folder, 'profile.yaml');
  writeFileSync(profileFile, stringify(profileOf(options.profile ?? 'quiet', options.changes ?? {})));
  const words = {
    profile: profileFile,
    'key-file': keyFile,
    'time-scale': options.timeScale ?? 20,
    seed: options.seed ?? 1,
  };
  const args = Object.entries(words).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const started = launch('simulator', args, {});
  const { apiRoot } = readySchema.parse(JSON.parse(await firstLine(started)));
  const post = async (path: string, body: string) => {
    const response = await fetch(`${apiRoot}/_simulator/${path}`, { method: 'POST', body });
    if (!response.ok) throw new Error(`the simulator answered ${response.status}: ${await response.text()}`);
  };
  return {
    apiRoot,
    keyFile,
    accounts: () => readAccounts(apiRoot),
    stats: async () => statsSchema.parse(await (await fetch(`${apiRoot}/_simulator/stats`)).json()),
    plant: (items) => post('seed', items.map((item) => JSON.stringify(item)).join('\n')),
    faults: (change) => post('faults', JSON.stringify(change)),
    stop: async () => {
      await started.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const profilesFolder = new URL('../../../config/simulator/', import.meta.url);
const profileSchema = z.record(z.string(), z.unknown());

function profileOf(name: string, changes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const profile = profileSchema.parse(parse(readFileSync(new URL(`${name}.yaml`, profilesFolder), 'utf8')));
  const isRecord = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  for (const [key, value] of Object.entries(changes)) {
    const present = profile[key];
    profile[key] = isRecord(present) && isRecord(value) ? { ...present, ...value } : value;
  }
  return profile;
}

const pageSize = 2_000;

async function readAccounts(apiRoot: string): Promise<HeldAccount[]> {
  const accounts: HeldAccount[] = [];
  for (let start = 0; ; start += pageSize) {
    const response = await fetch(`${apiRoot}/_simulator/users?start=${start}&count=${pageSize}`);
    const lines = (await response.text()).split('\n').filter((line) => line !== '');
    accounts.push(...lines.map((line) => heldAccountSchema.parse(JSON.parse(line))));
    if (lines.length < pageSize) return accounts;
  }
}
