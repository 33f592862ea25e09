import type { ApiName, Method } from './documents.js';
import type { Privilege, Profile } from './profile.js';
import { forbidden, projectNumber, Refusal } from './refusal.js';
import type { Bearer } from './request.js';
import type { World } from './world.js';

const scopePrefix = 'https://www.googleapis.com/auth/';
const classicApis: ReadonlySet<ApiName> = new Set(['calendar', 'groupsSettings']);

/** What the admins of this Google allow: may change while it runs. */
export class Policy {
  private delegated: ReadonlySet<string> | undefined;
  disabledApis: ReadonlySet<ApiName>;
  private readonly missing = new Map<string, ReadonlySet<string>>();

  constructor(profile: Profile) {
    this.delegateOnly(profile.delegatedScopes);
    this.disabledApis = new Set(profile.disabledApis);
    for (const [admin, without] of Object.entries(profile.adminsWithout)) this.withhold(admin, without);
  }

  /** Undefined: every scope. */
  delegateOnly(scopes: readonly string[] | undefined): void {
    this.delegated =
      scopes && new Set(scopes.map((scope) => (scope.includes('://') ? scope : `${scopePrefix}${scope}`)));
  }

  withhold(admin: string, without: readonly Privilege[]): void {
    this.missing.set(admin.toLowerCase(), new Set(without));
  }

  isDelegated(scope: string): boolean {
    return this.delegated === undefined || this.delegated.has(scope);
  }

  refuseDisabled({ api }: Method): void {
    if (!this.disabledApis.has(api.name)) return;
    const help = `https://console.developers.google.com/apis/api/${api.service}/overview?project=${projectNumber}`;
    const message = `${api.title} has not been used in project ${projectNumber} before or it is disabled. Enable it by visiting ${help} then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.`;
    throw new Refusal(403, 'accessNotConfigured', message, {
      domain: 'usageLimits',
      ...(!classicApis.has(api.name) && {
        rpcStatus: 'PERMISSION_DENIED',
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
            reason: 'SERVICE_DISABLED',
            domain: 'googleapis.com',
            metadata: { service: api.service, consumer: `projects/${projectNumber}` },
          },
        ],
      }),
    });
  }

  /** One of the method's scopes is enough. */
  refuseWithoutScope(method: Method, { scopes }: Bearer): void {
    for (const scope of scopes) if (method.scopes.has(scope)) return;
    const challenge = `Bearer realm="https://accounts.google.com/", error="insufficient_scope", scope="${[...method.scopes].join(' ')}"`;
    throw new Refusal(403, 'insufficientPermissions', 'Request had insufficient authentication scopes.', {
      headers: { 'www-authenticate': challenge },
      ...(!classicApis.has(method.api.name) && {
        rpcStatus: 'PERMISSION_DENIED',
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
            reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
            domain: 'googleapis.com',
            metadata: { service: method.api.service, method: method.id },
          },
        ],
      }),
    });
  }

  /** Directory, Licensing, Groups Settings and invitations are for admins, each with its privileges. */
  refuseUnlessAdmin(world: World, method: Method, { subject }: Bearer): void {
    if (method.api.name === 'gmail' || method.api.name === 'calendar') return;
    const user = world.userByAddress.get(subject);
    if (user === undefined || !(user.isAdmin || user.isDelegatedAdmin)) throw forbidden();
    const without = this.missing.get(subject);
    if (without === undefined) return;
    const needed = privilegeOf(method);
    if (needed !== undefined && without.has(needed)) throw forbidden();
  }
}

const privilegeByResource: readonly (readonly [prefix: string, names: readonly (readonly [RegExp, Privilege])[]])[] = [
  [
    'directory.users.',
    [
      [/users\.(get|list)$|aliases\.list$/, 'USERS_RETRIEVE'],
      [/users\.insert$/, 'USERS_CREATE'],
      [/users\.(delete|undelete)$/, 'USERS_DELETE'],
      [/./, 'USERS_UPDATE'],
    ],
  ],
  [
    'directory.orgunits.',
    [
      [/(get|list)$/, 'ORGANIZATION_UNITS_RETRIEVE'],
      [/delete$/, 'ORGANIZATION_UNITS_DELETE'],
      [/./, 'ORGANIZATION_UNITS_CREATE'],
    ],
  ],
  [
    'directory.groups.',
    [
      [/(get|list)$/, 'GROUPS_RETRIEVE'],
      [/insert$/, 'GROUPS_CREATE'],
      [/./, 'GROUPS_DELETE'],
    ],
  ],
  [
    'directory.members.',
    [
      [/(get|list|hasMember)$/, 'GROUPS_RETRIEVE'],
      [/./, 'GROUPS_UPDATE'],
    ],
  ],
  [
    'groupsSettings.',
    [
      [/get$/, 'GROUPS_RETRIEVE'],
      [/./, 'GROUPS_UPDATE'],
    ],
  ],
  ['licensing.', [[/./, 'LICENSING']]],
  ['directory.domains.', [[/./, 'DOMAIN_MANAGEMENT']]],
  ['cloudidentity.', [[/./, 'USER_INVITATIONS']]],
];

function privilegeOf({ id }: Method): Privilege | undefined {
  const names = privilegeByResource.find(([prefix]) => id.startsWith(prefix))?.[1];
  return names?.find(([pattern]) => pattern.test(id))?.[1];
}
