import { LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import type { Blueprint } from './blueprint.js';
import { ConditionCompiler } from './conditions.js';
import { readDeclared } from './declared.js';
import { documentSchema } from './document.js';
import { Problems, type BlueprintProblem, type Path } from './problems.js';
import { RuleReader } from './rule-reader.js';
import { scopesOf } from './scopes.js';
import { SettingsReader } from './settings.js';

export type ParsedBlueprint = { readonly blueprint: Blueprint } | { readonly problems: readonly BlueprintProblem[] };

const textMax = 1_000_000;

/**
 * Reads and checks a blueprint (YAML 1.2): its keys, every condition (CEL, against the record's types), every text
 * (Liquid) and every reference to something declared. All problems come at once, each with its path, line and fix.
 */
export function parseBlueprint(yamlText: string): ParsedBlueprint {
  const lines = new LineCounter();
  if (yamlText.length > textMax) return oneProblem('The document is longer than 1,000,000 characters.', 'Shorten it.');
  const yaml = parseDocument(yamlText, { lineCounter: lines, prettyErrors: false });
  if (yaml.errors.length > 0) {
    return {
      problems: yaml.errors.map((error) => ({
        path: '',
        line: lines.linePos(error.pos[0]).line,
        message: `This is no valid YAML: ${error.message}`,
        fix: 'Correct the indentation or quoting there.',
      })),
    };
  }
  const problems = new Problems(yaml, lines);
  const raw = plainValue(yaml);
  if (raw === undefined) return oneProblem('This is no valid YAML: its aliases stand for too much.', 'Use `tables`.');
  const parsed = documentSchema.safeParse(raw);
  if (!parsed.success) for (const issue of parsed.error.issues) addIssue(problems, issue);
  const readable = parsed.success ? parsed.data : documentSchema.safeParse(withoutBad(raw, parsed.error.issues)).data;
  if (readable === undefined) return { problems: problems.all };

  const tables = readable.tables ?? {};
  const domains = [...new Set(readable.domains.map((domain) => domain.toLowerCase()))];
  const declared = readDeclared(readable.declare, tables, problems);
  const reader = new RuleReader(problems, new ConditionCompiler(tables), tables);
  const settings = new SettingsReader(reader, readable, declared, domains).settings();
  if (problems.all.length > 0) return { problems: problems.all };
  return {
    blueprint: {
      name: readable.name,
      ...(readable.description === undefined ? {} : { description: readable.description }),
      document: readable,
      domains,
      verifiedDomainsNeeded: domains,
      declared,
      scopesNeeded: scopesOf(settings, declared),
      tables,
      settings,
      declaredOrgUnits: new Map(declared.orgUnits.map((unit) => [unit.path.toLowerCase(), unit])),
      declaredGroups: new Map(declared.groups.map((group) => [group.email, group])),
    },
  };
}

function oneProblem(message: string, fix: string): ParsedBlueprint {
  return { problems: [{ path: '', message, fix }] };
}

function addIssue(problems: Problems, issue: z.core.$ZodIssue): void {
  const path: Path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) {
      problems.add([...path, key], `There is no key ${key} here.`, 'Remove it, or see docs/blueprint.md for the keys.');
    }
    return;
  }
  const fix =
    path.length === 0
      ? 'Start from config/blueprints/retailer.yaml.'
      : 'Correct it; docs/blueprint.md says what goes here.';
  problems.add(path, `${issue.message}.`, fix);
}

/** Undefined if aliases of aliases would grow without bound. */
function plainValue(yaml: Document): unknown {
  try {
    const value: unknown = yaml.toJS({ maxAliasCount: 100 });
    return value ?? null;
  } catch (error) {
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
}

/** What stands in for a wrong value, so that what else is wrong can be told in the same answer. */
const standIns: Readonly<Record<string, unknown>> = { blueprint: 1, name: 'unnamed', password: 'sso' };

/** What others refer to: once it is wrong, what refers to it would be reported in vain. */
const foundations: ReadonlySet<unknown> = new Set(['tables', 'domains', 'declare']);

function withoutBad(raw: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  const copy: unknown = structuredClone(raw);
  for (const issue of issues) {
    const unknownKeys = issue.code === 'unrecognized_keys';
    const bad = unknownKeys ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    for (const path of bad) {
      if (foundations.has(path[0]) && !unknownKeys) return undefined;
      const owner = path.slice(0, -1).reduce<unknown>((inner, part) => memberOf(inner, part), copy);
      const key = path.at(-1);
      if (typeof owner !== 'object' || owner === null || key === undefined) return undefined;
      Reflect.deleteProperty(owner, key);
      if (path.length === 1 && Object.hasOwn(standIns, key)) Reflect.set(owner, key, standIns[String(key)]);
    }
  }
  return copy;
}

function memberOf(owner: unknown, part: PropertyKey): unknown {
  return typeof owner === 'object' && owner !== null ? Reflect.get(owner, part) : undefined;
}
