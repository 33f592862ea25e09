import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  account,
  admin,
  directory,
  domain,
  employeeScopes,
  sku,
  skuPath,
  startGoogle,
  type Ask,
  type TestGoogle,
} from './google.js';

const at = (name: string) => `${name}@${domain}`;
const frontline = { productId: 'Google-Apps', skuId: '1010020030' };
const skuName = ({ productId, skuId }: typeof sku) => `${productId}/${skuId}`;

describe('licences', () => {
  let google: TestGoogle;
  let ask: Ask;
  beforeAll(async () => {
    google = await startGoogle({
      licences: [
        { ...sku, pool: 8 },
        { ...frontline, pool: 2 },
      ],
      automaticLicensing: [
        { orgUnitPath: '/', ...sku },
        { orgUnitPath: '/Shops', ...frontline },
      ],
      automaticLicencesLocked: true,
    });
    ask = await google.as(admin);
    const body = { name: 'Shops', parentOrgUnitPath: '/' };
    await ask('POST', `${directory}/customer/my_customer/orgunits`, body);
  });
  afterAll(() => google.stop());

  const licencesOf = async (name: string) =>
    (await google.rows('users')).find(({ primaryEmail }) => primaryEmail === at(name))?.['licences'];

  test('come by themselves with the nearest org unit', async () => {
    await ask('POST', `${directory}/users`, account('office'));
    await ask('POST', `${directory}/users`, account('clerk', { orgUnitPath: '/Shops' }));
    expect(await licencesOf('office')).toEqual([skuName(sku)]);
    expect(await licencesOf('clerk')).toEqual([skuName(frontline)]);
  });

  test('do not come when the pool is empty, and nobody is told', async () => {
    await google.faults({ pools: { [skuName(frontline)]: 1 } });
    const created = await ask('POST', `${directory}/users`, account('late', { orgUnitPath: '/Shops' }));
    expect(created.status).toBe(200);
    expect(await licencesOf('late')).toEqual([]);
    const insert = () => ask('POST', `${skuPath.replace(sku.skuId, frontline.skuId)}/user`, { userId: at('late') });
    expect((await insert()).text).toContain("There aren't enough available licenses");
    await google.faults({ pools: { [skuName(frontline)]: 2 } });
    expect((await insert()).status).toBe(200);
    expect((await insert()).text).toContain('User already has a license for the specified product and SKU');
  });

  test('are one to a product, changed by patch and taken away by delete', async () => {
    const first = `${skuPath.replace(sku.skuId, frontline.skuId)}/user/${at('late')}`;
    expect((await ask('POST', `${skuPath}/user`, { userId: at('late') })).text).toContain('different SKU');
    expect((await ask('PATCH', first, { skuId: frontline.skuId })).text).toContain('should be different');
    expect((await ask('PATCH', first, { skuId: '999' })).status).toBe(400);
    expect((await ask('PATCH', first, { skuId: sku.skuId })).json).toMatchObject({ ...sku, userId: at('late') });
    expect((await ask('GET', first)).status).toBe(404);
    expect((await ask('GET', `${skuPath}/user/${at('late')}`)).status).toBe(200);
    expect((await ask('DELETE', `${skuPath}/user/${at('late')}`)).json).toEqual({});
    expect((await ask('DELETE', `${skuPath}/user/${at('late')}`)).status).toBe(404);
  });

  test('that came by themselves are in the way of the API where the profile says so', async () => {
    const path = `${skuPath}/user/${at('office')}`;
    expect((await ask('PATCH', path, { skuId: frontline.skuId })).text).toContain('Auto License switching');
    expect((await ask('DELETE', path)).text).toContain('un-assignment');
  });

  test('know their user by the primary address only; a stranger is a bad request', async () => {
    await ask('POST', `${directory}/users/${at('office')}/aliases`, { alias: at('bureau') });
    expect((await ask('GET', `${skuPath}/user/${at('bureau')}`)).text).toContain('userId');
    expect((await ask('POST', `${skuPath}/user`, { userId: at('nobody') })).status).toBe(400);
    expect((await ask('GET', `${skuPath}/users?customerId=my_customer`)).status).toBe(403);
  });
});

