import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { BlueprintProblem } from './problems.js';
import { parseBlueprint } from './parse.js';

const retailer = readFileSync(new URL('../../../config/blueprints/retailer.yaml', import.meta.url), 'utf8');

const small = `
blueprint: 1
name: Small
domains: [small.example]
declare:
  orgUnits: [{ path: /Staff }]
  groups: [{ email: all@small.example, name: All, whoCanPost: managers }]
  calendars: [{ key: events, name: Events, timeZone: Europe/Paris, owner: admin@small.example }]
tables:
  zones: { FR: Europe/Paris }
password: sso
orgUnit: /Staff
licence: none
`;

const withoutCalendars = small.replace(/ *calendars:.*\n/, '');

function problemsOf(yaml: string): readonly BlueprintProblem[] {
  const parsed = parseBlueprint(yaml);
  return 'problems' in parsed ? parsed.problems : [];
}

/** The small blueprint with one more piece; its only problem. */
function problemOf(piece: string, base = small): BlueprintProblem {
  const problems = problemsOf(base + piece);
  expect(problems).toHaveLength(1);
  const [problem] = problems;
  if (problem === undefined) throw new Error('no problem');
  return problem;
}

describe('reading a blueprint', () => {
  it('takes the retailer’s example, with at least eight countries', () => {
    const parsed = parseBlueprint(retailer);
    expect(parsed).not.toHaveProperty('problems');
    if ('problems' in parsed) return;
    const { blueprint } = parsed;
    expect(blueprint.verifiedDomainsNeeded).toEqual(['bascule-retail.example', 'shops.bascule-retail.example']);
    const paths = blueprint.declared.orgUnits.map(({ path }) => path);
    for (const country of ['FR', 'DE', 'ES', 'IT', 'PL', 'PT', 'NL', 'GB', 'SE']) {
      for (const below of ['', '/HQ', '/Stores', '/Contractors']) {
        expect(paths).toContain(`/Bascule Retail/${country}${below}`);
      }
    }
    expect(blueprint.declared.groups).toContainEqual({
      email: 'all-fr@bascule-retail.example',
      name: 'Everyone in France',
      whoCanPost: 'ALL_MANAGERS_CAN_POST',
    });
    expect(blueprint.declared.calendars.map(({ key }) => key)).toContain('holidays-fr');
  });

  it('takes a blueprint without optional parts, and asks no scope of employees then', () => {
    const parsed = parseBlueprint(withoutCalendars);
    expect('blueprint' in parsed && parsed.blueprint.scopesNeeded.employee).toEqual([]);
  });

  it('asks only the scopes that its settings need', () => {
    const parsed = parseBlueprint(`${withoutCalendars}gmail: { imap: false }\ncalendar: { timeZone: Europe/Paris }\n`);
    expect('blueprint' in parsed && parsed.blueprint.scopesNeeded.employee).toEqual([
      'https://www.googleapis.com/auth/gmail.settings.basic',
      'https://www.googleapis.com/auth/calendar.calendars',
    ]);
  });

  it('asks all scopes of calendars when it declares some, for they are made as their owner', () => {
    const parsed = parseBlueprint(small);
    expect('blueprint' in parsed && parsed.blueprint.scopesNeeded.employee).toEqual([
      'https://www.googleapis.com/auth/calendar.calendars',
      'https://www.googleapis.com/auth/calendar.calendarlist',
      'https://www.googleapis.com/auth/calendar.acls',
    ]);
  });

  it('puts parents before their children, in whatever order they stand', () => {
    const yaml = small.replace('[{ path: /Staff }]', '[{ path: /Staff/A/B }, { path: /Staff/A }, { path: /Staff }]');
    const parsed = parseBlueprint(yaml);
    const paths = 'blueprint' in parsed ? parsed.blueprint.declared.orgUnits.map(({ path }) => path) : [];
    expect(paths).toEqual(['/Staff', '/Staff/A', '/Staff/A/B']);
  });
});

