import type { User } from './account.js';
import { masked, maskOf, type Mask } from './field-mask.js';
import type { World } from './world.js';

/** The user resource is written as text, field by field: it is the reply that Google gives most often. */
type FieldText = (world: World, user: User) => string | undefined;

const timeOf = (seconds: number) =>
  new Date(Date.UTC(2026, 0, 1) + Math.max(0, Math.round(seconds * 1_000))).toISOString();

const text = JSON.stringify;

const fieldTexts: ReadonlyMap<string, FieldText> = new Map<string, FieldText>([
  ['kind', () => '"admin#directory#user"'],
  ['id', (_world, { id }) => `"${id}"`],
  ['etag', (_world, { id, changedAt }) => text(`"${id}/${Math.floor(changedAt * 1_000)}"`)],
  ['primaryEmail', (_world, { primaryEmail }) => text(primaryEmail)],
  ['name', (_world, user) => text(nameOf(user))],
  ['isAdmin', (_world, { isAdmin }) => String(isAdmin)],
  ['isDelegatedAdmin', (_world, { isDelegatedAdmin }) => String(isDelegatedAdmin)],
  ['creationTime', (_world, { createdAt }) => `"${timeOf(createdAt)}"`],
  ['deletionTime', (_world, { deletedAt }) => (deletedAt === undefined ? undefined : `"${timeOf(deletedAt)}"`)],
  ['agreedToTerms', (_world, { createdAt }) => String(createdAt < 0)],
  ['suspended', (_world, { suspended }) => String(suspended)],
  ['suspensionReason', (_world, { suspensionReason }) => suspensionReason && text(suspensionReason)],
  ['archived', (_world, { archived }) => String(archived === true)],
  ['emails', (_world, user) => text(emailsOf(user))],
  ['aliases', (_world, { aliases }) => (aliases === undefined || aliases.length === 0 ? undefined : text(aliases))],
  ['customerId', (world) => text(world.profile.customer)],
  ['orgUnitPath', (_world, { orgUnitPath }) => text(orgUnitPath)],
  ['isMailboxSetup', (world, user) => String(world.mailboxReady(user))],
  ['isEnrolledIn2Sv', () => 'false'],
  ['isEnforcedIn2Sv', () => 'false'],
  ...[
    'externalIds',
    'organizations',
    'relations',
    'phones',
    'languages',
    'locations',
    'addresses',
    'ims',
    'keywords',
    'websites',
    'gender',
    'notes',
    'posixAccounts',
    'sshPublicKeys',
    'customSchemas',
    'recoveryEmail',
    'recoveryPhone',
    'changePasswordAtNextLogin',
    'includeInGlobalAddressList',
    'ipWhitelisted',
  ].map((name): [string, FieldText] => [name, (_world, { fields }) => fields[name]]),
]);

/** Fields that a custom schema holds are shown under `projection=full` only. */
const fullOnly = new Set(['customSchemas']);

function nameOf({ givenName, familyName }: User) {
  return { givenName, familyName, fullName: `${givenName} ${familyName}` };
}

function emailsOf(user: User): unknown[] {
  const secondary: unknown = user.fields['emails'] === undefined ? [] : JSON.parse(user.fields['emails']);
  return [
    { address: user.primaryEmail, primary: true },
    ...(user.aliases ?? []).map((address) => ({ address })),
    ...(Array.isArray(secondary) ? secondary : []),
  ];
}

type Writer = (world: World, user: User) => string;

const maskedWriters = new WeakMap<Mask, Writer>();

/** A writer of user resources under a mask. */
export function userWriter(mask: Mask | 'all', projection: string | null = 'full'): Writer {
  if (mask === 'all') return projection === 'full' ? fullWriter : basicWriter;
  let writer = maskedWriters.get(mask);
  if (writer === undefined) maskedWriters.set(mask, (writer = makeWriter(mask, true)));
  return writer;
}

function makeWriter(mask: Mask | 'all', full: boolean): Writer {
  const parts = [...fieldTexts].flatMap(([name, write]): [string, FieldText][] => {
    const below = maskOf(mask, name);
    if (below === undefined || (!full && fullOnly.has(name))) return [];
    const label = `"${name}":`;
    if (below === 'all') return [[label, write]];
    return [[label, (world, user) => under(below, write(world, user))]];
  });
  return (world, user) => {
    let out = '';
    for (const [label, write] of parts) {
      const value = write(world, user);
      if (value !== undefined) out += out === '' ? label + value : `,${label}${value}`;
    }
    return `{${out}}`;
  };
}

const under = (mask: Mask, json: string | undefined) =>
  json === undefined ? undefined : JSON.stringify(masked(JSON.parse(json), mask));

const fullWriter = makeWriter('all', true);
const basicWriter = makeWriter('all', false);
