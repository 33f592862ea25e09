import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { account, admin, directory, domain, startGoogle, type Ask, type TestGoogle } from './google.js';

let google: TestGoogle;
let ask: Ask;
beforeAll(async () => {
  google = await startGoogle();
  ask = await google.as(admin);
});
afterAll(() => google.stop());

const users = `${directory}/users`;
const at = (name: string) => `${name}@${domain}`;
const numbered = (value: string) => ({ externalIds: [{ type: 'organization', value }] });

describe('users', () => {
  test('an update changes what it names, replaces lists whole, and null clears', async () => {
    await ask('POST', users, account('upd', { ...numbered('1'), phones: [{ type: 'work', value: '+49301' }] }));
    await ask('PUT', `${users}/${at('upd')}`, { name: { familyName: 'New' }, ...numbered('2') });
    const changed = (await ask('GET', `${users}/${at('upd')}`)).json;
    expect(changed).toMatchObject({ name: { givenName: 'upd', familyName: 'New' }, ...numbered('2') });
    expect(changed['phones']).toEqual([{ type: 'work', value: '+49301' }]);
    await ask('PUT', `${users}/${at('upd')}`, { phones: null });
    expect((await ask('GET', `${users}/${at('upd')}`)).json['phones']).toBeUndefined();
  });

  test('a rename keeps the old address as an alias, by which the account is still found', async () => {
    const { json } = await ask('POST', users, account('maiden'));
    await ask('PUT', `${users}/${at('maiden')}`, { primaryEmail: at('Married') });
    const byOld = (await ask('GET', `${users}/${at('maiden')}`)).json;
    expect(byOld).toMatchObject({ id: json['id'], primaryEmail: at('married'), aliases: [at('maiden')] });
    expect((await ask('POST', users, account('maiden'))).reason).toBe('duplicate');
  });

  test('addresses are one space over users, aliases and groups', async () => {
    await ask('POST', users, account('space'));
    expect((await ask('POST', `${users}/${at('space')}/aliases`, { alias: at('other') })).status).toBe(200);
    expect((await ask('POST', users, account('other'))).status).toBe(409);
    expect((await ask('POST', `${directory}/groups`, { email: at('other') })).status).toBe(409);
    expect((await ask('DELETE', `${users}/${at('space')}/aliases/${at('other')}`)).status).toBe(204);
    expect((await ask('POST', `${directory}/groups`, { email: at('other') })).status).toBe(200);
    expect((await ask('POST', `${users}/${at('space')}/aliases`, { alias: at('other') })).status).toBe(409);
  });

  test('a deleted account keeps its seat, gives its licence back, and returns by its id with it', async () => {
    const { json } = await ask('POST', users, account('leaver'));
    const before = await google.stats();
    expect((await ask('DELETE', `${users}/${at('leaver')}`)).status).toBe(204);
    expect((await ask('GET', `${users}/${at('leaver')}`)).status).toBe(404);
    const listed = await ask('GET', `${users}?customer=my_customer&showDeleted=true`);
    expect(listed.json['users']).toMatchObject([{ id: json['id'], deletionTime: expect.any(String) }]);
    expect(usedOf(await google.stats())).toBe(usedOf(before) - 1);
    expect((await ask('POST', `${users}/${at('leaver')}/undelete`, {})).status).toBe(404);
    expect((await ask('POST', `${users}/${String(json['id'])}/undelete`, { orgUnitPath: '/' })).status).toBe(204);
    expect((await ask('GET', `${users}/${at('leaver')}`)).json['id']).toBe(json['id']);
    expect(usedOf(await google.stats())).toBe(usedOf(before));
  });

  test('a plain insert takes a consumer account’s address away; resolveConflictAccount invites its owner instead', async () => {
    await google.plant({ kind: 'unmanaged', address: at('consumer') }, { kind: 'unmanaged', address: at('invited') });
    const invited = await ask('POST', `${users}?resolveConflictAccount=true`, account('invited'));
    expect(invited.status).toBe(202);
    expect((await ask('GET', `${users}/${at('invited')}`)).status).toBe(404);
    expect((await ask('POST', users, account('consumer'))).status).toBe(200);
    expect(await google.rows('evictions')).toEqual([{ address: at('consumer') }]);
    expect((await google.stats())['evicted']).toBe(1);
    const left = await ask('GET', '/v1/customers/C0demo001/userinvitations');
    expect(left.json['userInvitations']).toMatchObject([{ state: 'INVITED', mailsSentCount: '1' }]);
  });

  test('no seat is left when the seats are used up, and one comes when they are raised', async () => {
    await google.faults({ seats: 1 });
    expect((await ask('POST', users, account('late'))).reason).toBe('limitExceeded');
    await google.faults({ seats: 1_000 });
    expect((await ask('POST', users, account('late'))).status).toBe(200);
  });

  test('whom Google suspended no admin can bring back', async () => {
    await google.plant({ primaryEmail: at('abuse'), suspended: true, suspensionReason: 'ABUSE' });
    expect((await ask('PUT', `${users}/${at('abuse')}`, { suspended: false })).reason).toBe('adminCannotUnsuspend');
    await google.plant({ primaryEmail: at('paused'), suspended: true });
    expect((await ask('PUT', `${users}/${at('paused')}`, { suspended: false })).json['suspended']).toBe(false);
  });

  test('more than thirty aliases are refused', async () => {
    await ask('POST', users, account('many'));
    for (let n = 0; n < 30; n += 1) await ask('POST', `${users}/${at('many')}/aliases`, { alias: at(`many${n}`) });
    expect((await ask('POST', `${users}/${at('many')}/aliases`, { alias: at('many30') })).reason).toBe('limitExceeded');
  });

  test('are found by a query', async () => {
    await ask('POST', users, account('searched', numbered('4711')));
    const found = await ask('GET', `${users}?customer=my_customer&query=${encodeURIComponent("externalId='4711'")}`);
    expect(found.json['users']).toMatchObject([{ primaryEmail: at('searched') }]);
  });
});

