import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { account, admin, adminScopes, directory, domain, employeeScopes, skuPath, startGoogle } from './google.js';
import type { Ask, TestGoogle } from './google.js';

let google: TestGoogle;
let ask: Ask;
beforeAll(async () => {
  google = await startGoogle({
    admins: [admin, `admin1@${domain}`],
    adminsWithout: { [`admin1@${domain}`]: ['USERS_CREATE', 'LICENSING'] },
  });
  ask = await google.as(admin);
});
afterAll(() => google.stop());

const users = `${directory}/users`;

describe('what does not fit a method is refused', () => {
  const refused: readonly [what: string, method: string, path: string, body: unknown, status: number, text: RegExp][] =
    [
      ['an unknown field', 'POST', users, account('a', { nickname: 'A' }), 400, /Unknown name \\"nickname\\"/],
      ['an unknown field within', 'POST', users, account('a', { name: { first: 'A' } }), 400, /at 'name'/],
      ['an unknown field of a list', 'POST', users, account('a', { phones: [{ number: '1' }] }), 400, /phones\[0\]/],
      ['a wrong type', 'POST', users, account('a', { suspended: 'yes' }), 400, /'suspended' \(TYPE_BOOL\)/],
      ['a missing field', 'POST', users, { primaryEmail: `a@${domain}` }, 400, /Missing required field: name/],
      ['a missing field within', 'POST', users, account('a', { name: { givenName: 'A' } }), 400, /name.familyName/],
      ['an unknown parameter', 'GET', `${users}?customer=my_customer&limit=5`, undefined, 400, /Unknown name/],
      ['a value outside its range', 'GET', `${users}?customer=my_customer&maxResults=501`, undefined, 400, /range/],
      ['a value outside its list', 'GET', `${users}?customer=my_customer&orderBy=id`, undefined, 400, /TYPE_ENUM/],
      ['a listing of nobody', 'GET', users, undefined, 400, /Bad Request/],
      ['a listing of no customer', 'GET', `${directory}/groups`, undefined, 400, /required/],
      ['another customer', 'GET', `${users}?customer=C0other`, undefined, 403, /Not Authorized/],
      ['a long quotaUser', 'GET', `${users}/${admin}?quotaUser=${'x'.repeat(41)}`, undefined, 400, /quotaUser/],
      ['a field that no reply has', 'GET', `${users}/${admin}?fields=id,nickname`, undefined, 400, /field selection/],
      ['a body where none belongs', 'DELETE', `${users}/a@${domain}`, {}, 400, /must be empty/],
      ['a list as body', 'POST', users, [], 400, /Root element/],
      ['a domain of somebody else', 'POST', users, account('a', { primaryEmail: 'a@else.example' }), 404, /Domain/],
      ['a short password', 'POST', users, account('a', { password: 'short', hashFunction: null }), 400, /Password/],
      ['a hash of no function', 'POST', users, account('a', { hashFunction: 'MD4' }), 400, /hashFunction/],
      ['a hash that is none', 'POST', users, account('a', { password: 'x'.repeat(40) }), 400, /Invalid Password/],
      ['an address that cannot be', 'POST', users, account('a..b'), 400, /primary_user_email/],
      ['a reserved address', 'POST', users, account('postmaster'), 400, /primary_user_email/],
      ['an org unit that is not there', 'POST', users, account('a', { orgUnitPath: '/No' }), 400, /INVALID_OU_ID/],
      ['an unknown kind of id', 'POST', users, account('a', { externalIds: [{ type: 'x', value: '1' }] }), 400, /Ids/],
      ['an illegal language', 'POST', users, account('a', { languages: [{ languageCode: 'x_!' }] }), 400, /languages/],
      ['too much in a list', 'POST', users, account('a', { phones: [{ value: '1'.repeat(1_100) }] }), 400, /too large/],
    ];

  test.each(refused)('%s', async (_what, method, path, body, status, text) => {
    const reply = await ask(method, path, body);
    expect(reply.status).toBe(status);
    expect(reply.text).toMatch(text);
  });

  test('text that is no JSON, and a path that is not well encoded', async () => {
    const token = (await google.mint(admin, adminScopes)).json['access_token'];
    const withToken = { token: String(token) };
    expect((await google.send('POST', users, { ...withToken, body: '{' })).reason).toBe('parseError');
    expect((await google.send('GET', `${users}/%E0%A4%A`, withToken)).status).toBe(400);
  });

  test('a path that Google does not have answers with a page, not with JSON', async () => {
    const reply = await ask('GET', '/admin/directory/v2/users');
    expect(reply.status).toBe(404);
    expect(reply.headers.get('content-type')).toMatch(/text\/html/);
  });

  test('nothing that was refused left anything behind', async () => {
    expect((await google.stats())['users']).toBe(2);
  });
});

