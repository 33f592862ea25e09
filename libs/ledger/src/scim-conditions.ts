import { sql, type RawBuilder } from 'kysely';

/** A value of a canonical SCIM resource: no null, nothing empty. */
export type ScimValue = string | number | boolean | ScimObject | readonly ScimValue[];
export interface ScimObject {
  readonly [name: string]: ScimValue;
}

/** What a condition looks at: a column of the ledger's, or a place in the resource or in the value around it. */
export type ScimOperand =
  | { readonly column: 'id' | 'userName' | 'externalId' | 'version'; readonly type: 'text' }
  | { readonly column: 'created' | 'lastModified'; readonly type: 'moment' }
  | {
      readonly column?: undefined;
      /** Names from the resource down; within a value filter from the value down, and empty for the value itself. */
      readonly path: readonly string[];
      readonly type: 'text' | 'boolean';
    };

export type ScimOperator = 'eq' | 'co' | 'sw' | 'ew' | 'gt' | 'ge' | 'lt' | 'le';

/**
 * A filter that was understood (RFC 7644, 3.4.2.2): names are resolved, texts that compare without case are in lower case,
 * `ne` is a negation. Every part is true or false: a comparison with an attribute that is not there is false.
 */
export type ScimCondition =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly ScimCondition[] }
  | { readonly kind: 'not'; readonly part: ScimCondition }
  /** Some value of a multi-valued attribute meets the part; without one, there is a value at all. */
  | { readonly kind: 'some'; readonly path: readonly string[]; readonly part?: ScimCondition }
  | { readonly kind: 'present'; readonly operand: ScimOperand }
  | {
      readonly kind: 'compare';
      readonly operand: ScimOperand;
      readonly operator: ScimOperator;
      readonly value: string | boolean;
    };

type Sql = RawBuilder<unknown>;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The condition over the columns of `scim_user`. A part that is null counts as false: `not` says `is not true`. */
export function scimConditionSql(condition: ScimCondition): Sql {
  return new ConditionSql(sql`search`, 0).of(condition);
}

class ConditionSql {
  constructor(
    /** The jsonb value that paths begin at. */
    private readonly context: Sql,
    private readonly depth: number,
  ) {}

  of(condition: ScimCondition): Sql {
    const contained = containedIn(condition);
    if (contained !== undefined) return sql`${this.context} @> ${JSON.stringify(contained)}::jsonb`;
    switch (condition.kind) {
      case 'and':
        return this.all(condition.parts, sql` and `, sql`true`);
      case 'or':
        return this.all(condition.parts, sql` or `, sql`false`);
      case 'not':
        return sql`(${this.of(condition.part)}) is not true`;
      case 'some':
        return this.some(condition.path, condition.part);
      case 'present':
        return this.present(condition.operand);
      case 'compare':
        return this.compare(condition);
    }
  }

  private all(parts: readonly ScimCondition[], word: Sql, none: Sql): Sql {
    if (parts.length === 0) return none;
    return sql`(${sql.join(
      parts.map((part) => this.of(part)),
      word,
    )})`;
  }

  private some(path: readonly string[], part: ScimCondition | undefined): Sql {
    const values = sql`${this.context} #> ${[...path]}::text[]`;
    if (part === undefined) return sql`${values} is not null`;
    const value = sql.ref(`value_${this.depth}`);
    const inner = new ConditionSql(value, this.depth + 1).of(part);
    return sql`exists (select from jsonb_array_elements(${values}) as listed (${value}) where ${inner})`;
  }

  private present(operand: ScimOperand): Sql {
    if (operand.column !== undefined) return sql`${column(operand.column)} is not null`;
    if (operand.type === 'text') return sql`${this.text(operand.path)} <> ''`;
    return sql`${this.context} #> ${[...operand.path]}::text[] is not null`;
  }

