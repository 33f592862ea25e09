import { Environment, ParseError, TypeError as CelTypeError, type ASTNode } from '@marcbachmann/cel-js';
import type { EmployeeRecord } from '#libs/vocabulary';
import { memoised } from './memo.js';
import { employeeFields, EmployeeView, type RuleScope, type Tables } from './record-view.js';

export type Condition = (scope: Pick<RuleScope, 'employee' | 'today' | 'tables'>) => boolean;

/** What is wrong with a piece of a rule, without its place. */
export interface Fault {
  readonly message: string;
  readonly fix: string;
}

export type Compiled<T> = { readonly value: T } | { readonly fault: Fault };

const variables = ['employee', 'today', 'tables'] as const;

/**
 * Compiles the conditions of one blueprint: CEL over `employee`, `today` and `tables`, checked against their types.
 * Source: the CEL language definition, github.com/google/cel-spec.
 */
export class ConditionCompiler {
  private readonly environment: Environment;

  constructor(private readonly tables: Tables = {}) {
    this.environment = new Environment({
      unlistedVariablesAreDyn: false,
      limits: { maxAstNodes: 2_000, maxDepth: 50, maxListElements: 1_000 },
    })
      .registerType('Employee', { ctor: EmployeeView, fields: employeeFields })
      .registerVariable('employee', 'Employee')
      .registerVariable('today', 'string')
      .registerVariable('tables', 'map<string, map<string, string>>');
  }

  compile(expression: string): Compiled<Condition> {
    const trimmed = expression.trim();
    if (trimmed === '') {
      return { fault: { message: 'The condition is empty.', fix: 'Write a condition or remove `when`.' } };
    }
    try {
      const parsed = this.environment.parse(trimmed);
      const fault = this.refusedIn(parsed.ast);
      if (fault !== undefined) return { fault };
      const checked = parsed.check();
      if (!checked.valid) return { fault: explained(checked.error) };
      if (checked.type !== 'bool') {
        const message = `The condition gives ${checked.type ?? 'something else'}, not true or false.`;
        return { fault: { message, fix: 'Compare it with something, such as `employee.country == "FR"`.' } };
      }
      const holds: Condition = (scope) =>
        parsed({ employee: scope.employee, today: scope.today, tables: scope.tables }) === true;
      return { value: memoised(holds, pathsOf(parsed.ast)) };
    } catch (error) {
      if (error instanceof ParseError || error instanceof CelTypeError) return { fault: explained(error) };
      throw error;
    }
  }

  /**
   * What CEL allows and a blueprint does not: regular expressions, whose time has no bound, loops within loops, whose time
   * is the product of their lists' lengths for every employee, and unknown tables.
   */
  private refusedIn(ast: ASTNode): Fault | undefined {
    for (const node of nodesOf(ast)) {
      if (node.op === 'rcall' && node.args[0] === 'matches') {
        return {
          message: 'Regular expressions are not allowed in conditions.',
          fix: 'Use startsWith, endsWith, contains, == or `in [...]`.',
        };
      }
      if (isLoop(node) && [...nodesOf(node.args)].some(isLoop)) {
        return {
          message: 'A loop within a loop is not allowed in conditions.',
          fix: 'Use `in [...]`, a table, or two conditions.',
        };
      }
      if (node.op === '.' && node.args[0].op === 'id' && node.args[0].args === 'tables') {
        const name = node.args[1];
        if (!Object.hasOwn(this.tables, name)) return unknownTable(name, this.tables);
      }
    }
    return undefined;
  }
}

/** The macros of CEL that go through a list. */
const loops = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

function isLoop(node: ASTNode): boolean {
  return node.op === 'rcall' && loops.has(node.args[0]);
}

export function unknownTable(name: string, tables: Tables): Fault {
  const known = Object.keys(tables);
  return {
    message: `There is no table ${name}.`,
    fix: known.length === 0 ? 'Add it under `tables`.' : `Add it under \`tables\` or use one of: ${known.join(', ')}.`,
  };
}

/**
 * Compiles a condition that selects employees, such as a migration's selection or a wave (no tables there).
 * Throws an Error with plain sentences if the condition is wrong. `today` is `YYYY-MM-DD`.
 */
export function selectsEmployee(condition: string): (record: EmployeeRecord, today: string) => boolean {
  const compiled = new ConditionCompiler().compile(condition);
  if ('fault' in compiled) throw new Error(`${compiled.fault.message} ${compiled.fault.fix}`);
  return (record, today) => compiled.value({ employee: new EmployeeView(record), today, tables: {} });
}

function explained(error: ParseError | CelTypeError | undefined): Fault {
  if (error === undefined) return { message: 'The condition is wrong.', fix: 'Correct the condition.' };
  const column = error.range === undefined ? '' : ` (column ${error.range.start + 1})`;
  const name = error.summary.split(': ')[1] ?? '';
  if (error.code === 'no_such_key') {
    return {
      message: `An employee has no field ${name}${column}.`,
      fix: `Use one of: ${Object.keys(employeeFields).join(', ')}.`,
    };
  }
  if (error.code === 'unknown_variable') {
    const message = `There is no variable ${name}${column}.`;
    return { message, fix: `Use one of: ${variables.join(', ')}; texts stand in quotes.` };
  }
  return { message: `The condition is wrong: ${error.summary}${column}.`, fix: 'Correct the condition.' };
}

/** The values that a condition looks at; tables never change. Undefined if it looks at the employee as a whole. */
function pathsOf(ast: ASTNode): string[][] | undefined {
  const paths: string[][] = [];
  let owners = 0;
  for (const node of nodesOf(ast)) {
    if (node.op === 'id' && node.args === 'employee') owners += 1;
    if (node.op === 'id' && node.args === 'today') paths.push(['today']);
    if (node.op === '.' && node.args[0].op === 'id' && node.args[0].args === 'employee') {
      owners -= 1;
      paths.push(['employee', node.args[1]]);
    }
  }
  return owners === 0 ? paths : undefined;
}

function* nodesOf(part: unknown): Generator<ASTNode> {
  if (Array.isArray(part)) {
    for (const inner of part) yield* nodesOf(inner);
  } else if (isNode(part)) {
    yield part;
    yield* nodesOf(part.args);
  }
}

function isNode(part: unknown): part is ASTNode {
  return typeof part === 'object' && part !== null && 'op' in part && 'args' in part;
}
