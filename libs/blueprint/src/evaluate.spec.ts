import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { desiredAccountSchema, employeeRecordSchema, type EmployeeRecord } from '#libs/vocabulary';
import type { Blueprint } from './blueprint.js';
import { selectsEmployee } from './conditions.js';
import { evaluate, type EvaluateInput } from './evaluate.js';
import { hasLeft } from './leaving.js';
import { parseBlueprint } from './parse.js';

const today = '2026-03-01';

function blueprintOf(yaml: string): Blueprint {
  const parsed = parseBlueprint(yaml);
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems, undefined, 1));
  return parsed.blueprint;
}

const retailer = blueprintOf(
  readFileSync(new URL('../../../config/blueprints/retailer.yaml', import.meta.url), 'utf8'),
);

const base = `
blueprint: 1
name: Small
domains: [small.example]
declare:
  orgUnits: [{ path: /Staff }]
  groups: [{ email: all@small.example, name: All, whoCanPost: managers }]
  calendars: [{ key: events, name: Events, timeZone: Europe/Paris, owner: admin@small.example }]
tables:
  zones: { FR: Europe/Paris, ZZ: Nowhere/Nowhere }
password: sso
licence: none
`;
const small = (pieces: string) =>
  blueprintOf(`${base}${pieces.includes('orgUnit:') ? '' : 'orgUnit: /Staff\n'}${pieces}`);

function recordOf(changes: Partial<Record<keyof EmployeeRecord, unknown>> = {}): EmployeeRecord {
  return employeeRecordSchema.parse({
    employeeNumber: '00042',
    status: 'active',
    workerType: 'employee',
    legalName: { givenName: 'Zoé', familyName: 'Lefèvre' },
    hireDate: '2020-01-01',
    country: 'FR',
    ...changes,
  });
}

function accountOf(blueprint: Blueprint, changes?: Parameters<typeof recordOf>[0], input: Partial<EvaluateInput> = {}) {
  const result = evaluate(blueprint, { record: recordOf(changes), address: 'zoe@small.example', today, ...input });
  if ('reason' in result) throw new Error(`${result.reason} at ${result.path}: ${result.detail}`);
  return result.account;
}

function failureOf(blueprint: Blueprint, changes?: Parameters<typeof recordOf>[0]) {
  const result = evaluate(blueprint, { record: recordOf(changes), address: 'zoe@small.example', today });
  return 'reason' in result ? result : undefined;
}

describe('the retailer’s blueprint', () => {
  it('gives a store employee in France what the retailer wants', () => {
    const account = accountOf(
      retailer,
      { department: 'Stores', jobTitle: 'Seller', locationCode: 'FR-017', workPhone: '+33 1 23' },
      { address: 'Zoe.Lefevre@shops.bascule-retail.example', managerAddress: 'Boss@bascule-retail.example' },
    );
    expect(account).toMatchObject({
      primaryEmail: 'zoe.lefevre@shops.bascule-retail.example',
      name: { givenName: 'Zoé', familyName: 'Lefèvre' },
      orgUnitPath: '/Bascule Retail/FR/Stores',
      suspended: false,
      employeeNumber: '00042',
      organization: { name: 'Bascule Retail France', title: 'Seller', department: 'Stores', location: 'FR-017' },
      managerEmail: 'boss@bascule-retail.example',
      phones: [{ type: 'work', value: '+33 1 23' }],
      language: 'fr',
      groups: [
        'all-fr@bascule-retail.example',
        'stores-fr@bascule-retail.example',
        'dept-stores@bascule-retail.example',
      ],
      licence: { assignment: 'automatic', productId: 'Google-Apps', skuId: '1010020026' },
      password: 'sso',
      gmail: {
        language: { mode: 'once', value: 'fr' },
        imap: { mode: 'always', value: { enabled: false } },
        pop: { mode: 'always', value: { accessWindow: 'disabled' } },
      },
      calendar: {
        timeZone: { mode: 'once', value: 'Europe/Paris' },
        subscriptions: { mode: 'once', value: ['company-events', 'holidays-fr'] },
      },
    });
    expect(account.gmail.signature?.mode).toBe('always');
    expect(account.gmail.signature?.value).toContain('<b>Zoé Lefèvre</b>');
    expect(account.gmail.signature?.value).toContain('store FR-017');
  });

  it('gives an account to anyone anywhere, as the vocabulary wants it, the same each time', () => {
    const anyRecord = fc.record({
      country: fc.constantFrom('FR', 'DE', 'PL', 'US', 'XX'),
      department: fc.option(fc.constantFrom('Stores', 'Finance', 'A department of its own'), { nil: undefined }),
      workerType: fc.constantFrom('employee', 'temp', 'contractor', 'intern'),
      status: fc.constantFrom('active', 'prehire', 'leave', 'terminated'),
      jobTitle: fc.option(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 }), { nil: undefined }),
      legalName: fc.record({
        givenName: fc.string({ unit: 'grapheme', maxLength: 80 }),
        familyName: fc.constantFrom('X', '<b>', '{{ employee }}'),
      }),
    });
    fc.assert(
      fc.property(anyRecord, (changes) => {
        const record = recordOf(changes);
        const input = { record, address: 'a.b@bascule-retail.example', today };
        const result = evaluate(retailer, input);
        if ('reason' in result) throw new Error(`${result.path}: ${result.detail}`);
        expect(desiredAccountSchema.parse(result.account)).toEqual(result.account);
        expect(JSON.parse(JSON.stringify(result.account))).toEqual(result.account);
        expect(evaluate(retailer, structuredClone(input))).toEqual(result);
      }),
    );
  });

  it('says which rule gave each value', () => {
    const result = evaluate(retailer, { record: recordOf(), address: 'a@b.example', today });
    expect('because' in result && result.because).toMatchObject({
      orgUnitPath: 'orgUnit[3]',
      'gmail.language': 'gmail.language[1]',
      'gmail.signature': 'gmail.signature.value[1]',
      groups: 'groups[0]',
    });
  });
});

