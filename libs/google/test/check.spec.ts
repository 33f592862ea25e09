import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkGoogle, openWorkspace, readServiceAccountKey, type GoogleFinding } from '#libs/google';
import { startSimulator, type TestSimulator } from '#libs/testing';
import { freePermits } from './scripted-google.js';

const domain = 'bascule-retail.example';
const admins = [`admin1@${domain}`, `admin2@${domain}`];
const canary = `admin@${domain}`;
let simulator: TestSimulator;

beforeAll(async () => {
  simulator = await startSimulator();
});
afterAll(() => simulator.stop());

/** What is amiss when this much of the customer's settings is as given. */
async function amiss(
  settings: Readonly<Record<string, unknown>>,
  needed?: readonly string[],
): Promise<GoogleFinding[]> {
  await simulator.faults({
    delegatedScopes: null,
    disabledApis: [],
    adminsWithout: { [admins[1] ?? '']: [] },
    ...settings,
  });
  const workspace = openWorkspace({
    apiRoot: simulator.apiRoot,
    credentials: readServiceAccountKey(simulator.keyFile),
    admins,
    customer: 'my_customer',
    permits: freePermits().permits,
    callTimeoutMs: 10_000,
  });
  try {
    const findings = await checkGoogle(workspace, { admins, canary, needed });
    expect(JSON.stringify(findings)).not.toContain('@');
    return findings.filter(({ state }) => state !== 'pass');
  } finally {
    await workspace.close();
  }
}

const names = [
  'admin.directory.user',
  'admin.directory.orgunit',
  'admin.directory.group',
  'admin.directory.group.member',
  'admin.directory.domain.readonly',
  'admin.directory.customer.readonly',
  'apps.licensing',
  'apps.groups.settings',
  'cloud-identity.userinvitations.readonly',
  'gmail.settings.basic',
  'calendar.calendars',
  'calendar.calendarlist',
  'calendar.acls',
];
const scopes = names.map((name) => `https://www.googleapis.com/auth/${name}`);
const isOfEmployees = (scope: string) => /gmail|calendar/.test(scope);

describe('the check of Google', () => {
  it('finds nothing amiss where everything is given', async () => {
    expect(await amiss({})).toEqual([]);
  });

  it.each(scopes)('names %s when it is not delegated, and nothing else', async (missing) => {
    const found = await amiss({ delegatedScopes: scopes.filter((scope) => scope !== missing) });
    const subjects = isOfEmployees(missing) ? ['canary'] : ['admin 1', 'admin 2'];
    expect(found.map(({ subject }) => subject)).toEqual(subjects);
    for (const { check, state, whatToDo } of found) {
      expect(check).toBe(`scope ${missing.split('/auth/')[1]}`);
      expect(state).toBe(missing.includes('userinvitations') ? 'warning' : 'blocker');
      expect(whatToDo).toContain(`Add ${missing} `);
    }
  });

  it.each([
    ['directory', 'Admin SDK API', 'blocker'],
    ['licensing', 'Enterprise License Manager API', 'blocker'],
    ['groupsSettings', 'Groups Settings API', 'blocker'],
    ['invitations', 'Cloud Identity API', 'warning'],
    ['gmail', 'Gmail API', 'blocker'],
    ['calendar', 'Google Calendar API', 'blocker'],
  ])('names the API when %s is not enabled', async (api, title, state) => {
    const found = await amiss({ disabledApis: [api] });
    expect(found.length).toBeGreaterThan(0);
    for (const one of found) {
      expect(one).toMatchObject({ state, reason: 'api_disabled' });
      expect(one.check.startsWith(title)).toBe(true);
      expect(one.whatToDo).toContain(`Enable the ${title}`);
    }
  });

  it.each([
    ['USERS_RETRIEVE', 'Admin SDK API: users'],
    ['ORGANIZATION_UNITS_RETRIEVE', 'Admin SDK API: org units'],
    ['LICENSING', 'Enterprise License Manager API'],
    ['DOMAIN_MANAGEMENT', 'Admin SDK API: domains'],
  ])('names the privilege %s and the admin who lacks it', async (privilege, check) => {
    const found = await amiss({ adminsWithout: { [admins[1] ?? '']: [privilege] } });
    expect(found).toEqual([
      {
        check,
        subject: 'admin 2',
        state: 'blocker',
        reason: 'admin_privilege_missing',
        whatToDo: `Give the admin a role with the privilege ${privilege}, then check again.`,
      },
    ]);
  });

  it('asks for a plan only what its blueprint uses', async () => {
    const needed = scopes.filter((scope) => scope.includes('directory'));
    expect(await amiss({ delegatedScopes: needed, disabledApis: ['gmail', 'licensing'] }, needed)).toMatchObject([
      { check: 'scope cloud-identity.userinvitations.readonly', state: 'warning' },
      { check: 'scope cloud-identity.userinvitations.readonly', state: 'warning' },
    ]);
  });
});