  private compare({ operand, operator, value }: Extract<ScimCondition, { kind: 'compare' }>): Sql {
    if (operand.column === 'id' && operator === 'eq') {
      return uuid.test(String(value)) ? sql`id = ${value}::uuid` : sql`false`;
    }
    if (operand.type === 'moment')
      return sql`${column(operand.column)} ${sql.raw(order[operator])} ${value}::timestamptz`;
    const text = operand.column === undefined ? this.text(operand.path) : column(operand.column);
    switch (operator) {
      case 'co':
        return sql`strpos(${text}, ${value}::text) > 0`;
      case 'sw':
        return sql`starts_with(${text}, ${value}::text)`;
      case 'ew':
        return sql`right(${text}, char_length(${value}::text)) = ${value}::text`;
      case 'eq':
        return sql`${text} = ${String(value)}::text`;
      case 'gt':
      case 'ge':
      case 'lt':
      case 'le':
        return sql`(${text}) collate "C" ${sql.raw(order[operator])} ${value}::text`;
    }
  }

  private text(path: readonly string[]): Sql {
    return sql`(${this.context} #>> ${[...path]}::text[])`;
  }
}

const order: Readonly<Record<ScimOperator, string>> = {
  eq: '=',
  gt: '>',
  ge: '>=',
  lt: '<',
  le: '<=',
  // Never asked of moments.
  co: '=',
  sw: '=',
  ew: '=',
};

function column(name: NonNullable<ScimOperand['column']>): Sql {
  switch (name) {
    case 'id':
      return sql`id::text`;
    case 'userName':
      return sql`user_name_key`;
    case 'externalId':
      return sql`external_id`;
    case 'version':
      return sql`('W/"' || version || '"')`;
    case 'created':
      return sql`created_at`;
    case 'lastModified':
      return sql`changed_at`;
  }
}

/** The fragment that a resource contains exactly when the condition holds, so that one index serves every equality. */
function containedIn(condition: ScimCondition): ScimValue | undefined {
  if (condition.kind === 'compare') {
    const { operand, operator, value } = condition;
    if (operator !== 'eq' || operand.column !== undefined) return undefined;
    return at(operand.path, value);
  }
  if (condition.kind !== 'some' || condition.part === undefined) return undefined;
  const parts = condition.part.kind === 'and' ? condition.part.parts : [condition.part];
  const fragments = parts.map(containedIn);
  if (fragments.length === 1 && fragments[0] !== undefined) return at(condition.path, [fragments[0]]);
  const merged: Record<string, ScimValue> = {};
  for (const fragment of fragments) {
    if (typeof fragment !== 'object' || Array.isArray(fragment)) return undefined;
    for (const [name, value] of Object.entries(fragment)) {
      // Two words on one name cannot both stand in one fragment.
      if (Object.hasOwn(merged, name)) return undefined;
      merged[name] = value;
    }
  }
  return at(condition.path, [merged]);
}

const at = (path: readonly string[], value: ScimValue): ScimValue =>
  path.reduceRight<ScimValue>((inner, name) => ({ [name]: inner }), value);

/** What a listing is sorted by: a single value of each user. */
export interface ScimSort {
  readonly operand: ScimOperand;
  /** A multi-valued attribute, of which the primary value counts, else the first; the operand's path begins there. */
  readonly among?: readonly string[] | undefined;
  readonly descending: boolean;
}

/** What a user is sorted by; null for those who lack it, who come last, or first when descending (RFC 7644, 3.4.2.3). */
export function scimSortSql({ operand, among }: ScimSort): Sql {
  if (operand.column !== undefined) {
    const value = column(operand.column);
    return operand.type === 'moment' ? value : sql`(${value}) collate "C"`;
  }
  const path = [...operand.path];
  const found =
    among === undefined
      ? sql`(search #>> ${path}::text[])`
      : sql`(select value #>> ${path}::text[] from jsonb_array_elements(search #> ${[...among]}::text[])
          with ordinality as listed (value, place)
          order by value -> 'primary' = 'true'::jsonb desc nulls last, place limit 1)`;
  return sql`${found} collate "C"`;
}
