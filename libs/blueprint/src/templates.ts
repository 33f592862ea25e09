import { Liquid, type Template as LiquidNode } from 'liquidjs';
import { unknownTable, type Compiled, type Fault } from './conditions.js';
import { memoised } from './memo.js';
import { employeeFields, type RuleScope, type Tables } from './record-view.js';

/** Renders a text for one employee; throws TemplateError if it cannot. */
export type Template = (scope: object) => string;

/** A text that fails for this record. Its message names what is missing, never a value of the record. */
export class TemplateError extends Error {}

export type ScopeShape = Readonly<Record<string, 'text' | 'employee' | 'tables'>>;

/** What texts may use, everywhere but in `address.pattern` and under `forEach`. */
export const ruleScopeShape = {
  employee: 'employee',
  today: 'text',
  tables: 'tables',
  address: 'text',
  localPart: 'text',
  managerAddress: 'text',
} as const satisfies Record<keyof RuleScope, string>;

const outputMax = 100_000;

/** Tags that only compute: nothing that reads files, keeps state between outputs or grows without bound. */
const allowedTags = new Set([
  'assign',
  'capture',
  'case',
  'comment',
  'if',
  'unless',
  'raw',
  'echo',
  'for',
  'break',
  'continue',
]);

/** Filters whose answer depends on the clock, on chance or on the machine's locale, and those that show internals. */
const refusedFilters = [
  'date',
  'date_to_xmlschema',
  'date_to_rfc822',
  'date_to_string',
  'date_to_long_string',
  'sample',
  'inspect',
  'jsonify',
  'json',
  'hmac_sha256',
  'where_exp',
  'reject_exp',
  'group_by_exp',
  'has_exp',
  'find_exp',
  'find_index_exp',
];

function liquid(html: boolean): Liquid {
  const engine = new Liquid({
    strictFilters: true,
    strictVariables: true,
    lenientIf: true,
    jsTruthy: true,
    ownPropertyOnly: true,
    templates: {},
    parseLimit: 50_000,
    // Wide enough that a busy machine never makes an ordinary text fail: that would not be the same each time.
    renderLimit: 2_000,
    memoryLimit: 1_000_000,
    locale: 'en',
    ...(html ? { outputEscape: 'escape' as const } : {}),
  });
  for (const tag of Object.keys(engine.tags)) if (!allowedTags.has(tag)) delete engine.tags[tag];
  for (const filter of refusedFilters) engine.unregisterFilter(filter);
  return engine;
}

const engines = { text: liquid(false), html: liquid(true) };

/**
 * Compiles a Liquid text. `html` escapes every output unless the text says `| raw`. Unknown variables, fields, tables,
 * tags and filters are faults of the text, found without a record.
 */
export function compileTemplate(
  source: string,
  kind: 'text' | 'html',
  shape: ScopeShape = ruleScopeShape,
  tables: Tables = {},
): Compiled<Template> {
  if (!source.includes('{{') && !source.includes('{%')) return { value: () => source };
  const engine = engines[kind];
  let nodes: LiquidNode[];
  let used: string[][];
  try {
    nodes = engine.parse(source);
    used = engine
      .globalVariableSegmentsSync(nodes)
      .map((segments) => segments.map((segment) => (Array.isArray(segment) ? '[]' : String(segment))));
  } catch (error) {
    return { fault: explained(error) };
  }
  for (const segments of used) {
    const fault = unknownVariable(segments, shape, tables);
    if (fault !== undefined) return { fault };
  }
  const render: Template = (scope) => {
    try {
      const output: unknown = engine.renderSync(nodes, scope);
      if (typeof output !== 'string' || output.length > outputMax) throw new TemplateError('The text is too long.');
      return output;
    } catch (error) {
      if (error instanceof TemplateError) throw error;
      throw new TemplateError(withoutValues(error), { cause: error });
    }
  };
  return { value: memoised(render, pathsOf(used)) };
}

/** The values that a text looks at; tables never change. Undefined if it looks at something whole. */
function pathsOf(used: readonly (readonly string[])[]): string[][] | undefined {
  const paths = used.filter(([root]) => root !== 'tables').map((segments) => [...segments]);
  return paths.some((path) => path.includes('[]')) ? undefined : paths;
}

function unknownVariable(segments: readonly string[], shape: ScopeShape, tables: Tables): Fault | undefined {
  const [root = '', member] = segments;
  const kind = Object.hasOwn(shape, root) ? shape[root] : undefined;
  if (kind === undefined) {
    return { message: `There is no variable ${root}.`, fix: `Use one of: ${Object.keys(shape).join(', ')}.` };
  }
  if (kind === 'employee' && member !== undefined && !Object.hasOwn(employeeFields, member)) {
    return {
      message: `An employee has no field ${member}.`,
      fix: `Use one of: ${Object.keys(employeeFields).join(', ')}.`,
    };
  }
  if (kind === 'tables' && member !== undefined && member !== '[]' && !Object.hasOwn(tables, member)) {
    return unknownTable(member, tables);
  }
  return undefined;
}

function explained(error: unknown): Fault {
  const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  const missing = /^undefined filter: (\w+)/u.exec(message)?.[1];
  if (missing !== undefined) {
    return { message: `There is no filter ${missing}.`, fix: 'Use a filter of Liquid’s that docs/blueprint.md lists.' };
  }
  const tag = /^tag "(\w+)" not found/u.exec(message)?.[1];
  if (tag !== undefined) {
    return { message: `There is no tag ${tag}.`, fix: `Use one of: ${[...allowedTags].join(', ')}.` };
  }
  return { message: `The text is no valid Liquid: ${message}.`, fix: 'Correct the text; every {{ needs its }}.' };
}

/** Liquid names a missing table entry by its key, which is a value of the record: only the first two words are kept. */
function withoutValues(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  const variable = /undefined variable: ([\w-]+(?:\.[\w-]+)?)/u.exec(message)?.[1];
  return variable === undefined
    ? 'The text fails for this record.'
    : `${variable} has no entry for this record; add one or use the default filter.`;
}
