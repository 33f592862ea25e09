import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text as textOf } from 'node:stream/consumers';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { openWorkspace, readServiceAccountKey, type Workspace } from '#libs/google';
import { documented, holdAgainstDocuments, type Exchange } from './documents.js';
import { account, admin, directory, domain, sku, skuPath, startGoogle, type Ask, type TestGoogle } from './google.js';

/** The client's name of a call, as config/quotas.yaml prices it, is Google's id but for these prefixes. */
const idOf = (method: string) =>
  method
    .replace(/^directory\.aliases/, 'directory.users.aliases')
    .replace(/^gmail\.settings/, 'gmail.users.settings')
    .replace(/^invitations/, 'cloudidentity.customers.userinvitations');

const priced = z
  .object({ methods: z.record(z.string(), z.unknown()) })
  .parse(parse(readFileSync(new URL('../../../config/quotas.yaml', import.meta.url), 'utf8'))).methods;

let google: TestGoogle;
let recorder: { apiRoot: string; exchanges: Exchange[]; server: Server };
let workspace: Workspace;

/** Stands between the client and the simulator and writes everything down. */
async function startRecorder(target: string): Promise<typeof recorder> {
  const exchanges: Exchange[] = [];
  const pass = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await textOf(request);
    const path = request.url ?? '';
    const httpMethod = request.method ?? '';
    const reply = await fetch(`${target}${path}`, {
      method: httpMethod,
      headers: {
        authorization: request.headers.authorization ?? '',
        ...(body !== '' && { 'content-type': request.headers['content-type'] ?? '' }),
      },
      ...(body !== '' && { body }),
    });
    const text = await reply.text();
    exchanges.push({
      httpMethod,
      path,
      body: body === '' ? undefined : JSON.parse(body),
      status: reply.status,
      reply: text === '' ? undefined : readReply(text),
    });
    response.writeHead(reply.status, { 'content-type': reply.headers.get('content-type') ?? '' });
    response.end(text);
  };
  const server = createServer((request, response) => void pass(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { apiRoot: `http://127.0.0.1:${port}`, exchanges, server };
}

const readReply = (text: string): unknown => (text.startsWith('{') ? JSON.parse(text) : text);

beforeAll(async () => {
  google = await startGoogle({
    licences: [
      { ...sku, pool: 100 },
      { ...sku, skuId: '1010020020', pool: 100 },
    ],
  });
  recorder = await startRecorder(google.apiRoot);
  workspace = openWorkspace({
    apiRoot: recorder.apiRoot,
    credentials: readServiceAccountKey(google.keyFile),
    admins: [admin],
    customer: 'my_customer',
    callTimeoutMs: 10_000,
    permits: {
      acquire: async ({ method }) => ({ method, spent: [], expiresAt: performance.now() + 60_000 }),
      reportThrottled: async () => {},
    },
  });
});
afterAll(async () => {
  await workspace.close();
  recorder.server.close();
  recorder.server.closeAllConnections();
  google.stop();
});

const employee = `zoe@${domain}`;
const group = `shop@${domain}`;

test('every call of the client is in the discovery documents, with fields that they know, and so is every reply', async () => {
  await google.plant({ kind: 'unmanaged', address: `old@${domain}` });
  const { directory: users, gmail, calendar, licensing } = workspace;
  await users.insertUser({}, account('zoe'));
  await users.getUser({}, employee);
  await users.updateUser({}, employee, { name: { givenName: 'Zoë' } });
  await users.listUsers({}, {});
  await users.listUsers({}, { showDeleted: true });
  await users.insertAlias({}, employee, `zo@${domain}`);
  await users.listAliases({}, employee);
  await users.insertOrgUnit({}, { name: 'Shops', parentPath: '/', description: 'All shops' });
  await users.getOrgUnit({}, '/Shops');
  await users.listOrgUnits({});
  await users.insertGroup({}, { email: group, name: 'A shop', description: 'Its staff' });
  await users.getGroup({}, group);
  await users.listGroups({}, {});
  await users.insertMember({}, group, { email: employee });
  await users.getMember({}, group, employee);
  await users.listMembers({}, group, {});
  await users.deleteMember({}, group, employee);
  await users.listDomains({});
  await users.getCustomer({});
  await workspace.groupsSettings.patch({}, group, { whoCanPostMessage: 'ALL_IN_DOMAIN_CAN_POST' });
  await workspace.groupsSettings.get({}, group);
  expect((await workspace.invitations.list({}, {})).addresses).toEqual([`old@${domain}`]);
  await licensing.get({}, sku, employee);
  await licensing.insert({}, { productId: sku.productId, skuId: '1010020020' }, employee).catch(() => {});
  await licensing.update({}, sku, '1010020020', employee);
  await licensing.list({}, sku, {});
  await gmail.updateLanguage({}, employee, 'de');
  await gmail.getLanguage({}, employee);
  await gmail.updateImap({}, employee, { enabled: false });
  await gmail.getImap({}, employee);
  await gmail.updatePop({}, employee, { accessWindow: 'disabled' });
  await gmail.getPop({}, employee);
  await gmail.patchSendAs({}, employee, { signature: '<b>Zoë</b>' });
  await gmail.getSendAs({}, employee);
  await calendar.updateTimeZone({}, employee, 'Europe/Berlin');
  const shared = await calendar.insertCalendar({}, employee, {
    summary: 'Shop',
    description: 'Opening hours',
    timeZone: 'Europe/Berlin',
  });
  await calendar.insertAcl({}, employee, shared.id, { role: 'reader', scope: { type: 'domain', value: domain } });
  await calendar.listAcl({}, employee, 'primary');
  await calendar.listCalendars({}, employee, {});
  await calendar.insertCalendarListEntry({}, employee, shared.id);

  const held = recorder.exchanges.map((exchange) => holdAgainstDocuments(exchange));
  expect(held.filter(({ strange }) => strange.length > 0)).toEqual([]);
  // Everything that the client can call has been called, so nothing escapes this test.
  const called = new Set(held.map(({ id }) => id));
  const uncalled = Object.keys(priced).filter((method) => method !== 'token.mint' && !called.has(idOf(method)));
  expect(uncalled).toEqual([]);
});

test('every method that the simulator serves answers within its discovery document', async () => {
  const paths: Record<string, readonly [path: string, body?: unknown]> = {
    'directory.users.insert': [`${directory}/users`, account('max')],
    'directory.users.get': [`${directory}/users/max@${domain}?projection=full`],
    'directory.users.list': [`${directory}/users?customer=my_customer&query=givenName:max*&orderBy=familyName`],
    'directory.users.update': [
      `${directory}/users/max@${domain}`,
      { externalIds: [{ type: 'organization', value: '7' }], recoveryPhone: '+4930123' },
    ],
    'directory.users.patch': [`${directory}/users/max@${domain}`, { suspended: true }],
    'directory.users.aliases.insert': [`${directory}/users/max@${domain}/aliases`, { alias: `m@${domain}` }],
    'directory.users.aliases.list': [`${directory}/users/max@${domain}/aliases`],
    'directory.users.aliases.delete': [`${directory}/users/max@${domain}/aliases/m@${domain}`],
    'directory.orgunits.insert': [
      `${directory}/customer/my_customer/orgunits`,
      { name: 'Hubs', parentOrgUnitPath: '/' },
    ],
    'directory.orgunits.get': [`${directory}/customer/my_customer/orgunits/Hubs`],
    'directory.orgunits.list': [`${directory}/customer/C0demo001/orgunits?type=allIncludingParent`],
    'directory.orgunits.delete': [`${directory}/customer/my_customer/orgunits/Hubs`],
    'directory.groups.insert': [`${directory}/groups`, { email: `hub@${domain}` }],
    'directory.groups.get': [`${directory}/groups/hub@${domain}`],
    'directory.groups.list': [`${directory}/groups?customer=my_customer`],
    'directory.members.insert': [`${directory}/groups/hub@${domain}/members`, { email: admin, role: 'OWNER' }],
    'directory.members.get': [`${directory}/groups/hub@${domain}/members/${admin}`],
    'directory.members.list': [`${directory}/groups/hub@${domain}/members?roles=OWNER`],
    'directory.members.hasMember': [`${directory}/groups/hub@${domain}/hasMember/${admin}`],
    'directory.domains.list': [`${directory}/customer/my_customer/domains`],
    'directory.customers.get': [`${directory}/customers/my_customer`],
    'licensing.licenseAssignments.get': [`${skuPath}/user/${admin}`],
    'licensing.licenseAssignments.patch': [`${skuPath}/user/${admin}`, { skuId: '1010020020' }],
    'licensing.licenseAssignments.listForProduct': [
      `/apps/licensing/v1/product/Google-Apps/users?customerId=C0demo001`,
    ],
    'licensing.licenseAssignments.listForProductAndSku': [`${skuPath}/users?customerId=${domain}&maxResults=2`],
    'groupsSettings.groups.get': [`/groups/v1/groups/hub@${domain}?alt=json`],
    'groupsSettings.groups.patch': [`/groups/v1/groups/hub@${domain}?alt=json`, { isArchived: 'true' }],
    'groupsSettings.groups.update': [`/groups/v1/groups/hub@${domain}?alt=json`, { isArchived: 'false' }],
    'cloudidentity.customers.userinvitations.list': ['/v1/customers/C0demo001/userinvitations?pageSize=1'],
    'cloudidentity.customers.userinvitations.get': [`/v1/customers/C0demo001/userinvitations/old2@${domain}`],
    'cloudidentity.customers.userinvitations.isInvitableUser': [
      `/v1/customers/C0demo001/userinvitations/old2@${domain}:isInvitableUser`,
    ],
    'gmail.users.settings.sendAs.list': [`/gmail/v1/users/me/settings/sendAs`],
    'gmail.users.settings.sendAs.update': [`/gmail/v1/users/me/settings/sendAs/${admin}`, { signature: '<i>A</i>' }],
    'calendar.calendars.patch': ['/calendar/v3/calendars/primary', { timeZone: 'Europe/Paris' }],
    'calendar.calendarList.get': ['/calendar/v3/users/me/calendarList/primary'],
    'calendar.calendarList.list': ['/calendar/v3/users/me/calendarList?maxResults=1'],
    'calendar.acl.insert': ['/calendar/v3/calendars/primary/acl', { role: 'reader', scope: { type: 'default' } }],
    'calendar.acl.get': ['/calendar/v3/calendars/primary/acl/default'],
    'calendar.acl.delete': ['/calendar/v3/calendars/primary/acl/default'],
    'directory.members.delete': [`${directory}/groups/hub@${domain}/members/${admin}`],
    'directory.groups.delete': [`${directory}/groups/hub@${domain}`],
    'directory.users.delete': [`${directory}/users/max@${domain}`],
  };
  await google.plant({ kind: 'unmanaged', address: `old2@${domain}` });
  const asAdmin = await google.as(admin);
  const asEmployee = await google.as(admin, employeeScopesOfTest);
  const ask: Ask = (method, path, body) =>
    (/^\/(gmail|calendar)/.test(path) ? asEmployee : asAdmin)(method, path, body);
  const strange: unknown[] = [];
  for (const [id, [path, body]] of Object.entries(paths)) {
    const httpMethod = documented.find((method) => method.id === id)?.httpMethod ?? '';
    const reply = await ask(httpMethod, path, body);
    const found = holdAgainstDocuments({
      httpMethod,
      path,
      body,
      status: reply.status,
      reply: reply.text === '' ? undefined : reply.json,
    });
    if (reply.status >= 300 || found.strange.length > 0 || found.id !== id) {
      strange.push({ asked: id, status: reply.status, text: reply.text, ...found });
    }
  }
  expect(strange).toEqual([]);
});

const employeeScopesOfTest = [
  'https://www.googleapis.com/auth/gmail.settings.basic',
  'https://www.googleapis.com/auth/calendar',
];