describe('delays', () => {
  test('a new account is incomplete, not found by id, has no token and no mailbox, and then all of it', async () => {
    const slow = await startGoogle(
      { delays: { visibleById: [2, 2], complete: [2, 2], token: [2, 2], mailbox: [2, 2], member: [2, 2] } },
      { timeScale: 4 },
    );
    try {
      const asAdmin = await slow.as(admin);
      const { json } = await asAdmin('POST', users, account('fresh'));
      await asAdmin('POST', `${directory}/groups`, { email: at('team') });
      const change = () => asAdmin('PUT', `${users}/${at('fresh')}`, { suspended: false });
      const byId = () => asAdmin('GET', `${users}/${String(json['id'])}`);
      const join = () => asAdmin('POST', `${directory}/groups/${at('team')}/members`, { email: at('fresh') });
      expect((await change()).text).toContain('User creation is not complete');
      expect((await byId()).status).toBe(404);
      expect((await join()).text).toContain('memberKey');
      expect((await asAdmin('GET', `${users}/${at('fresh')}`)).json['isMailboxSetup']).toBe(false);
      expect((await slow.mint(at('fresh'), ['https://www.googleapis.com/auth/calendar'])).json['error']).toBe(
        'access_denied',
      );
      await expect.poll(async () => (await byId()).json['isMailboxSetup'], { timeout: 10_000 }).toBe(true);
      expect((await change()).status).toBe(200);
      expect((await join()).status).toBe(200);
      expect((await slow.mint(at('fresh'), ['https://www.googleapis.com/auth/calendar'])).status).toBe(200);
    } finally {
      slow.stop();
    }
  });

  test('reads after a write go backwards for a while', async () => {
    const stale = await startGoogle({ delays: { staleReads: { share: 0.5, seconds: 1_000 } } });
    try {
      const asAdmin = await stale.as(admin);
      await asAdmin('POST', users, account('stale'));
      await asAdmin('PUT', `${users}/${at('stale')}`, { name: { familyName: 'New' } });
      const seen = new Set<unknown>();
      for (let n = 0; n < 40; n += 1) {
        seen.add((await asAdmin('GET', `${users}/${at('stale')}?fields=name(familyName)`)).text);
      }
      expect(seen.size).toBe(2);
    } finally {
      stale.stop();
    }
  });

  test('new groups, org units and memberships can lag as well', async () => {
    const slow = await startGoogle({
      delays: { group: [1e9, 1e9], orgUnit: [1e9, 1e9], visibleInListing: [1e9, 1e9] },
    });
    try {
      const asAdmin = await slow.as(admin);
      await asAdmin('POST', `${directory}/groups`, { email: at('late') });
      expect((await asAdmin('GET', `${directory}/groups/${at('late')}`)).status).toBe(404);
      await asAdmin('POST', `${directory}/customer/my_customer/orgunits`, { name: 'Late', parentOrgUnitPath: '/' });
      const body = account('a', { orgUnitPath: '/Late' });
      expect((await asAdmin('POST', users, body)).text).toContain('INVALID_OU_ID');
      await asAdmin('POST', users, account('unlisted'));
      const listed = await asAdmin('GET', `${users}?customer=my_customer`);
      expect(listed.text).not.toContain('unlisted');
    } finally {
      slow.stop();
    }
  });
});

