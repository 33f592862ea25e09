import { sharingRuleSchema, type SharingRule } from '#libs/vocabulary';
import type { DeclaredCalendar, DeclaredGroup, DeclaredOrgUnit } from './blueprint.js';
import { whoCanPostWords, type BlueprintDocument } from './document.js';
import type { Path, Problems } from './problems.js';
import type { Tables } from './record-view.js';
import { compileTemplate } from './templates.js';
import { isAddress, isTimeZone } from './values.js';

export interface Declared {
  readonly orgUnits: readonly DeclaredOrgUnit[];
  readonly groups: readonly DeclaredGroup[];
  readonly calendars: readonly DeclaredCalendar[];
}

interface Repeatable {
  readonly forEach?: string | undefined;
}

const levelsMax = 35;

/** Reads what the blueprint declares, repeating each `forEach` entry for every entry of its table. */
export function readDeclared(declare: BlueprintDocument['declare'], tables: Tables, problems: Problems): Declared {
  const orgUnits = (declare?.orgUnits ?? []).flatMap((unit, index) => {
    const path = ['declare', 'orgUnits', index];
    return repeated(unit, path, tables, problems).map((texts) => readOrgUnit(texts, unit, path, problems));
  });
  orgUnits.sort((a, b) => depth(a.path) - depth(b.path) || (a.path < b.path ? -1 : 1));
  checkOrgUnits(orgUnits, problems);

  const groups = (declare?.groups ?? []).flatMap((group, index) => {
    const path = ['declare', 'groups', index];
    return repeated(group, path, tables, problems).map((texts): DeclaredGroup => ({
      email: address(texts('email'), [...path, 'email'], problems),
      name: texts('name'),
      ...(group.description === undefined ? {} : { description: texts('description') }),
      whoCanPost: whoCanPostWords[group.whoCanPost],
    }));
  });
  checkUnique(groups, ({ email }) => email, ['declare', 'groups'], problems);

  const calendars = (declare?.calendars ?? []).flatMap((calendar, index) => {
    const path = ['declare', 'calendars', index];
    return repeated(calendar, path, tables, problems).map((texts): DeclaredCalendar => {
      const timeZone = texts('timeZone');
      if (!isTimeZone(timeZone)) {
        problems.add(
          [...path, 'timeZone'],
          `There is no time zone ${timeZone}.`,
          'Use an IANA name such as Europe/Paris.',
        );
      }
      return {
        key: texts('key'),
        name: texts('name'),
        ...(calendar.description === undefined ? {} : { description: texts('description') }),
        timeZone,
        owner: address(texts('owner'), [...path, 'owner'], problems),
        sharing: (calendar.sharing ?? []).flatMap(
          (rule, at) => readSharingRule([...path, 'sharing', at], rule, problems) ?? [],
        ),
      };
    });
  });
  checkUnique(calendars, ({ key }) => key, ['declare', 'calendars'], problems);
  return { orgUnits, groups, calendars };
}

/** A sharing rule without conditions. */
export function readSharingRule(path: Path, raw: unknown, problems: Problems): SharingRule | undefined {
  const parsed = sharingRuleSchema.strict().safeParse(raw);
  const fix = 'Write `role` (none, freeBusyReader, reader, writer, owner) and `scope` with `type` and `value`.';
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      problems.add(
        [...path, ...issue.path.map((part) => (typeof part === 'symbol' ? '' : part))],
        `${issue.message}.`,
        fix,
      );
    }
    return undefined;
  }
  const { type, value } = parsed.data.scope;
  if ((type === 'default') !== (value === undefined)) {
    const message = type === 'default' ? 'The default scope has no value.' : `A ${type} scope needs a value.`;
    problems.add([...path, 'scope'], message, type === 'default' ? 'Remove `value`.' : 'Add `value`.');
    return undefined;
  }
  return parsed.data;
}

type Texts = (key: string) => string;

function repeated(entry: Repeatable, path: Path, tables: Tables, problems: Problems): Texts[] {
  const raw = new Map(Object.entries(entry));
  const textOf = (key: string) => {
    const text = raw.get(key);
    return typeof text === 'string' ? text : '';
  };
  if (entry.forEach === undefined) return [(key) => textOf(key)];
  const table = Object.hasOwn(tables, entry.forEach) ? tables[entry.forEach] : undefined;
  if (table === undefined) {
    problems.add([...path, 'forEach'], `There is no table ${entry.forEach}.`, 'Add it under `tables`.');
    return [];
  }
  const templates = new Map<string, (scope: object) => string>();
  for (const key of raw.keys()) {
    if (key === 'forEach' || typeof raw.get(key) !== 'string') continue;
    const compiled = compileTemplate(textOf(key), 'text', { key: 'text', value: 'text', tables: 'tables' }, tables);
    if ('fault' in compiled) problems.add([...path, key], compiled.fault.message, compiled.fault.fix);
    else templates.set(key, compiled.value);
  }
  return Object.entries(table).map(
    ([key, value]): Texts =>
      (name) =>
        templates.get(name)?.({ key, value, tables }) ?? '',
  );
}

function readOrgUnit(
  texts: Texts,
  unit: { readonly description?: string | undefined },
  path: Path,
  problems: Problems,
): DeclaredOrgUnit {
  const wanted = texts('path').trim();
  if (!/^(\/[^/]+)+$/u.test(wanted) || depth(wanted) > levelsMax) {
    problems.add(
      [...path, 'path'],
      `${wanted} is no path of an org unit.`,
      'Start with / and name each level, such as /Retail/FR.',
    );
  }
  return { path: wanted, ...(unit.description === undefined ? {} : { description: texts('description') }) };
}

function address(text: string, path: Path, problems: Problems): string {
  const lower = text.trim().toLowerCase();
  if (!isAddress(lower)) problems.add(path, `${text} is no address.`, 'Write local-part@domain.');
  return lower;
}

function checkOrgUnits(orgUnits: readonly DeclaredOrgUnit[], problems: Problems): void {
  checkUnique(orgUnits, ({ path }) => path.toLowerCase(), ['declare', 'orgUnits'], problems);
  const known = new Set(orgUnits.map(({ path }) => path.toLowerCase()));
  for (const { path } of orgUnits) {
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (parent !== '' && !known.has(parent.toLowerCase())) {
      problems.add(
        ['declare', 'orgUnits'],
        `The parent ${parent} of ${path} is not declared.`,
        `Declare ${parent} too.`,
      );
    }
  }
}

function checkUnique<T>(entries: readonly T[], keyOf: (entry: T) => string, path: Path, problems: Problems): void {
  const seen = new Set<string>();
  for (const entry of entries) {
    const key = keyOf(entry);
    if (seen.has(key)) problems.add(path, `${key} is declared twice.`, 'Remove one of the two.');
    seen.add(key);
  }
}

function depth(path: string): number {
  return path.split('/').length - 1;
}
