import { describe, expect, it } from 'vitest';
import { employeeRecordSchema, type EmployeeRecord } from '#libs/vocabulary';
import { blockedAddresses, wantedAddress, wishAddress } from './address-wish.js';
import { parseBlueprint } from './parse.js';

const today = '2026-03-01';

function blueprintOf(pieces = '') {
  const parsed = parseBlueprint(`
blueprint: 1
name: Small
domains: [Small.example, shops.small.example]
domain:
  - when: employee.department == "Stores"
    value: shops.small.example
  - value: small.example
password: sso
orgUnit: /
licence: none
${pieces}`);
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.blueprint;
}

function recordOf(changes: Partial<Record<keyof EmployeeRecord, unknown>> = {}): EmployeeRecord {
  return employeeRecordSchema.parse({
    employeeNumber: 'E-7',
    status: 'active',
    workerType: 'employee',
    legalName: { givenName: 'Zoé', familyName: 'Lefèvre' },
    hireDate: '2020-01-01',
    country: 'FR',
    ...changes,
  });
}

const wish = (pieces: string, changes?: Parameters<typeof recordOf>[0]) =>
  wishAddress(blueprintOf(pieces), recordOf(changes), today);

describe('the wished address', () => {
  it('is the one that HR gives, on any of our domains', () => {
    expect(wish('', { workEmail: 'Zoe_L@shops.small.example' }).wish).toEqual({
      kind: 'given',
      address: 'zoe_l@shops.small.example',
    });
  });

  it('is the pattern’s where HR gives none, on the domain that the rule names', () => {
    expect(wish('').wish).toEqual({
      kind: 'pattern',
      localParts: ['zoe.lefevre'],
      domain: 'small.example',
      numbered: true,
    });
    expect(wish('', { department: 'Stores' }).wish).toMatchObject({ domain: 'shops.small.example' });
  });

  it('is the pattern’s, with a warning, where HR gives one on another domain', () => {
    expect(wish('', { workEmail: 'zoe@elsewhere.example' })).toEqual({
      wish: {
        kind: 'pattern',
        localParts: ['zoe.lefevre'],
        domain: 'small.example',
        numbered: true,
      },
      aliases: [],
      warnings: ['given_address_elsewhere'],
    });
  });

  it('keeps former addresses on our domains as aliases, once each and without the primary one', () => {
    const legacyEmails = ['Old@small.example', 'old@small.example', 'x@elsewhere.example', 'now@small.example'];
    expect(wish('', { workEmail: 'now@small.example', legacyEmails }).aliases).toEqual(['old@small.example']);
    expect(wish('address: { legacy: drop }', { workEmail: 'now@small.example', legacyEmails }).aliases).toEqual([]);
  });

  it('keeps a given address as an alias where the blueprint ignores it', () => {
    expect(wish('address: { given: ignore }', { workEmail: 'z@small.example' })).toMatchObject({
      wish: { kind: 'pattern', localParts: ['zoe.lefevre'] },
      aliases: ['z@small.example'],
    });
  });

  it('follows the blueprint’s pattern', () => {
    const pattern = `address: { pattern: '{{ givenInitial }}{{ family }}-{{ employeeNumber }}' }`;
    expect(wish(pattern).wish).toMatchObject({ localParts: ['zlefevre-e-7'] });
    const byType = `address:
  pattern:
    - when: employee.workerType == "contractor"
      value: 'ext.{{ given }}.{{ family }}'
    - value: '{{ given }}.{{ family }}'`;
    expect(wish(byType, { workerType: 'contractor' }).wish).toMatchObject({ localParts: ['ext.zoe.lefevre'] });
    expect(wish(byType).wish).toMatchObject({ localParts: ['zoe.lefevre'] });
  });

  it.each([
    ['address_reserved', '', { legalName: { givenName: 'Root', familyName: '' } }],
    ['address_reserved', 'address: { reserved: [Zoe.Lefevre] }', {}],
    ['address_reserved', '', { workEmail: 'postmaster@small.example' }],
    ['address_offensive', 'address: { offensive: [Zoe] }', {}],
    ['invalid_field', '', { workEmail: 'a+b@small.example' }],
    ['name_not_romanised', '', { legalName: { givenName: '伟', familyName: '张' } }],
    ['name_mixed_script', '', { legalName: { givenName: 'L\u{0443}cie', familyName: 'Petit' } }],
  ])('is a problem, %s', (reason, pieces, changes) => {
    expect(wish(pieces, changes).wish).toEqual({ kind: 'problem', reason });
  });

  it('is a problem on a domain that the blueprint does not list', () => {
    const parsed = parseBlueprint(`
blueprint: 1
name: Small
domains: [small.example]
domain: '{{ employee.country | downcase }}.example'
password: sso
orgUnit: /
licence: none
`);
    if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
    const { wish: wished } = wishAddress(parsed.blueprint, recordOf(), today);
    expect(wished).toEqual({ kind: 'problem', reason: 'domain_not_verified' });
  });

  it('says what becomes of homonyms, by condition', () => {
    expect(wish('').wish).toMatchObject({ numbered: true });
    expect(wish('address: { collision: conflict }').wish).toMatchObject({ numbered: false });
    const byType = `address:
  collision:
    - when: employee.workerType == "contractor"
      value: conflict
    - value: number`;
    expect(wish(byType, { workerType: 'contractor' }).wish).toMatchObject({ numbered: false });
    expect(wish(byType).wish).toMatchObject({ numbered: true });
  });

  const byCountry = `address:
  pattern:
    - when: employee.country == "HU"
      value: '{{ family }}.{{ given }}'
    - when: employee.country in ["SE", "DK"]
      value: '{{ givenInitial }}.{{ family }}'
    - value: '{{ given }}.{{ family }}'
  alternatives:
    - pattern: '{{ firstGiven }}.{{ middleInitial }}.{{ family }}'
      when: employee.country != "HU"
    - '{{ given }}.{{ family }}-{{ employeeNumber }}'`;
  const zita = { legalName: { givenName: 'Zita Anna', familyName: 'Kis' } };

  it.each([
    ['HU', ['kis.zita-anna', 'zita-anna.kis-e-7']],
    ['SE', ['z.kis', 'zita.a.kis', 'zita-anna.kis-e-7']],
    ['FR', ['zita-anna.kis', 'zita.a.kis', 'zita-anna.kis-e-7']],
  ])('follows the pattern of %s and has its alternatives in their order', (country, localParts) => {
    expect(wish(byCountry, { ...zita, country }).wish).toMatchObject({ localParts });
  });

  it('leaves out alternatives that give the same again, a reserved word or nothing', () => {
    const alternatives = `address:
  alternatives: ['{{ given }}.{{ middleInitial }}.{{ family }}', info, '{{ middleInitial }}', '{{ familyInitial }}.{{ given }}']`;
    expect(wish(alternatives).wish).toMatchObject({ localParts: ['zoe.lefevre', 'l.zoe'] });
  });

  it('never meets a reserved word by its number', () => {
    expect(blockedAddresses(blueprintOf('address: { reserved: [MP3, front.desk] }'))).toEqual([
      'mp3@small.example',
      'mp3@shops.small.example',
    ]);
  });

  it('is nothing for whoever has left', () => {
    const leaver = recordOf({ status: 'terminated', workEmail: 'zoe@small.example' });
    expect(wantedAddress(blueprintOf(), leaver, today)).toMatchObject({ given: null, localParts: [], aliases: [] });
  });
});