describe('who may call', () => {
  test('a token without the scope of the method is refused with the words that name it', async () => {
    const mail = await google.as(admin, employeeScopes);
    const directoryReply = await mail('GET', `${users}/${admin}`);
    expect(directoryReply.status).toBe(403);
    expect(directoryReply.reason).toBe('insufficientPermissions');
    expect(directoryReply.text).toContain('ACCESS_TOKEN_SCOPE_INSUFFICIENT');
    expect(directoryReply.headers.get('www-authenticate')).toContain('insufficient_scope');
    const calendarReply = await ask('GET', '/calendar/v3/calendars/primary');
    expect(calendarReply.reason).toBe('insufficientPermissions');
    expect(calendarReply.text).not.toContain('details');
  });

  test('an employee is no admin, and an admin lacks the privileges that the profile names', async () => {
    await google.plant({ primaryEmail: `plain@${domain}` });
    const employee = await google.as(`plain@${domain}`, adminScopes);
    expect((await employee('GET', `${users}/${admin}`)).reason).toBe('forbidden');
    const lesser = await google.as(`admin1@${domain}`);
    expect((await lesser('GET', `${users}/${admin}`)).status).toBe(200);
    expect((await lesser('POST', users, account('b'))).reason).toBe('forbidden');
    expect((await lesser('GET', `${skuPath}/user/${admin}`)).reason).toBe('forbidden');
  });

  test('an API that is not enabled says so, in the shape of its front end', async () => {
    await google.faults({ disabledApis: ['directory', 'calendar'] });
    const newer = await ask('GET', `${users}/${admin}`);
    expect(newer.reason).toBe('accessNotConfigured');
    expect(newer.text).toContain('SERVICE_DISABLED');
    const mail = await google.as(admin, employeeScopes);
    const classic = await mail('GET', '/calendar/v3/calendars/primary');
    expect(classic.reason).toBe('accessNotConfigured');
    expect(classic.text).not.toContain('details');
    await google.faults({ disabledApis: [] });
    expect((await ask('GET', `${users}/${admin}`)).status).toBe(200);
  });

  test('a revoked token is refused, and a new one works', async () => {
    const before = await google.as(admin);
    await google.faults({ revokeTokens: true });
    expect((await before('GET', `${users}/${admin}`)).reason).toBe('authError');
    await expect
      .poll(async () => (await (await google.as(admin))('GET', `${users}/${admin}`)).status, { timeout: 5_000 })
      .toBe(200);
    ask = await google.as(admin);
  });

  test('a mailbox is reached as its owner only', async () => {
    const mail = await google.as(admin, employeeScopes);
    expect((await mail('GET', `/gmail/v1/users/other@${domain}/settings/language`)).text).toContain(
      'Delegation denied',
    );
    expect((await mail('GET', `/gmail/v1/users/${admin}/settings/language`)).status).toBe(200);
  });
});

describe('the token endpoint', () => {
  const oauth = async (subject: string, scopes = employeeScopes, changes = {}) => {
    const { status, json } = await google.mint(subject, scopes, changes);
    return [status, json['error']];
  };

  test('checks signature, audience, issuer, times and subject', async () => {
    const now = Math.floor(Date.now() / 1_000);
    expect(await oauth(admin, employeeScopes, { aud: 'https://oauth2.googleapis.com/token' })).toEqual([
      400,
      'invalid_grant',
    ]);
    expect(await oauth(admin, employeeScopes, { iss: 'nobody@else.example' })).toEqual([400, 'invalid_grant']);
    expect(await oauth(admin, employeeScopes, { exp: now + 7_200 })).toEqual([400, 'invalid_grant']);
    expect(await oauth(admin, employeeScopes, { iat: now - 9_000, exp: now - 6_000 })).toEqual([400, 'invalid_grant']);
    expect(await oauth(`nobody@${domain}`)).toEqual([400, 'invalid_grant']);
    expect(await oauth('not an address')).toEqual([400, 'invalid_request']);
    const forged = (await google.send('POST', '/token', { form: 'grant_type=password&assertion=x' })).json;
    expect(forged['error']).toBe('unsupported_grant_type');
  });

  test('refuses the whole request when one scope is not delegated, and a scope that there is not', async () => {
    await google.faults({ delegatedScopes: ['gmail.settings.basic', 'calendar.acls'] });
    const [basic = '', calendars = ''] = employeeScopes;
    expect(await oauth(admin, [basic])).toEqual([200, undefined]);
    expect(await oauth(admin, [basic, calendars])).toEqual([401, 'unauthorized_client']);
    await google.faults({ delegatedScopes: null });
    expect(await oauth(admin, [basic, calendars])).toEqual([200, undefined]);
    expect(await oauth(admin, [`${basic}.none`])).toEqual([400, 'invalid_scope']);
    expect(await oauth(admin, [])).toEqual([400, 'invalid_scope']);
  });

  test('refuses a suspended subject in the words that a new one gets', async () => {
    await google.plant({ primaryEmail: `gone@${domain}`, suspended: true });
    expect(await oauth(`gone@${domain}`)).toEqual([403, 'access_denied']);
  });
});

describe('partial replies', () => {
  test('hold the fields asked for and no others', async () => {
    await ask('POST', users, account('mask', { externalIds: [{ type: 'organization', value: '1' }] }));
    const one = await ask('GET', `${users}/mask@${domain}?fields=primaryEmail,name(givenName),externalIds/value`);
    expect(one.json).toEqual({
      primaryEmail: `mask@${domain}`,
      name: { givenName: 'mask' },
      externalIds: [{ value: '1' }],
    });
    const list = await ask('GET', `${users}?customer=my_customer&maxResults=1&fields=nextPageToken,users(id)`);
    expect(Object.keys(list.json).sort()).toEqual(['nextPageToken', 'users']);
    expect(list.json['users']).toEqual([{ id: expect.any(String) }]);
    const group = await ask('POST', `${directory}/groups?fields=email`, { email: `masked@${domain}` });
    expect(group.json).toEqual({ email: `masked@${domain}` });
  });
});
