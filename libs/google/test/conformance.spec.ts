import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkGoogle, openWorkspace, readServiceAccountKey, type Workspace } from '#libs/google';
import { startSimulator, type TestSimulator } from '#libs/testing';
import { freePermits } from './scripted-google.js';

/**
 * Reads only. Against the simulated Google, or against the one that BASCULE_GOOGLE_CREDENTIALS reaches: the same calls and
 * the same expectations.
 */
const keyFile = process.env['BASCULE_GOOGLE_CREDENTIALS'];
const many = 1_100;
let simulator: TestSimulator | undefined;
let workspace: Workspace;
let admins: readonly string[];
let canary: string | undefined;

beforeAll(async () => {
  if (keyFile === undefined) {
    simulator = await startSimulator();
    const planted = Array.from({ length: many }, (_, index) => ({
      kind: 'user',
      primaryEmail: `person${index}@bascule-retail.example`,
      givenName: 'Person',
      familyName: String(index),
    }));
    await simulator.plant(planted);
  }
  admins = (process.env['BASCULE_GOOGLE_ADMINS'] ?? 'admin1@bascule-retail.example').split(',');
  canary = simulator === undefined ? process.env['BASCULE_GOOGLE_CANARY'] : 'admin@bascule-retail.example';
  const apiRoot = simulator?.apiRoot ?? process.env['BASCULE_GOOGLE_API_ROOT'];
  workspace = openWorkspace({
    apiRoot,
    credentials: readServiceAccountKey(keyFile ?? simulator?.keyFile ?? ''),
    admins,
    customer: process.env['BASCULE_GOOGLE_CUSTOMER'] ?? 'my_customer',
    permits: freePermits().permits,
    callTimeoutMs: 15_000,
  });
});
afterAll(async () => {
  await workspace.close();
  await simulator?.stop();
});

describe('a Google Workspace', () => {
  it('passes the check, and names its customer', async () => {
    const findings = await checkGoogle(workspace, { admins, canary });
    expect(findings.filter(({ state }) => state === 'blocker')).toEqual([]);
    expect((await workspace.directory.getCustomer({})).id).toMatch(/^C/);
  });

  it('lists everybody once, page by page', async () => {
    const seen = new Set<string>();
    let listed = 0;
    let pages = 0;
    let pageToken: string | undefined;
    do {
      const page = await workspace.directory.listUsers({}, { pageToken });
      expect(page.accounts.length).toBeLessThanOrEqual(500);
      for (const { googleId } of page.accounts) seen.add(googleId);
      listed += page.accounts.length;
      pages += 1;
      ({ nextPageToken: pageToken } = page);
    } while (pageToken !== undefined);
    expect(seen.size).toBe(listed);
    expect(listed).toBeGreaterThan(simulator === undefined ? 0 : many);
    expect(pages).toBeGreaterThanOrEqual(Math.ceil(listed / 500));
  });

  it('finds an account by its address, and nobody where nobody is', async () => {
    const [admin = ''] = admins;
    const found = await workspace.directory.getUser({}, admin);
    expect(found).toMatchObject({ primaryEmail: admin, isAdmin: true });
    const nobody = `bascule-nobody-${Date.now()}@${admin.split('@')[1] ?? ''}`;
    await expect(workspace.directory.getUser({}, nobody)).resolves.toBeUndefined();
    await expect(workspace.directory.getGroup({}, nobody)).resolves.toBeUndefined();
  });

  it('has the admin’s domain verified, and lists org units and groups', async () => {
    const domains = await workspace.directory.listDomains({});
    expect(domains.filter(({ verified }) => verified).map(({ name }) => name)).toContain(admins[0]?.split('@')[1]);
    for (const { path } of await workspace.directory.listOrgUnits({})) expect(path).toMatch(/^\//);
    const { groups } = await workspace.directory.listGroups({}, {});
    for (const { email } of groups) expect(email).toContain('@');
  });

  it('gives no token for somebody who is not there', async () => {
    const nobody = `bascule-nobody@${admins[0]?.split('@')[1] ?? ''}`;
    await expect(workspace.gmail.getLanguage({}, nobody)).rejects.toMatchObject({
      method: 'token.mint',
      reason: 'token_not_ready',
    });
  });

  it('answers the canary in Gmail and Calendar', async ({ skip }) => {
    if (canary === undefined) return skip('BASCULE_GOOGLE_CANARY is not set');
    await expect(workspace.gmail.getImap({}, canary)).resolves.toHaveProperty('enabled');
    const primary = await workspace.calendar.getCalendar({}, canary, 'primary');
    expect(primary.timeZone).not.toBe('');
    const { calendars } = await workspace.calendar.listCalendars({}, canary, {});
    expect(calendars.map(({ id }) => id)).toContain(primary.id);
  });
});
