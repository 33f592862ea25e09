import { failures, type FailureReason } from '#libs/vocabulary';
import type { CallContext } from './caller.js';
import { GoogleCallError } from './errors.js';
import type { Sku } from './licensing.js';
import { directoryScopes, employeeScopes, groupsSettingsScopes, invitationScopes, licensingScopes } from './scopes.js';
import type { Workspace } from './workspace.js';

export interface GoogleFinding {
  /** What was tried: a scope's short name, or an API's read. */
  readonly check: string;
  /** `admin 1`, `admin 2`, … or `canary`: never an address. */
  readonly subject: string;
  readonly state: 'pass' | 'warning' | 'blocker';
  readonly reason?: FailureReason;
  readonly whatToDo?: string;
}

export interface CheckSubjects {
  readonly admins: readonly string[];
  readonly canary?: string | undefined;
  /** A licence whose listing is tried; absent: any that Google knows. */
  readonly licence?: Sku | undefined;
  /** Scopes that a blueprint needs; absent: all that Bascule can use. */
  readonly needed?: readonly string[] | undefined;
}

const shortName = (scope: string) => scope.replace('https://www.googleapis.com/auth/', '');

/** Scopes without which the plan still works, after an admin's word. */
const optionalScopes: readonly string[] = invitationScopes;
const adminScopes = [...directoryScopes, ...licensingScopes, ...groupsSettingsScopes, ...invitationScopes];
const anyLicence: Sku = { productId: 'Google-Apps', skuId: '1010020026' };

/** One harmless read: what it shows to be enabled, delegated and permitted. */
interface Read {
  readonly api: string;
  readonly what?: string;
  /** As the Admin console's API names it. */
  readonly privilege?: string;
  readonly scopes: readonly string[];
  readonly optional?: boolean;
  /** The call names the customer, by the id that the first read answers. */
  readonly ofCustomer?: boolean;
  readonly read: (call: CallContext) => Promise<unknown>;
}

/**
 * Mints one token a scope for each admin and for the canary, and tries one harmless read an API: names the scope, API or
 * privilege that is missing. A token request fails whole if any of its scopes is missing, so each is tried alone.
 */
export async function checkGoogle(workspace: Workspace, subjects: CheckSubjects): Promise<GoogleFinding[]> {
  const { canary, needed } = subjects;
  const isNeeded = (scope: string) => needed?.includes(scope) !== false || optionalScopes.includes(scope);
  const findings: GoogleFinding[] = [];
  for (const [index, admin] of subjects.admins.entries()) {
    const reads = adminReads(workspace, admin, subjects.licence);
    findings.push(...(await checkSubject(workspace, `admin ${index + 1}`, admin, adminScopes.filter(isNeeded), reads)));
  }
  if (canary === undefined) {
    findings.push({
      check: 'an account known to have Gmail and Calendar',
      subject: 'canary',
      state: 'warning',
      whatToDo: 'Set BASCULE_GOOGLE_CANARY, so that a missing scope can be told from a new account.',
    });
    return findings;
  }
  const scopes = employeeScopes.filter(isNeeded);
  findings.push(...(await checkSubject(workspace, 'canary', canary, scopes, employeeReads(workspace, canary, scopes))));
  return findings;
}

async function checkSubject(
  workspace: Workspace,
  subject: string,
  address: string,
  scopes: readonly string[],
  reads: readonly Read[],
): Promise<GoogleFinding[]> {
  const findings: GoogleFinding[] = [];
  const refused = new Set<string>();
  for (const scope of scopes) {
    const found = await tryScope(workspace, subject, address, scope);
    if (found.state !== 'pass') refused.add(scope);
    findings.push(found);
  }
  let customerKnown = true;
  for (const read of reads) {
    if (read.ofCustomer === true && !customerKnown) continue;
    // A scope that is missing would make the read fail for the same cause; one that is not needed is not asked for.
    const possible = read.scopes.every((scope) => scopes.includes(scope) && !refused.has(scope));
    const found = possible ? await tryRead(subject, read) : undefined;
    if (read.what === 'customer') customerKnown = found?.state === 'pass';
    if (found !== undefined) findings.push(found);
  }
  return findings;
}

async function tryScope(workspace: Workspace, subject: string, address: string, scope: string): Promise<GoogleFinding> {
  const check = `scope ${shortName(scope)}`;
  const { tokens } = workspace.caller;
  const request = { subject: address, scopes: [scope] };
  // One that was minted an hour ago says nothing of today.
  tokens.forget(request);
  const refusal = await refusalOf(() => tokens.get(request));
  if (refusal === undefined) return { check, subject, state: 'pass' };
  if (refusal !== 'scope_not_delegated') return finding(check, subject, refusal);
  const add = `Add ${scope} to the service account’s client id under domain-wide delegation in the Admin console, wait some minutes, then check again.`;
  if (!optionalScopes.includes(scope)) return { check, subject, state: 'blocker', reason: refusal, whatToDo: add };
  const whatToDo = `${add} Or accept when planning that unmanaged accounts are not known.`;
  return { check, subject, state: 'warning', reason: refusal, whatToDo };
}

