import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { acceptUnknowns, finishPausing, readMigration } from '#libs/ledger';
import { resumeMigration, startMigration } from '#libs/migration';
import type { MigrationId } from '#libs/vocabulary';
import { domain, smallBlueprint, TestCompany } from './company.js';

let company: TestCompany;
afterEach(async () => {
  await company.close();
  expect(company.lost).toEqual([]);
});

const person = (number: number) => ({
  employeeNumber: String(number),
  legalName: { givenName: `Given${String.fromCharCode(97 + (number % 26))}`, familyName: `F${'x'.repeat(number)}` },
});
function addressOf(number: number): string {
  const { givenName, familyName } = person(number).legalName;
  return `${givenName}.${familyName}@${domain}`.toLowerCase();
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

async function begin(blueprint = smallBlueprint()): Promise<MigrationId> {
  const id = await company.create({ blueprint });
  await company.plan(id);
  await company.start(id);
  return id;
}

async function paused(id: MigrationId) {
  return company.eventually(async () => {
    await finishPausing(company.ledger.db, id, 0);
    const migration = await readMigration(company.ledger.db, id);
    return migration?.state === 'paused' ? migration : undefined;
  });
}

test('the same failure on many in a row pauses once, and resuming does not pause again for what is over', async () => {
  const poisoned = numbers(1, 24).map(String);
  company = await TestCompany.open({ poison: { invalidInsert: poisoned } });
  for (const number of numbers(1, 30)) await company.hire(person(number));
  const id = await begin();
  company.work();
  expect(await paused(id)).toMatchObject({ causeReason: 'invalid_field' });
  await resumeMigration(company.ledger, id, 'test');
  await company.until(id, 'completedWithIssues');
  const standings = Object.values(await company.standings(id));
  expect(standings.filter((standing) => standing === 'failed invalid_field')).toHaveLength(24);
  expect(standings.filter((standing) => standing === 'done')).toHaveLength(6);
});

test('conflicts that the plan knew do not count against the budget', async () => {
  company = await TestCompany.open();
  for (const number of numbers(1, 30)) await company.hire(person(number));
  await company.simulator.plant(numbers(1, 25).map((number) => ({ kind: 'user', primaryEmail: addressOf(number) })));
  const id = await begin();
  company.work();
  await company.until(id, 'completedWithIssues', 'paused');
  const standings = Object.values(await company.standings(id));
  expect(standings.filter((standing) => standing === 'conflict maybe_same_person')).toHaveLength(25);
  expect(standings.filter((standing) => standing === 'done')).toHaveLength(5);
});

const licence = (assignment: string) =>
  smallBlueprint().replace(
    'licence: none',
    `licence: { assignment: ${assignment}, productId: Google-Apps, skuId: '1010020026' }`,
  );
const noLicences = { licences: [{ productId: 'Google-Apps', skuId: '1010020026', pool: 0 }] };

test('assigning the last licence pauses everything with one cause, and goes on once there are more', async () => {
  company = await TestCompany.open({ ...noLicences, automaticLicensing: false });
  await company.hire(person(1));
  await company.hire(person(2));
  const id = await begin(licence('assign'));
  company.work();
  expect(await paused(id)).toMatchObject({ causeReason: 'licences_used_up' });
  expect(Object.values(await company.standings(id)).some((standing) => standing.startsWith('failed'))).toBe(false);
  await company.simulator.faults({ pools: { 'Google-Apps/1010020026': 10 } });
  await resumeMigration(company.ledger, id, 'test');
  await company.until(id, 'completed');
  expect((await company.simulator.accounts()).filter((account) => account.licence !== undefined)).toHaveLength(2);
});

test('another licence in the blueprint is planned for those who have one, and switched', async () => {
  const skus = ['1010020026', '1010020030'] as const;
  const licences = skus.map((skuId) => ({ productId: 'Google-Apps', skuId, pool: 10 }));
  company = await TestCompany.open({ licences, automaticLicensing: false });
  await company.hire(person(1));
  company.work();
  for (const [time, skuId] of skus.entries()) {
    const id = await begin(licence('assign').replace('1010020026', skuId));
    await company.until(id, 'completed');
    const { rows } = await company.ledger.pool.query('select action from enrolment where migration_id = $1', [id]);
    expect(rows).toEqual([{ action: time === 0 ? 'create' : 'update' }]);
    expect(await company.workspace.licensing.get({}, { productId: 'Google-Apps', skuId }, addressOf(1))).toBe(true);
  }
});

test('when Google assigns licences and none is left, nobody tells: the sweep finds it out and pauses', async () => {
  company = await TestCompany.open(noLicences);
  for (const number of numbers(1, 60)) await company.hire(person(number));
  const id = await begin(licence('automatic'));
  company.work();
  expect(await paused(id)).toMatchObject({ causeReason: 'licences_used_up' });
});

test('what Google would not list is accepted by an admin, or the start refuses', async () => {
  company = await TestCompany.open({ invitationsPermitted: false });
  await company.hire(person(1));
  const id = await company.create();
  const { plan } = await company.plan(id);
  expect(plan).toMatchObject({ state: 'ready', needsAcceptance: ['unmanaged_accounts'] });
  await expect(company.start(id)).rejects.toMatchObject({ code: 'needs_acceptance' });
  await acceptUnknowns(company.ledger.db, plan?.id ?? '', ['unmanaged_accounts']);

  await startMigration(company.ledger, id, { actor: 'test', timeScale: 1 });
  company.work();
  await company.until(id, 'completed');
});

test('deleted accounts that Google would not list are accepted by an admin too', async () => {
  const proxies: Server[] = [];
  company = await TestCompany.open({}, async (apiRoot) => {
    const proxy = createServer((request, response) => void forward(apiRoot, request, response)).listen(0, '127.0.0.1');
    proxies.push(proxy);
    await once(proxy, 'listening');
    const address = proxy.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  });
  await company.hire(person(1));
  const { plan } = await company.plan(await company.create());
  expect(plan).toMatchObject({ state: 'ready', needsAcceptance: ['deleted_users'] });
  for (const proxy of proxies) proxy.closeAllConnections();
  for (const proxy of proxies) proxy.close();
});

/** Passes everything on but the listing of deleted accounts. */
async function forward(apiRoot: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', apiRoot);
  if (url.searchParams.has('showDeleted')) {
    const error = {
      code: 403,
      message: 'Not Authorized to access this resource/api',
      errors: [{ reason: 'forbidden' }],
    };
    response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
    return;
  }
  const headers = { authorization: request.headers.authorization ?? '' };
  const answer = await fetch(url, { method: request.method ?? 'GET', headers });
  response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
}

test('a listing that lost most of the accounts we know is believed by no plan and by no start', async () => {
  company = await TestCompany.open();
  for (const number of numbers(1, 25)) await company.hire(person(number));
  company.work();
  const first = await begin();
  await company.until(first, 'completed');
  await company.hire(person(26));
  const second = await company.create();
  await company.plan(second);
  await company.ledger.pool.query("update account set written_at = now() - interval '1 day'");
  const token = await company.workspace.caller.tokens.get({
    subject: `admin1@${domain}`,
    scopes: ['https://www.googleapis.com/auth/admin.directory.user'],
  });
  const people = (await company.simulator.accounts()).filter(({ primaryEmail }) => primaryEmail.startsWith('given'));
  for (const { id } of people.slice(0, 20)) {
    await fetch(`${company.simulator.apiRoot}/admin/directory/v1/users/${id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${token}` },
    });
  }
  await company.start(second);
  expect(await paused(second)).toMatchObject({ causeReason: 'listing_refused' });
  const { plan } = await company.plan(await company.create());
  expect(plan).toMatchObject({ state: 'refused' });
  expect(plan?.cause).toMatch(/listed only \d+ of the 25 accounts that the ledger knows/);
});
