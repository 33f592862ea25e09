// Prints what the simulated Google costs: requests per second of its own CPU time for each call of a migration, and bytes of
// heap for each account. Usage: node scripts/simulator-figures.mjs [--employees 5000] [--program dist/apps/simulator/src/main.js]
import { spawn } from 'node:child_process';
import { createPrivateKey, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Pool } from 'undici';

const { values } = parseArgs({
  options: {
    employees: { type: 'string', default: '5000' },
    program: { type: 'string', default: 'dist/apps/simulator/src/main.js' },
  },
});
const employees = Number(values.employees);
const inFlight = 64;
const domain = 'bascule-retail.example';
const sku = '/apps/licensing/v1/product/Google-Apps/sku/1010020026';
const scope = (...names) => names.map((name) => `https://www.googleapis.com/auth/${name}`).join(' ');
const adminScopes = scope(
  'admin.directory.user',
  'admin.directory.orgunit',
  'admin.directory.group',
  'admin.directory.group.member',
  'apps.licensing',
);
const employeeScopes = scope('gmail.settings.basic', 'calendar.calendars', 'calendar.calendarlist', 'calendar.acls');

const folder = mkdtempSync(join(tmpdir(), 'simulator-figures-'));
const keyFile = join(folder, 'key.json');
const child = spawn(
  process.execPath,
  [values.program, '--profile', 'config/simulator/quiet.yaml', '--key-file', keyFile],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
process.once('exit', () => child.kill('SIGKILL'));

async function ready() {
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line);
  throw new Error('the simulator ended before it was ready');
}

const { apiRoot } = await ready();
const key = JSON.parse(readFileSync(keyFile, 'utf8'));
const privateKey = createPrivateKey(key.private_key);
const pool = new Pool(apiRoot, { connections: inFlight, pipelining: 1 });

/** CPU milliseconds that the simulator has used; Linux counts in hundredths of a second. */
function cpuMs() {
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function ask(method, path, { token, body, form } = {}) {
  const { statusCode, body: reply } = await pool.request({
    method,
    path,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
      ...(form && { 'content-type': 'application/x-www-form-urlencoded' }),
    },
    body: body ? JSON.stringify(body) : form,
  });
  const text = await reply.text();
  if (statusCode >= 300) throw new Error(`${method} ${path} answered ${statusCode}: ${text}`);
  return text === '' ? {} : JSON.parse(text);
}