describe('suspension', () => {
  const plain = small('');

  it.each([
    ['active', false],
    ['leave', false],
    ['prehire', true],
    ['terminated', true],
  ])('follows the status %s', (status, suspended) => {
    expect(accountOf(plain, { status }).suspended).toBe(suspended);
  });

  it('begins on the day after the last day with access', () => {
    expect(accountOf(plain, { endDate: today }).suspended).toBe(false);
    expect(accountOf(plain, { endDate: '2026-02-28' }).suspended).toBe(true);
    expect([today, '2026-02-28'].map((endDate) => hasLeft(recordOf({ endDate }), today))).toEqual([false, true]);
  });

  it('comes for people on leave where a rule says so', () => {
    const blueprint = small('suspendWhen: employee.status == "leave" && employee.country == "DE"\n');
    expect(accountOf(blueprint, { status: 'leave', country: 'DE' }).suspended).toBe(true);
    expect(accountOf(blueprint, { status: 'leave', country: 'FR' }).suspended).toBe(false);
  });
});

describe('texts', () => {
  it('escape HTML in signatures, and only there', () => {
    const blueprint = small(
      `profile: { organization: { title: '{{ employee.jobTitle }}' } }\ngmail: { signature: '<b>{{ employee.jobTitle }}</b>' }\n`,
    );
    const account = accountOf(blueprint, { jobTitle: 'R&D <script>' });
    expect(account.gmail.signature?.value).toBe('<b>R&amp;D &lt;script&gt;</b>');
    expect(account.organization.title).toBe('R&D <script>');
  });

  it('treat absent fields as empty, and leave empty ones out of the account', () => {
    const account = accountOf(
      small(`gmail: { signature: '{% if employee.workPhone %}tel{% else %}none{% endif %}' }\n`),
    );
    expect(account.gmail.signature?.value).toBe('none');
    expect(account.organization).toEqual({ description: 'employee' });
    expect(account.phones).toEqual([]);
    expect(account).not.toHaveProperty('language');
    expect(account).not.toHaveProperty('managerEmail');
  });

  it('keep answers apart for records that differ in what a text looks at', () => {
    const blueprint = small(`gmail: { signature: '{{ employee.givenName }} {{ employee.country }} {{ address }}' }\n`);
    const signature = (givenName: string, country: string, address: string) =>
      accountOf(blueprint, { legalName: { givenName, familyName: 'X' }, country }, { address }).gmail.signature?.value;
    expect(signature('A', 'FR', 'a@small.example')).toBe('A FR a@small.example');
    expect(signature('A', 'DE', 'a@small.example')).toBe('A DE a@small.example');
    expect(signature('A', 'FR', 'b@small.example')).toBe('A FR b@small.example');
    expect(signature('A', 'FR', 'a@small.example')).toBe('A FR a@small.example');
  });

  it('go on giving right answers when they are all different', () => {
    const blueprint = small(`gmail: { signature: '{{ employee.employeeNumber }}' }\n`);
    for (let number = 0; number < 12_000; number += 1) {
      const account = accountOf(blueprint, { employeeNumber: String(number) });
      expect(account.gmail.signature?.value).toBe(String(number));
    }
  });

  it('name the single name in both parts, and keep control characters and brackets out', () => {
    const name = (givenName: string, familyName: string) =>
      accountOf(small(''), { legalName: { givenName, familyName } }).name;
    expect(name('Sukarno', '–')).toEqual({ givenName: 'Sukarno', familyName: 'Sukarno' });
    expect(name('Chloé 🌸', '\u{202B}<Garnier>')).toEqual({ givenName: 'Chloé', familyName: 'Garnier' });
    expect(name('é'.repeat(80), 'X').givenName).toHaveLength(60);
  });
});