describe('the problems of a blueprint', () => {
  it('name the path and line of an unknown field in a condition', () => {
    const problem = problemOf(`gmail:
  signature:
    - when: employee.country == "FR"
      value: Bonjour
    - when: employee.fte < 0.5
      value: Short
    - when: employee.contry == "DE"
      value: Hallo
    - value: Hello
`);
    expect(problem.path).toBe('gmail.signature[2].when');
    expect(problem.line).toBe(small.split('\n').length + 6);
    expect(problem.message).toContain('contry');
    expect(problem.fix).toContain('country');
  });

  it('come all at once', () => {
    const problems = problemsOf(
      small.replace('password: sso', 'password: secret\ncolour: red').replace('orgUnit: /Staff', 'orgUnit: /Nowhere'),
    );
    expect(problems.map(({ path }) => path)).toEqual(expect.arrayContaining(['password', 'colour', 'orgUnit']));
  });

  it.each([
    ['suspendWhen: employee.country\n', 'suspendWhen', 'not true or false'],
    ['suspendWhen: employee.country == 3\n', 'suspendWhen', 'string == int'],
    ['suspendWhen: country == "FR"\n', 'suspendWhen', 'no variable country'],
    ['suspendWhen: employee.country ==\n', 'suspendWhen', 'wrong'],
    ['suspendWhen: employee.jobTitle.matches("(a+)+$")\n', 'suspendWhen', 'Regular expressions'],
    ['suspendWhen: employee.country in tables.zons\n', 'suspendWhen', 'no table zons'],
    ['domain: elsewhere.example\n', 'domain', 'not listed'],
    ['groups: [none@small.example]\n', 'groups[0]', 'not declared'],
    ['groups: [{ group: all@small.example, wen: "true" }]\n', 'groups[0].wen', 'no key wen'],
    ['gmail: { signature: "{{ employee.name }}" }\n', 'gmail.signature', 'no field name'],
    ['gmail: { signature: "{{ employee.givenName | shout }}" }\n', 'gmail.signature', 'no filter shout'],
    ['gmail: { signature: "{{ name }}" }\n', 'gmail.signature', 'no variable name'],
    ['gmail: { signature: "{{ employee.givenName" }\n', 'gmail.signature', 'no valid Liquid'],
    ['gmail: { signature: "{% include \'x\' %}" }\n', 'gmail.signature', 'no tag include'],
    ["gmail: { signature: \"{{ 'now' | date: '%Y' }}\" }\n", 'gmail.signature', 'no filter date'],
    ['gmail: { language: no such language }\n', 'gmail.language', 'BCP 47'],
    ['gmail: { imap: { mode: sometimes, value: false } }\n', 'gmail.imap.mode', 'once'],
    ['gmail: { imap: maybe }\n', 'gmail.imap', 'true (on)'],
    ['gmail: { pop: never }\n', 'gmail.pop', 'disabled'],
    ['gmail: { vacation: true }\n', 'gmail.vacation', 'no key vacation'],
    ['calendar: { timeZone: Europe/Atlantis }\n', 'calendar.timeZone', 'IANA'],
    ['calendar: { timeZone: "{{ tables.zones[employee.contry] }}" }\n', 'calendar.timeZone', 'no field contry'],
    ['calendar: { subscriptions: [evnts] }\n', 'calendar.subscriptions[0]', 'not declared'],
    [
      'calendar: { sharing: [{ role: reader, scope: { type: domain } }] }\n',
      'calendar.sharing[0].scope',
      'needs a value',
    ],
    ['address: { pattern: "{{ firstName }}" }\n', 'address.pattern', 'no variable firstName'],
  ])('find what is wrong with %s', (piece, path, message) => {
    const problem = problemOf(piece);
    expect(problem.path).toBe(path);
    expect(problem.message).toContain(message);
    expect(problem.fix).not.toBe('');
    expect(problem.line).toBeGreaterThan(1);
  });

  it('ask for a final default where a value must come out', () => {
    const yaml = small.replace('orgUnit: /Staff', 'orgUnit:\n  - when: employee.country == "FR"\n    value: /Staff');
    expect(problemOf('', yaml)).toMatchObject({ path: 'orgUnit', message: 'There is no final default.' });
  });

  it('tell of rules that are never reached', () => {
    const yaml = small.replace('orgUnit: /Staff', 'orgUnit:\n  - value: /Staff\n  - value: /Staff');
    expect(problemOf('', yaml)).toMatchObject({ path: 'orgUnit[0]' });
  });

  it('tell of a parent that is not declared, and of a thing declared twice', () => {
    const orphan = small.replace('{ path: /Staff }', '{ path: /Staff }, { path: /A/B }');
    expect(problemOf('', orphan).message).toContain('The parent /A');
    const twice = small.replace('{ path: /Staff }', '{ path: /Staff }, { path: /staff }');
    expect(problemOf('', twice).message).toContain('declared twice');
  });

  it('tell the line of broken YAML, and of a document that is none', () => {
    expect(problemsOf('name: [a\nb: c')[0]).toMatchObject({ path: '', line: 2 });
    expect(problemsOf('')[0]?.path).toBe('');
    expect(problemsOf('just a text')[0]?.path).toBe('');
  });

  it('refuse aliases that would grow without bound', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]
b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]
c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]
d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]
`;
    expect(problemsOf(bomb)[0]?.message).toContain('YAML');
  });
});