function assertion(subject, scopes) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: key.client_email, sub: subject, scope: scopes, aud: key.token_uri, iat: now, exp: now + 3_600 };
  const unsigned = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`;
  return `${unsigned}.${sign('RSA-SHA256', Buffer.from(unsigned), privateKey).toString('base64url')}`;
}

async function mint(subject, scopes) {
  const grant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
  const form = new URLSearchParams({ grant_type: grant, assertion: assertion(subject, scopes) }).toString();
  return (await ask('POST', '/token', { form })).access_token;
}

/** Makes the call for everyone, so many at a time, and prints its rate. */
async function measure(name, call, count = employees) {
  const before = cpuMs();
  const begun = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < count) {
      next += 1;
      await call(next - 1);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  const cpu = Math.max(1, cpuMs() - before);
  const wall = (performance.now() - begun) / 1_000;
  const rate = Math.round((count / cpu) * 1_000);
  console.log(
    `${name.padEnd(34)} ${String(rate).padStart(7)} a CPU second ${String(Math.round(count / wall)).padStart(7)} a second`,
  );
  return cpu;
}

const address = (n) => `given${n}.family-name${n}@${domain}`;
const account = (n) => ({
  primaryEmail: address(n),
  name: { givenName: `Given${n}`, familyName: `Family-Name${n}` },
  password: 'f'.repeat(40),
  hashFunction: 'SHA-1',
  orgUnitPath: '/',
  suspended: false,
  changePasswordAtNextLogin: true,
  externalIds: [
    { type: 'organization', value: String(n).padStart(6, '0') },
    { type: 'custom', customType: 'bascule', value: `01999999-aaaa-7bbb-8ccc-${String(n).padStart(12, '0')}` },
  ],
  organizations: [
    { primary: true, type: 'work', name: 'Bascule Retail', title: 'Sales assistant', department: `Shop ${n % 900}` },
  ],
  relations: [{ type: 'manager', value: address(n % 900) }],
  phones: [{ type: 'work', primary: true, value: `+4930${String(n).padStart(7, '0')}` }],
  languages: [{ languageCode: 'de', preference: 'preferred' }],
});
const signature = (n) =>
  `<table cellpadding="0" style="font-family:sans-serif">  <tr> <td><b>Given${n} Family-Name${n}</b><br>Sales assistant, Shop ${n % 900}</td> </tr> <tr> <td><a style="color:#063" href="mailto:${address(n)}">${address(n)}</a> | +4930${n}</td> </tr> <tr> <td>Bascule Retail GmbH, Kaufstraße 1, 10117 Berlin</td> </tr> </table>`;

const admin = await mint('admin@bascule-retail.example', adminScopes);
const directory = '/admin/directory/v1';
for (let group = 0; group < 20; group += 1) {
  await ask('POST', `${directory}/groups`, {
    token: admin,
    body: { email: `group${group}@${domain}`, name: 'A group' },
  });
}
await ask('POST', `${directory}/groups`, { token: admin, body: { email: `all@${domain}`, name: 'Everyone' } });

const tokens = [];
const assertions = [];
const userFields =
  'id,primaryEmail,name(givenName,familyName),orgUnitPath,suspended,isMailboxSetup,aliases,externalIds';
const quota = 'quotaUser=abcdefghijklmnopqrstuv';
const me = '/gmail/v1/users/me/settings';
let total = 0;
total += await measure('users.insert', (n) =>
  ask('POST', `${directory}/users?${quota}`, { token: admin, body: account(n) }),
);
total += await measure('users.get', (n) =>
  ask(
    'GET',
    `${directory}/users/${encodeURIComponent(address(n))}?projection=full&fields=${encodeURIComponent(userFields)}&${quota}`,
    { token: admin },
  ),
);
total += await measure('aliases.insert', (n) =>
  ask('POST', `${directory}/users/${encodeURIComponent(address(n))}/aliases`, {
    token: admin,
    body: { alias: `alias${n}@${domain}` },
  }),
);
total += await measure('members.insert', (n) =>
  ask('POST', `${directory}/groups/${encodeURIComponent(`group${n % 20}@${domain}`)}/members?${quota}`, {
    token: admin,
    body: { email: address(n), role: 'MEMBER' },
  }),
);
total += await measure('members.insert (one group)', (n) =>
  ask('POST', `${directory}/groups/${encodeURIComponent(`all@${domain}`)}/members?${quota}`, {
    token: admin,
    body: { email: address(n), role: 'MEMBER' },
  }),
);
for (let n = 0; n < employees; n += 1) assertions.push(assertion(address(n), employeeScopes));
total += await measure('token', async (n) => {
  const grant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
  const form = new URLSearchParams({ grant_type: grant, assertion: assertions[n] }).toString();
  tokens[n] = (await ask('POST', '/token', { form })).access_token;
});
const mine = (n, body) => ({ token: tokens[n], body });
total += await measure('gmail.updateLanguage', (n) =>
  ask('PUT', `${me}/language?${quota}`, mine(n, { displayLanguage: 'de' })),
);
total += await measure('gmail.sendAs.patch', (n) =>
  ask('PATCH', `${me}/sendAs/${encodeURIComponent(address(n))}?${quota}`, mine(n, { signature: signature(n) })),
);
total += await measure('gmail.updateImap', (n) => ask('PUT', `${me}/imap?${quota}`, mine(n, { enabled: false })));
total += await measure('gmail.updatePop', (n) =>
  ask('PUT', `${me}/pop?${quota}`, mine(n, { accessWindow: 'disabled', disposition: 'leaveInInbox' })),
);
total += await measure('calendar.calendars.update', (n) =>
  ask('PUT', `/calendar/v3/calendars/primary?${quota}`, mine(n, { summary: address(n), timeZone: 'Europe/Berlin' })),
);
total += await measure('calendar.acl.insert', (n) =>
  ask(
    'POST',
    `/calendar/v3/calendars/primary/acl?sendNotifications=false&${quota}`,
    mine(n, { role: 'freeBusyReader', scope: { type: 'domain', value: domain } }),
  ),
);
console.log(
  `an employee costs ${(total / employees).toFixed(2)} ms of CPU: ${Math.round((employees * 12) / (total / 1_000))} calls a CPU second`,
);

/** Reads a whole listing, one page after the other; `between` runs before each page. */
async function listing(path, between = async () => {}) {
  let token = '';
  do {
    await between();
    const page = await ask('GET', `${path}${token === '' ? '' : `&pageToken=${encodeURIComponent(token)}`}`, {
      token: admin,
    });
    token = page.nextPageToken ?? '';
  } while (token !== '');
}

let extra = employees;
const users = `${directory}/users?customer=my_customer&maxResults=500&orderBy=email&projection=full&fields=${encodeURIComponent(`nextPageToken,users(${userFields})`)}`;
await measure('users.list, whole', () => listing(users), 1);
await measure(
  'users.list while accounts are added',
  () =>
    listing(users, async () => {
      extra += 1;
      await ask('POST', `${directory}/users`, { token: admin, body: account(extra) });
    }),
  1,
);
await measure(
  'members.list, whole',
  () => listing(`${directory}/groups/${encodeURIComponent(`all@${domain}`)}/members?maxResults=200`),
  1,
);
await measure('licences, whole', () => listing(`${sku}/users?customerId=${domain}&maxResults=100`), 1);

const { memory, heapAtStart, users: held } = await (await fetch(`${apiRoot}/_simulator/stats?collect`)).json();
console.log(
  `${held} accounts, ${Math.round((memory.heapUsed - heapAtStart) / held)} bytes of heap each, ${Math.round(memory.rss / 1_048_576)} MB resident`,
);
await pool.close();
child.kill('SIGTERM');
rmSync(folder, { recursive: true, force: true });
