import { failures, type FailureReason } from '#libs/vocabulary';
import type { CallContext } from './caller.js';
import { GoogleCallError } from './errors.js';
import { directoryScopes, employeeScopes, groupsSettingsScopes, invitationScopes, licensingScopes } from './scopes.js';
import type { Sku } from './licensing.js';
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

const shortName = (scope: string) => scope.replace('https://www.googleapis.com/auth/', '');

/** Scopes without which the plan still works, after an admin's word. */
const optionalScopes: readonly string[] = invitationScopes;

/**
 * Mints one token a scope for each admin and for the canary, and tries one harmless read an API: names the scope, API or
 * privilege that is missing. A token request fails whole if any of its scopes is missing, so each is tried alone.
 */
export async function checkGoogle(
  workspace: Workspace,
  subjects: { admins: readonly string[]; canary?: string | undefined; licence?: Sku | undefined },
): Promise<GoogleFinding[]> {
  const findings: GoogleFinding[] = [];
  const adminScopes = [...directoryScopes, ...licensingScopes, ...groupsSettingsScopes, ...invitationScopes];
  for (const [index, admin] of subjects.admins.entries()) {
    for (const scope of adminScopes) {
      findings.push(await tryScope(workspace, `admin ${index + 1}`, admin, scope));
    }
  }
  if (subjects.canary === undefined) {
    findings.push({
      check: 'an account known to have Gmail and Calendar',
      subject: 'canary',
      state: 'warning',
      whatToDo: 'Set BASCULE_GOOGLE_CANARY, so that a missing scope can be told from a new account.',
    });
  } else {
    for (const scope of employeeScopes) findings.push(await tryScope(workspace, 'canary', subjects.canary, scope));
  }
  // A scope that is missing would make every read fail for the same cause.
  if (findings.some(({ state }) => state === 'blocker')) return findings;
  return [...findings, ...(await tryReads(workspace, subjects))];
}

async function tryScope(workspace: Workspace, subject: string, address: string, scope: string): Promise<GoogleFinding> {
  const check = `scope ${shortName(scope)}`;
  const found = await tryIt(check, subject, () => workspace.caller.tokens.get({ subject: address, scopes: [scope] }));
  if (found.state === 'pass' || !optionalScopes.includes(scope)) return found;
  return {
    ...found,
    state: 'warning',
    whatToDo: 'Delegate it, or accept when planning that unmanaged accounts are not known.',
  };
}

async function tryReads(
  workspace: Workspace,
  subjects: { canary?: string | undefined; licence?: Sku | undefined },
): Promise<GoogleFinding[]> {
  const call: CallContext = {};
  const { canary, licence } = subjects;
  const reads: [check: string, subject: string, read: () => Promise<unknown>][] = [
    ['Directory API: customer', 'admin 1', () => workspace.directory.getCustomer(call)],
    ['Directory API: domains', 'admin 1', () => workspace.directory.listDomains(call)],
    ['Directory API: org units', 'admin 1', () => workspace.directory.listOrgUnits(call)],
    ['Directory API: groups', 'admin 1', () => workspace.directory.listGroups(call, {})],
  ];
  if (licence !== undefined) {
    reads.push(['Enterprise License Manager API', 'admin 1', () => workspace.licensing.list(call, licence, {})]);
  }
  if (canary !== undefined) {
    reads.push(['Gmail API', 'canary', () => workspace.gmail.getLanguage(call, canary)]);
    reads.push(['Google Calendar API', 'canary', () => workspace.calendar.getCalendar(call, canary, 'primary')]);
  }
  const findings: GoogleFinding[] = [];
  for (const [check, subject, read] of reads) findings.push(await tryIt(check, subject, read));
  return findings;
}

const triesMax = 4;

async function tryIt(check: string, subject: string, attempt: () => Promise<unknown>): Promise<GoogleFinding> {
  for (let tries = 1; ; tries += 1) {
    try {
      await attempt();
      return { check, subject, state: 'pass' };
    } catch (error) {
      if (!(error instanceof GoogleCallError)) throw error;
      if (failures[error.reason].kind === 'retry' && tries < triesMax) continue;
      return {
        check,
        subject,
        state: 'blocker',
        reason: error.reason,
        whatToDo: `${failures[error.reason].summary} ${failures[error.reason].whatToDo}`,
      };
    }
  }
}