describe('groups and org units', () => {
  test('members have roles, are in once, and leave', async () => {
    const members = `${directory}/groups/${at('crew')}/members`;
    await ask('POST', `${directory}/groups`, { email: at('crew') });
    await ask('POST', users, account('sailor'));
    expect((await ask('POST', members, { email: at('sailor'), role: 'MANAGER' })).json['role']).toBe('MANAGER');
    expect((await ask('POST', members, { email: at('sailor') })).text).toContain('Member already exists.');
    expect((await ask('POST', members, { email: at('nobody') })).text).toContain('memberKey');
    expect((await ask('DELETE', `${members}/${at('sailor')}`)).status).toBe(204);
    expect((await ask('GET', `${members}/${at('sailor')}`)).status).toBe(404);
  });

  test('a group may hold a group, but not itself; membership through it counts for hasMember only', async () => {
    for (const email of [at('outer'), at('inner')]) await ask('POST', `${directory}/groups`, { email });
    await ask('POST', users, account('nested'));
    await ask('POST', `${directory}/groups/${at('inner')}/members`, { email: at('nested') });
    expect((await ask('POST', `${directory}/groups/${at('outer')}/members`, { email: at('inner') })).status).toBe(200);
    const cycle = await ask('POST', `${directory}/groups/${at('inner')}/members`, { email: at('outer') });
    expect([cycle.status, cycle.text]).toEqual([412, expect.stringContaining('Cyclic')]);
    const through = await ask('GET', `${directory}/groups/${at('outer')}/hasMember/${at('nested')}`);
    expect(through.json).toEqual({ isMember: true });
    expect((await ask('GET', `${directory}/groups/${at('outer')}/members/${at('nested')}`)).status).toBe(404);
  });

  test('org units have one name among siblings, whatever its case, and need their parent', async () => {
    const units = `${directory}/customer/my_customer/orgunits`;
    await ask('POST', units, { name: 'Shops', parentOrgUnitPath: '/' });
    expect((await ask('POST', units, { name: 'SHOPS', parentOrgUnitPath: '/' })).text).toContain('Invalid Ou Id');
    expect((await ask('POST', units, { name: 'A', parentOrgUnitPath: '/No' })).text).toContain('Invalid Parent');
    expect((await ask('POST', units, { name: 'A' })).reason).toBe('required');
    await ask('POST', units, { name: 'Käse & Brot', parentOrgUnitPath: '/Shops' });
    const path = encodeURIComponent('Shops/Käse & Brot').replaceAll('%2F', '/');
    expect((await ask('GET', `${units}/${path}`)).json['orgUnitPath']).toBe('/Shops/Käse & Brot');
    expect((await ask('DELETE', `${units}/Shops`)).status).toBe(412);
    const children = await ask('GET', `${units}?type=children`);
    expect(children.json['organizationUnits']).toMatchObject([{ orgUnitPath: '/Shops' }]);
  });
});

function usedOf(stats: Record<string, unknown>): number {
  return Number(/"used":(\d+)/.exec(JSON.stringify(stats['licences']))?.[1]);
}