describe('a rule that fails for a record', () => {
  it('names its place and holds no value of the record', () => {
    const failure = failureOf(small(`calendar: { timeZone: '{{ tables.zones[employee.country] }}' }\n`), {
      country: 'QQ',
    });
    expect(failure).toMatchObject({ reason: 'template_failed', path: 'calendar.timeZone' });
    expect(failure?.detail).toContain('tables.zones');
    expect(failure?.detail).not.toContain('QQ');
  });

  it('is found in a condition too', () => {
    const blueprint = small(`groups:\n  - group: all@small.example\n    when: tables.zones[employee.country] == "x"\n`);
    expect(failureOf(blueprint, { country: 'QQ' })).toMatchObject({ reason: 'template_failed', path: 'groups[0]' });
  });

  it('is found when a text gives something impossible', () => {
    const zone = small(`calendar: { timeZone: '{{ tables.zones[employee.country] }}' }\n`);
    expect(failureOf(zone, { country: 'ZZ' })?.detail).toContain('IANA');
    const long = small(`gmail: { signature: '{% for i in (1..50) %}{{ employee.jobTitle }}{% endfor %}' }\n`);
    expect(failureOf(long, { jobTitle: 'x'.repeat(201) })).toMatchObject({ reason: 'signature_too_long' });
    expect(failureOf(long, { jobTitle: 'x'.repeat(200) })).toBeUndefined();
  });

  it('is found when a text names something that is not declared, unless it is there', () => {
    const blueprint = small(
      `orgUnit: '/{{ employee.department }}'\ngroups: ['{{ employee.costCentre }}@small.example']\n`,
    );
    const known = { department: 'Staff', costCentre: 'ALL' };
    expect(accountOf(blueprint, known).groups).toEqual(['all@small.example']);
    expect(accountOf(blueprint, { ...known, department: 'STAFF' }).orgUnitPath).toBe('/Staff');
    expect(failureOf(blueprint, { ...known, department: 'Grown' })).toMatchObject({ reason: 'org_unit_undeclared' });
    expect(failureOf(blueprint, { ...known, costCentre: 'x' })).toMatchObject({ reason: 'group_undeclared' });
    const existing = { orgUnits: new Set(['/grown']), groups: new Set(['x@small.example']) };
    const account = accountOf(blueprint, { department: 'Grown', costCentre: 'x' }, { existing });
    expect(account).toMatchObject({ orgUnitPath: '/Grown', groups: ['x@small.example'] });
  });

  it('is stopped before it takes long', () => {
    const blueprint = small(
      `gmail: { signature: '{% for a in (1..9999) %}{% for b in (1..9999) %}{{ address }}{% endfor %}{% endfor %}' }\n`,
    );
    const before = performance.now();
    expect(failureOf(blueprint)).toMatchObject({ reason: 'template_failed', path: 'gmail.signature' });
    expect(performance.now() - before).toBeLessThan(5_000);
  });
});

describe('a condition that selects employees', () => {
  it('answers for a record and a day', () => {
    const starters = selectsEmployee('employee.country in ["FR", "BE"] && employee.hireDate > today');
    expect(starters(recordOf({ hireDate: '2026-04-01' }), today)).toBe(true);
    expect(starters(recordOf({ hireDate: '2026-04-01', country: 'DE' }), today)).toBe(false);
    expect(starters(recordOf(), today)).toBe(false);
  });

  it('is refused with a sentence when it is wrong', () => {
    expect(() => selectsEmployee('employee.contry == "FR"')).toThrow(/contry.*Use one of/u);
    expect(() => selectsEmployee('')).toThrow(/empty/u);
  });
});