function adminReads(workspace: Workspace, admin: string, licence: Sku | undefined): Read[] {
  const { directory, licensing, groupsSettings, invitations } = workspace;
  const api = 'Admin SDK API';
  const scopes = directoryScopes;
  const reads: Read[] = [
    { api, what: 'customer', scopes, read: (call) => directory.getCustomer(call) },
    { api, what: 'users', privilege: 'USERS_RETRIEVE', scopes, read: (call) => directory.getUser(call, admin) },
    { api, what: 'domains', privilege: 'DOMAIN_MANAGEMENT', scopes, read: (call) => directory.listDomains(call) },
    {
      api,
      what: 'org units',
      privilege: 'ORGANIZATION_UNITS_RETRIEVE',
      scopes,
      read: (call) => directory.listOrgUnits(call),
    },
    { api, what: 'groups', privilege: 'GROUPS_RETRIEVE', scopes, read: (call) => directory.listGroups(call, {}) },
    {
      api: 'Enterprise License Manager API',
      privilege: 'LICENSING',
      scopes: licensingScopes,
      ofCustomer: true,
      read: (call) => licensing.list(call, licence ?? anyLicence, {}),
    },
    {
      api: 'Groups Settings API',
      privilege: 'GROUPS_RETRIEVE',
      scopes: groupsSettingsScopes,
      read: (call) => groupsSettings.get(call, `bascule-check@${admin.split('@')[1] ?? ''}`),
    },
    {
      api: 'Cloud Identity API',
      privilege: 'USER_INVITATIONS',
      scopes: invitationScopes,
      optional: true,
      ofCustomer: true,
      read: (call) => invitations.list(call, {}),
    },
  ];
  return reads.map((one) => ({ ...one, read: (call) => one.read({ ...call, admin }) }));
}

function employeeReads({ gmail, calendar }: Workspace, canary: string, needed: readonly string[]): Read[] {
  const call = { employeeScopes: needed };
  const ofCalendar = needed.filter((scope) => shortName(scope).startsWith('calendar'));
  const ofGmail = employeeScopes.filter((scope) => shortName(scope).startsWith('gmail'));
  const reads: Read[] = [
    { api: 'Gmail API', scopes: [...ofGmail, ...needed], read: () => gmail.getLanguage(call, canary) },
  ];
  if (ofCalendar.length === 0) return reads;
  return [...reads, { api: 'Google Calendar API', scopes: needed, read: () => calendar.probe(call, canary) }];
}

/** Answers that only say that there is nothing of that name: the API works. */
const answers: readonly FailureReason[] = ['group_missing', 'licence_missing', 'licensing_misconfigured'];

async function tryRead(subject: string, { api, what, privilege, optional, read }: Read): Promise<GoogleFinding> {
  const check = what === undefined ? api : `${api}: ${what}`;
  const refusal = await refusalOf(() => read({}));
  if (refusal === undefined || answers.includes(refusal)) return { check, subject, state: 'pass' };
  const found = finding(check, subject, refusal);
  const state = optional === true ? 'warning' : found.state;
  if (refusal === 'api_disabled') {
    const whatToDo = `Enable the ${api} in the service account’s Google Cloud project, wait some minutes, then check again.`;
    return { ...found, state, whatToDo };
  }
  if (refusal === 'admin_privilege_missing' && privilege !== undefined) {
    return { ...found, state, whatToDo: `Give the admin a role with the privilege ${privilege}, then check again.` };
  }
  return { ...found, state };
}

const finding = (check: string, subject: string, reason: FailureReason): GoogleFinding => ({
  check,
  subject,
  state: 'blocker',
  reason,
  whatToDo: `${failures[reason].summary} ${failures[reason].whatToDo}`,
});

const triesMax = 4;

/** Why Google refuses; undefined when it does not. What fails in passing is tried again. */
async function refusalOf(attempt: () => Promise<unknown>): Promise<FailureReason | undefined> {
  for (let tries = 1; ; tries += 1) {
    try {
      await attempt();
      return undefined;
    } catch (error) {
      if (!(error instanceof GoogleCallError)) throw error;
      if (failures[error.reason].kind !== 'retry' || tries >= triesMax) return error.reason;
    }
  }
}
