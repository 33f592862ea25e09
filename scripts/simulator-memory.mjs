// Prints how many bytes of heap each account of the simulated Google takes, with an alias, two memberships and all settings:
// everything goes through the methods' own handlers, without HTTP. Usage: node --expose-gc scripts/simulator-memory.mjs [N]
import { readProfile } from '../dist/apps/simulator/src/profile.js';
import { openSimulation } from '../dist/apps/simulator/src/handlers.js';
import { allMethods } from '../dist/apps/simulator/src/documents.js';

const count = Number(process.argv[2] ?? 160_000);
const domain = 'bascule-retail.example';
const { handlers } = openSimulation(readProfile('config/simulator/quiet.yaml'), { timeScale: 1, seed: 1 });
const methods = new Map(allMethods.map((method) => [method.id, method]));

function ask(id, subject, body, params = {}) {
  const call = { method: methods.get(id), params, query: new URLSearchParams('sendNotifications=false'), mask: 'all' };
  // Through JSON, as a body that came over HTTP has strings of its own.
  return handlers.get(id)({ ...call, body: JSON.parse(JSON.stringify(body)), bearer: { subject, scopes: new Set() } });
}

const admin = `admin@${domain}`;
const heap = () => {
  globalThis.gc();
  return process.memoryUsage().heapUsed;
};
for (let group = 0; group < 900; group += 1) {
  ask('directory.groups.insert', admin, { email: `group${group}@${domain}`, name: 'A shop' });
}
ask('directory.groups.insert', admin, { email: `all@${domain}`, name: 'Everyone' });
const calendar = ask('calendar.calendars.insert', admin, { summary: 'Shops', timeZone: 'Europe/Berlin' });
const everyone = { role: 'reader', scope: { type: 'domain', value: domain } };
ask('calendar.acl.insert', admin, everyone, { calendarId: calendar.id });

const before = heap();
for (let n = 0; n < count; n += 1) {
  // Every fourth name has a letter for which a string takes two bytes a letter.
  const name = { givenName: `Given${n}`, familyName: n % 4 === 0 ? `Małecki${n}` : `Family-Name${n}` };
  const address = `given${n}.family-name${n}@${domain}`;
  ask('directory.users.insert', admin, {
    primaryEmail: address,
    name,
    password: 'f'.repeat(40),
    hashFunction: 'SHA-1',
    orgUnitPath: '/',
    changePasswordAtNextLogin: false,
    externalIds: [
      { type: 'custom', customType: 'bascule', value: `01999999-aaaa-7bbb-8ccc-${String(n).padStart(12, '0')}` },
      { type: 'organization', value: String(n).padStart(6, '0') },
    ],
    organizations: [
      {
        primary: true,
        type: 'work',
        title: 'Sales assistant',
        department: `Shop ${n % 900}`,
        costCenter: `C${n % 900}`,
      },
    ],
    relations: [{ type: 'manager', value: `given${n % 900}.family-name${n % 900}@${domain}` }],
    phones: [{ type: 'work', value: `+4930${String(n).padStart(7, '0')}` }],
    languages: [{ languageCode: 'de', preference: 'preferred' }],
  });
  ask('directory.users.aliases.insert', admin, { alias: `g.family-name${n}@${domain}` }, { userKey: address });
  for (const group of [`group${n % 900}`, 'all']) {
    ask('directory.members.insert', admin, { email: address, role: 'MEMBER' }, { groupKey: `${group}@${domain}` });
  }
  const me = { userId: 'me', sendAsEmail: address, calendarId: 'primary' };
  ask('gmail.users.settings.updateLanguage', address, { displayLanguage: 'de' }, me);
  ask('gmail.users.settings.updateImap', address, { enabled: false }, me);
  ask('gmail.users.settings.updatePop', address, { accessWindow: 'disabled', disposition: 'leaveInInbox' }, me);
  const signature = `<table style="font-family: sans-serif; font-size: 13px"><tr><td><b>${name.givenName} ${name.familyName}</b><br>Sales assistant, Shop ${n % 900}<br><a href="mailto:${address}">${address}</a> | +4930${n}</td></tr><tr><td>Bascule Retail GmbH, 10117 Berlin</td></tr></table>`;
  ask('gmail.users.settings.sendAs.patch', address, { signature }, me);
  ask('calendar.calendars.update', address, { timeZone: 'Europe/Berlin' }, me);
  ask('calendar.acl.insert', address, { role: 'freeBusyReader', scope: { type: 'domain', value: domain } }, me);
  ask('calendar.calendarList.insert', address, { id: calendar.id }, me);
}
const bytes = Math.round((heap() - before) / count);
console.log(`${count} accounts, ${bytes} bytes of heap each`);
process.exit(bytes <= 4_096 ? 0 : 1);
