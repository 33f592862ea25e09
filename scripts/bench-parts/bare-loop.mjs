// The yardstick of the engine: the same Google calls for the same people over the same client, tokens and concurrency, in
// a bare loop, with no ledger, no queue, no permits and no plan. One process; the parent runs as many as there are workers.
//   node scripts/bench-parts/bare-loop.mjs --root URL --key FILE --items FILE.ndjson --client ours|stock
// Prints {calls, seconds, cpuSeconds}.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { admin } from 'googleapis/build/src/apis/admin/index.js';
import { calendar } from 'googleapis/build/src/apis/calendar/index.js';
import { gmail } from 'googleapis/build/src/apis/gmail/index.js';
import { openWorkspace, readServiceAccountKey } from '../../dist/libs/google/src/index.js';
import { throwAwayPassword } from '../../dist/libs/migration/src/index.js';
import { userWrite } from '../../dist/libs/plan/src/index.js';

const { values } = parseArgs({
  options: {
    root: { type: 'string' },
    key: { type: 'string' },
    items: { type: 'string' },
    client: { type: 'string', default: 'ours' },
    calendars: { type: 'string' },
  },
});

/** As many people at once as a worker process has under way in its lanes. */
const sideBySide = 128;
const admins = ['admin1@bascule-retail.example', 'admin2@bascule-retail.example'];
const unlimited = {
  acquire: async ({ method, adminSubjects }) => ({
    method,
    adminSubject: adminSubjects?.[0],
    expiresAt: performance.now() + 1_000,
    buckets: [],
  }),
  reportThrottled: async () => undefined,
};
let calls = 0;
const workspace = openWorkspace({
  apiRoot: values.root,
  credentials: readServiceAccountKey(values.key),
  admins,
  customer: 'my_customer',
  permits: unlimited,
  callTimeoutMs: 15_000,
  onCall: () => {
    calls += 1;
  },
});
const calendarIds = JSON.parse(values.calendars ?? '{}');

/** What the steps send for one new account, in their order. */
async function provision({ employeeId, desired }, google) {
  const password = await throwAwayPassword();
  const subject = desired.primaryEmail;
  await google.insertUser(userWrite(desired, { employeeId, password }));
  for (const alias of desired.aliases) await google.insertAlias(subject, alias);
  for (const group of desired.groups) await google.insertMember(group, subject);
  await google.gmail(subject, desired.gmail);
  await google.calendar(subject, desired.calendar);
}

/** Over Bascule's own library. */
const ours = {
  insertUser: (body) => workspace.directory.insertUser({}, body),
  insertAlias: (user, alias) => workspace.directory.insertAlias({}, user, alias),
  insertMember: (group, email) => workspace.directory.insertMember({}, group, { email }),
  gmail: async (subject, settings) => {
    await workspace.gmail.updateLanguage({}, subject, settings.language.value);
    await workspace.gmail.updateImap({}, subject, settings.imap.value);
    await workspace.gmail.updatePop({}, subject, settings.pop.value);
    await workspace.gmail.patchSendAs({}, subject, { signature: settings.signature.value });
    await workspace.gmail.getSendAs({}, subject);
  },
  calendar: async (subject, settings) => {
    await workspace.calendar.listAcl({}, subject, 'primary');
    await workspace.calendar.updateTimeZone({}, subject, settings.timeZone.value);
    for (const name of settings.subscriptions.value) {
      await workspace.calendar.insertCalendarListEntry({}, subject, calendarIds[name]);
    }
    for (const rule of settings.sharing.value) await workspace.calendar.insertAcl({}, subject, 'primary', rule);
    await workspace.calendar.getCalendar({}, subject, 'primary');
  },
};

/** Google's client as it comes, its own transport and retries; tokens are ours, for it does not honour `token_uri`. */
function stockClient() {
  const rootUrl = values.root;
  const directory = admin({ version: 'directory_v1', rootUrl });
  const mail = gmail({ version: 'v1', rootUrl });
  const events = calendar({ version: 'v3', rootUrl });
  const scope = (name) => `https://www.googleapis.com/auth/${name}`;
  const adminScopes = ['admin.directory.user', 'admin.directory.group.member'].map(scope);
  const ownScopes = ['gmail.settings.basic', 'calendar.calendars', 'calendar.calendarlist', 'calendar.acls'].map(scope);
  const options = async (subject, scopes) => {
    const token = await workspace.caller.tokens.get({ subject, scopes });
    return { headers: { authorization: `Bearer ${token}` } };
  };
  const asAdmin = async (call) => {
    calls += 1;
    return call(await options(admins[0], adminScopes));
  };
  const as = async (subject, call) => {
    calls += 1;
    return call(await options(subject, ownScopes));
  };
  return {
    insertUser: (requestBody) => asAdmin((how) => directory.users.insert({ requestBody }, how)),
    insertAlias: (userKey, alias) =>
      asAdmin((how) => directory.users.aliases.insert({ userKey, requestBody: { alias } }, how)),
    insertMember: (groupKey, email) =>
      asAdmin((how) => directory.members.insert({ groupKey, requestBody: { email, role: 'MEMBER' } }, how)),
    gmail: async (subject, settings) => {
      const { settings: api } = mail.users;
      const { language, imap, pop, signature } = settings;
      const me = { userId: 'me' };
      await as(subject, (how) => api.updateLanguage({ ...me, requestBody: { displayLanguage: language.value } }, how));
      await as(subject, (how) => api.updateImap({ ...me, requestBody: imap.value }, how));
      await as(subject, (how) =>
        api.updatePop({ ...me, requestBody: { ...pop.value, disposition: 'leaveInInbox' } }, how),
      );
      const own = { ...me, sendAsEmail: subject };
      await as(subject, (how) => api.sendAs.patch({ ...own, requestBody: { signature: signature.value } }, how));
      await as(subject, (how) => api.sendAs.get(own, how));
    },
    calendar: async (subject, settings) => {
      const primary = { calendarId: 'primary' };
      await as(subject, (how) => events.acl.list(primary, how));
      const { data } = await as(subject, (how) => events.calendars.get(primary, how));
      const requestBody = { summary: data.summary, timeZone: settings.timeZone.value };
      await as(subject, (how) => events.calendars.update({ ...primary, requestBody }, how));
      for (const name of settings.subscriptions.value) {
        const entry = { id: calendarIds[name], selected: true };
        await as(subject, (how) => events.calendarList.insert({ requestBody: entry }, how));
      }
      for (const rule of settings.sharing.value) {
        await as(subject, (how) => events.acl.insert({ ...primary, sendNotifications: false, requestBody: rule }, how));
      }
      await as(subject, (how) => events.calendars.get(primary, how));
    },
  };
}

const people = [];
for await (const line of createInterface({ input: createReadStream(values.items) })) people.push(JSON.parse(line));
const google = values.client === 'stock' ? stockClient() : ours;
// Connections, compiled code and the admins' tokens are there before the clock starts, as in a worker that runs.
await workspace.directory.getCustomer({});
calls = 0;
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
const queue = people.values();
await Promise.all(
  Array.from({ length: sideBySide }, async () => {
    for (const person of queue) await provision(person, google);
  }),
);
const seconds = (performance.now() - startedAt) / 1_000;
const cpu = process.cpuUsage(cpuBefore);
console.log(JSON.stringify({ calls, seconds, cpuSeconds: (cpu.user + cpu.system) / 1e6 }));
await workspace.close();