describe('Gmail and Calendar', () => {
  let google: TestGoogle;
  let zoe: Ask;
  let max: Ask;
  let ask: Ask;
  beforeAll(async () => {
    google = await startGoogle();
    ask = await google.as(admin);
    for (const name of ['zoe', 'max']) await ask('POST', `${directory}/users`, account(name));
    zoe = await google.as(at('zoe'), employeeScopes);
    max = await google.as(at('max'), employeeScopes);
  });
  afterAll(() => google.stop());

  const settings = '/gmail/v1/users/me/settings';
  const calendars = '/calendar/v3/calendars';

  test('the language becomes the closest that Gmail has', async () => {
    const put = async (displayLanguage: string) =>
      (await zoe('PUT', `${settings}/language`, { displayLanguage })).json['displayLanguage'];
    expect(await put('de-AT')).toBe('de');
    expect(await put('pt')).toBe('pt-PT');
    expect((await zoe('GET', `${settings}/language`)).json).toEqual({ displayLanguage: 'pt-PT' });
    expect((await zoe('PUT', `${settings}/language`, { displayLanguage: '?' })).reason).toBe('invalidArgument');
  });

  test('a signature is cleaned, limited, and kept with its own address only', async () => {
    const own = `${settings}/sendAs/${at('zoe')}`;
    const written = await zoe('PATCH', own, { signature: '<p style="b" class="a">Z</p> <p>x</p>' });
    expect(written.json['signature']).toBe('<p class="a" style="b">Z</p><p>x</p>');
    expect((await zoe('PATCH', own, { signature: 'x'.repeat(10_001) })).reason).toBe('invalidArgument');
    expect((await zoe('GET', own)).json['signature']).toBe('<p class="a" style="b">Z</p><p>x</p>');
    expect((await zoe('GET', `${settings}/sendAs/${at('max')}`)).status).toBe(404);
  });

  test('POP wants a disposition', async () => {
    expect((await zoe('PUT', `${settings}/pop`, { accessWindow: 'allMail' })).status).toBe(400);
    const pop = { accessWindow: 'allMail', disposition: 'archive' };
    expect((await zoe('PUT', `${settings}/pop`, pop)).json).toEqual(pop);
    expect((await zoe('GET', `${settings}/pop`)).json).toEqual(pop);
  });

  test('a calendar is seen by those whom its rules name, and by nobody else', async () => {
    const { json } = await zoe('POST', calendars, { summary: 'Shop', timeZone: 'Europe/Berlin' });
    const id = String(json['id']);
    const subscribe = () => max('POST', '/calendar/v3/users/me/calendarList', { id });
    expect((await subscribe()).status).toBe(404);
    await ask('POST', `${directory}/groups`, { email: at('team') });
    const rule = { role: 'reader', scope: { type: 'group', value: at('team') } };
    await zoe('POST', `${calendars}/${id}/acl?sendNotifications=false`, rule);
    expect((await subscribe()).status).toBe(404);
    await ask('POST', `${directory}/groups/${at('team')}/members`, { email: at('max') });
    expect((await subscribe()).json).toMatchObject({ id, accessRole: 'reader' });
    expect((await subscribe()).status).toBe(200);
    expect((await max('GET', `${calendars}/${id}/acl`)).status).toBe(403);
    expect((await max('PATCH', `${calendars}/${id}`, { summary: 'Mine' })).status).toBe(403);
  });

  test('a rule of the same scope replaces the first, and its mails are counted', async () => {
    const rule = (role: string) => ({ role, scope: { type: 'user', value: at('max') } });
    const before = Number((await google.stats())['aclMails']);
    await zoe('POST', `${calendars}/primary/acl`, rule('reader'));
    await zoe('POST', `${calendars}/primary/acl?sendNotifications=false`, rule('writer'));
    const rules = await zoe('GET', `${calendars}/primary/acl`);
    expect(rules.json['items']).toMatchObject([{ role: 'owner' }, { role: 'writer', id: `user:${at('max')}` }]);
    expect((await google.stats())['aclMails']).toBe(before + 1);
    expect((await zoe('POST', `${calendars}/primary/acl`, { ...rule('king') })).status).toBe(400);
  });

  test('a time zone must be one', async () => {
    expect((await zoe('PATCH', `${calendars}/primary`, { timeZone: 'Mars/Olympus' })).status).toBe(400);
    expect((await zoe('PATCH', `${calendars}/primary`, { timeZone: 'Europe/Paris' })).json['timeZone']).toBe(
      'Europe/Paris',
    );
  });

  test('Groups Settings answer in Atom unless asked for JSON, and know their values', async () => {
    await ask('POST', `${directory}/groups`, { email: at('news') });
    const path = `/groups/v1/groups/${at('news')}`;
    const atom = await ask('PATCH', path, { whoCanPostMessage: 'ALL_OWNERS_CAN_POST' });
    expect(atom.headers.get('content-type')).toMatch(/atom\+xml/);
    expect((await ask('GET', `${path}?alt=json`)).json['whoCanPostMessage']).toBe('ALL_OWNERS_CAN_POST');
    expect((await ask('PATCH', `${path}?alt=json`, { whoCanPostMessage: 'EVERYBODY' })).status).toBe(400);
  });

  test('poison hits the person whose number it names, and can be planted at run time', async () => {
    await google.faults({ poison: { invalidInsert: ['13'], calendarForbidden: ['14'], mailboxNever: ['15'] } });
    const numbered = (value: string) => ({ externalIds: [{ value, type: 'organization' }] });
    expect((await ask('POST', `${directory}/users`, account('thirteen', numbered('13')))).status).toBe(400);
    await ask('POST', `${directory}/users`, account('fourteen', numbered('14')));
    const fourteen = await google.as(at('fourteen'), employeeScopes);
    expect((await fourteen('GET', `${calendars}/primary`)).reason).toBe('forbidden');
    expect((await fourteen('GET', `${settings}/language`)).status).toBe(200);
    await ask('POST', `${directory}/users`, account('fifteen', numbered('15')));
    const fifteen = await google.as(at('fifteen'), employeeScopes);
    expect((await fifteen('GET', `${settings}/language`)).reason).toBe('failedPrecondition');
  });
});
