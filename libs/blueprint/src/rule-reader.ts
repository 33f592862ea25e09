import type { SettingMode } from '#libs/vocabulary';
import type { Choice, Moded, Rule } from './blueprint.js';
import type { Condition, ConditionCompiler } from './conditions.js';
import type { Path, Problems } from './problems.js';
import { pathText } from './problems.js';
import type { RuleScope, Tables } from './record-view.js';
import { compileTemplate, ruleScopeShape, type ScopeShape } from './templates.js';

/** Reads one value; adds a problem and answers undefined if it is wrong. */
export type Leaf<T> = (path: Path, raw: unknown) => ((scope: RuleScope) => T) | undefined;

type Fields = Readonly<Record<string, unknown>>;

/** Reads the forms that settings have in common: a value, a list of rules, a mode around either. */
export class RuleReader {
  constructor(
    readonly problems: Problems,
    private readonly conditions: ConditionCompiler,
    private readonly tables: Tables,
  ) {}

  /** A value, or a list of `{when, value}` of which the first that holds wins. */
  rule<T>(path: Path, raw: unknown, leaf: Leaf<T>, options: { readonly required: boolean }): Rule<T> {
    if (!Array.isArray(raw)) {
      const value = leaf(path, raw);
      return { choices: value === undefined ? [] : [{ path: pathText(path), value }] };
    }
    const items: readonly unknown[] = raw;
    if (items.length === 0) this.problems.add(path, 'The list of rules is empty.', 'Add a rule or remove the setting.');
    const choices: Choice<T>[] = [];
    for (const [index, item] of items.entries()) {
      const at = [...path, index];
      const fields = this.fields(at, item, ['when', 'value'], ['value']);
      if (fields === undefined) continue;
      const last = index === items.length - 1;
      if (fields['when'] === undefined && !last) {
        this.problems.add(at, 'The rules after this one are never reached.', 'Give it a `when` or move it to the end.');
      }
      if (fields['when'] !== undefined && last && options.required) {
        this.problems.add(path, 'There is no final default.', 'End the list with a rule that has no `when`.');
      }
      const choice = this.choice(at, fields['when'], [...at, 'value'], fields['value'], leaf);
      if (choice !== undefined) choices.push(choice);
    }
    return { choices };
  }

  /**
   * A list of values, of which all that hold count. Each is a bare text or `{[key]: value, when}`; without `key` it is an
   * object whose `when` stands beside its own keys.
   */
  list<T>(path: Path, raw: unknown, key: string | undefined, leaf: Leaf<T>): Choice<T>[] {
    if (!Array.isArray(raw)) {
      this.problems.add(path, 'This must be a list.', 'Write a list of entries, each with `when` if need be.');
      return [];
    }
    const items: readonly unknown[] = raw;
    return items.flatMap((item, index) => {
      const at = [...path, index];
      if (key === undefined && isFields(item)) {
        const { when, ...value } = item;
        return this.choice(at, when, at, value, leaf) ?? [];
      }
      if (key === undefined || typeof item === 'string') return this.choice(at, undefined, at, item, leaf) ?? [];
      const fields = this.fields(at, item, [key, 'when'], [key]);
      if (fields === undefined) return [];
      return this.choice(at, fields['when'], [...at, key], fields[key], leaf) ?? [];
    });
  }

  /** `{mode, value}` around a setting; a bare setting is `once`. */
  moded<T>(path: Path, raw: unknown, read: (path: Path, raw: unknown) => T): Moded<T> {
    if (!isFields(raw) || !('value' in raw)) return { mode: 'once', rule: read(path, raw) };
    const fields = this.fields(path, raw, ['mode', 'value'], ['value']) ?? {};
    return { mode: this.mode([...path, 'mode'], fields['mode']), rule: read([...path, 'value'], fields['value']) };
  }

  condition(path: Path, raw: unknown): Condition | undefined {
    if (typeof raw !== 'string') {
      this.problems.add(
        path,
        'A condition must be a text.',
        'Write a CEL condition, such as `employee.country == "FR"`.',
      );
      return undefined;
    }
    const compiled = this.conditions.compile(raw);
    if ('value' in compiled) return compiled.value;
    this.problems.add(path, compiled.fault.message, compiled.fault.fix);
    return undefined;
  }

  /** A Liquid text; `check` judges each result, and a fixed text at once. */
  template<T = string>(
    kind: 'text' | 'html',
    check: (text: string) => T,
    describe: { readonly message: (error: Error) => string; readonly fix: string } = {
      message: (error) => error.message,
      fix: 'Correct the text.',
    },
    shape: ScopeShape = ruleScopeShape,
  ): Leaf<T> {
    return (path, raw) => {
      if (typeof raw !== 'string') {
        this.problems.add(
          path,
          'This must be a text.',
          'Write a text; put it in quotes if it looks like a number or a flag.',
        );
        return undefined;
      }
      const compiled = compileTemplate(raw, kind, shape, this.tables);
      if ('fault' in compiled) {
        this.problems.add(path, compiled.fault.message, compiled.fault.fix);
        return undefined;
      }
      if (!raw.includes('{{') && !raw.includes('{%')) {
        try {
          const fixed = check(raw);
          return () => fixed;
        } catch (error) {
          if (!(error instanceof Error)) throw error;
          this.problems.add(path, describe.message(error), describe.fix);
          return undefined;
        }
      }
      return (scope) => check(compiled.value(scope));
    };
  }

  /** An object with these keys only. */
  fields(path: Path, raw: unknown, known: readonly string[], required: readonly string[]): Fields | undefined {
    if (!isFields(raw)) {
      this.problems.add(path, 'This must be an object.', `Give it ${known.map((key) => `\`${key}\``).join(', ')}.`);
      return undefined;
    }
    for (const key of Object.keys(raw)) {
      if (!known.includes(key)) {
        this.problems.add([...path, key], `There is no key ${key} here.`, `Use one of: ${known.join(', ')}.`);
      }
    }
    const missing = required.filter((key) => raw[key] === undefined || raw[key] === null);
    for (const key of missing) this.problems.add(path, `The key ${key} is missing.`, `Add \`${key}\`.`);
    return missing.length > 0 ? undefined : raw;
  }

  private choice<T>(at: Path, when: unknown, valuePath: Path, raw: unknown, leaf: Leaf<T>): Choice<T> | undefined {
    const condition = when === undefined ? undefined : this.condition([...at, 'when'], when);
    const value = leaf(valuePath, raw);
    if (value === undefined || (when !== undefined && condition === undefined)) return undefined;
    return { path: pathText(at), ...(condition === undefined ? {} : { when: condition }), value };
  }

  private mode(path: Path, raw: unknown): SettingMode {
    if (raw === undefined || raw === 'once') return 'once';
    if (raw === 'always') return 'always';
    this.problems.add(path, 'A mode is `once` or `always`.', 'Write one of the two.');
    return 'once';
  }
}

function isFields(raw: unknown): raw is Fields {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw);
}
