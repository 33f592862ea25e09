import { describe, expect, it } from 'vitest';
import { desiredOf, employeeId, observedOf, strangerOf } from '../test/builders.js';
import { accountDifferences } from './differences.js';
import { userPatch, userWrite } from './user-body.js';

const mark = { type: 'custom', customType: 'bascule', value: employeeId };

describe('the body of users.insert', () => {
  it('holds every field that the blueprint sets, with our mark beside the employee number', () => {
    const password = { value: 'ab'.repeat(20), hashFunction: 'SHA-1' as const };
    expect(userWrite(desiredOf({ primaryEmail: 'Zoe@Shop.example' }), { employeeId, password })).toEqual({
      primaryEmail: 'zoe@shop.example',
      name: { givenName: 'Zoé', familyName: 'Lefèvre' },
      orgUnitPath: '/Shop/FR',
      suspended: false,
      externalIds: [{ type: 'organization', value: '00042' }, mark],
      changePasswordAtNextLogin: false,
      organizations: [{ type: 'work', primary: true, title: 'Seller', department: 'Stores' }],
      relations: [{ type: 'manager', value: 'boss@shop.example' }],
      phones: [{ type: 'work', value: '+33 1 23' }],
      languages: [{ languageCode: 'fr', preference: 'preferred' }],
      password: 'ab'.repeat(20),
      hashFunction: 'SHA-1',
    });
  });

  it('leaves out lists that the blueprint does not set, and asks for a new password on hand-over', () => {
    const bare = desiredOf({
      organization: {},
      managerEmail: undefined,
      phones: [],
      language: undefined,
      password: 'handover',
    });
    const body = userWrite(bare, { employeeId });
    for (const list of ['organizations', 'relations', 'phones', 'languages', 'password'])
      expect(body).not.toHaveProperty(list);
    expect(body['changePasswordAtNextLogin']).toBe(true);
  });

  it('cuts names to 60 characters, never through a surrogate pair', () => {
    const body = userWrite(desiredOf({ name: { givenName: '𝒜'.repeat(70), familyName: 'x'.repeat(61) } }), {
      employeeId,
    });
    expect(body['name']).toEqual({ givenName: '𝒜'.repeat(60), familyName: 'x'.repeat(60) });
  });
});

describe('the body of users.update', () => {
  const patchOf = (desired = desiredOf(), observed = strangerOf()) =>
    userPatch(accountDifferences(desired, observed, { mark: employeeId }), observed, desired, { employeeId });

  it('is empty when nothing differs', () => {
    expect(patchOf(desiredOf(), observedOf())).toEqual({});
  });

  it('sends only what differs', () => {
    const body = patchOf(desiredOf({ orgUnitPath: '/Shop/DE', suspended: true }), observedOf());
    expect(body).toEqual({ orgUnitPath: '/Shop/DE', suspended: true });
  });

  it('sends lists whole, with the entries of other tools in them', () => {
    expect(patchOf()).toMatchObject({
      externalIds: [
        { type: 'custom', customType: 'badge', value: 'B-17' },
        { type: 'organization', value: '00042' },
        mark,
      ],
      phones: [
        { type: 'home', value: '+33 9 99' },
        { type: 'work', value: '+33 1 23' },
      ],
      relations: [{ type: 'manager', value: 'boss@shop.example' }],
    });
  });

  it('changes our fields of the primary organization and keeps its others', () => {
    const organizations = [
      { type: 'school', name: 'Evening school' },
      { type: 'work', primary: true, title: 'Trainee', symbol: 'SHOP' },
    ];
    expect(patchOf(desiredOf(), observedOf(desiredOf(), { organizations }))).toEqual({
      organizations: [
        { type: 'school', name: 'Evening school' },
        { type: 'work', primary: true, title: 'Seller', department: 'Stores', symbol: 'SHOP' },
      ],
    });
  });

  it('replaces the preferred language and the manager, and keeps other languages and relations', () => {
    const observed = observedOf(desiredOf(), {
      languages: [
        { languageCode: 'de', preference: 'not_preferred' },
        { languageCode: 'en', preference: 'preferred' },
      ],
      relations: [
        { type: 'assistant', value: 'aid@shop.example' },
        { type: 'manager', value: 'former@shop.example' },
      ],
    });
    expect(patchOf(desiredOf(), observed)).toEqual({
      languages: [
        { languageCode: 'de', preference: 'not_preferred' },
        { languageCode: 'fr', preference: 'preferred' },
      ],
      relations: [
        { type: 'assistant', value: 'aid@shop.example' },
        { type: 'manager', value: 'boss@shop.example' },
      ],
    });
  });

  it('keeps the employee number of an account when only the mark is missing', () => {
    const externalIds = [{ type: 'organization', value: ' 00042 ', note: 'from the card office' }];
    expect(patchOf(desiredOf(), observedOf(desiredOf(), { externalIds }))).toEqual({
      externalIds: [...externalIds, mark],
    });
  });
});

describe('the differences of an account', () => {
  it('take the form that Google gave back as the expected one', () => {
    const desired = desiredOf({ language: 'fr-BE' });
    const observed = observedOf(desired, { languages: [{ languageCode: 'fr', preference: 'preferred' }] });
    expect(accountDifferences(desired, observed, { mark: employeeId })).toHaveLength(1);
    expect(accountDifferences(desired, observed, { mark: employeeId, expected: { language: 'fr' } })).toEqual([]);
  });

  it('see a mark of someone else and a missing one', () => {
    const fieldsOf = (externalIds: Record<string, unknown>[]) =>
      accountDifferences(desiredOf(), observedOf(desiredOf(), { externalIds }), { mark: employeeId }).map(
        (c) => c.field,
      );
    expect(
      fieldsOf([
        { ...mark, value: 'x' },
        { type: 'organization', value: '00042' },
      ]),
    ).toEqual(['mark']);
    expect(fieldsOf([])).toEqual(['mark', 'employeeNumber']);
  });
});
