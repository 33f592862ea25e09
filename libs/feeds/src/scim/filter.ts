import type { ScimCondition, ScimOperand, ScimOperator } from '#libs/ledger';
import { attributeNamed, type ScimAttribute } from './attributes.js';
import { filterTokens, type FilterToken } from './filter-tokens.js';
import { columnOfPlace, coreUrn, extensionOf, namesOf, placeOf, type ScimPlace } from './schemas.js';
import { ScimError } from './scim-error.js';

const invalid = (detail: string) => new ScimError(400, 'invalidFilter', detail);
const nobody: ScimCondition = { kind: 'or', parts: [] };

/** A filter over users (RFC 7644, 3.4.2.2). @throws ScimError `invalidFilter`, or `tooMany` for one that asks too much. */
export function parseUserFilter(text: string): ScimCondition {
  return new FilterParser(filterTokens(text), compareUser).whole();
}

/** A filter over the values of one attribute: what stands in the brackets of `emails[type eq "work"]`. */
export function parseValueFilter(text: string, attribute: ScimAttribute): ScimCondition {
  return new FilterParser(filterTokens(text), comparisonOf(attribute)).whole();
}

type Word = 'eq' | 'ne' | 'pr' | Exclude<ScimOperator, 'eq'>;
const words: ReadonlySet<string> = new Set(['eq', 'ne', 'co', 'sw', 'ew', 'pr', 'gt', 'ge', 'lt', 'le']);
const isWord = (text: string): text is Word => words.has(text);

type Literal = string | number | boolean | null;

/** What one comparison means: the path as it was written, the operator, the value (undefined for `pr`). */
type Compare = (path: string, word: Word, value: Literal | undefined) => ScimCondition;

const termsMax = 100;
const depthMax = 50;

/** `or` binds weaker than `and`; `not` takes parentheses. */
class FilterParser {
  private next = 0;
  private terms = 0;
  private depth = 0;

  constructor(
    private readonly tokens: readonly FilterToken[],
    private readonly compare: Compare,
  ) {}

  whole(): ScimCondition {
    const condition = this.any(this.compare);
    if (this.next < this.tokens.length)
      throw invalid('The filter goes on after its end: join its parts with and or or.');
    return condition;
  }

  private any(compare: Compare): ScimCondition {
    this.depth += 1;
    if (this.depth > depthMax) throw invalid(`A filter may be ${depthMax} parentheses deep.`);
    const parts = [this.all(compare)];
    while (this.takeWord('or')) parts.push(this.all(compare));
    this.depth -= 1;
    return joined('or', parts);
  }

  private all(compare: Compare): ScimCondition {
    const parts = [this.one(compare)];
    while (this.takeWord('and')) parts.push(this.one(compare));
    return joined('and', parts);
  }

  private one(compare: Compare): ScimCondition {
    if (this.takeMark('(')) return this.closed(compare, ')');
    const token = this.tokens[this.next];
    const isNot = token?.kind === 'word' && token.text.toLowerCase() === 'not';
    if (isNot && this.isMark(this.next + 1, '(')) {
      this.next += 2;
      return { kind: 'not', part: this.closed(compare, ')') };
    }
    return this.comparison(compare);
  }

  private comparison(compare: Compare): ScimCondition {
    const path = this.takePath();
    if (!this.takeMark('[')) return this.operation((word, value) => compare(path, word, value));
    const place = placeOf(path);
    if (place?.sub !== undefined || place?.attribute.multiValued !== true) {
      throw invalid('Brackets follow an attribute with several values only.');
    }
    const inner = comparisonOf(place.attribute);
    const part = this.closed(inner, ']');
    const token = this.tokens[this.next];
    const values = namesOf(place);
    if (token?.kind !== 'member') return { kind: 'some', path: values, part };
    this.next += 1;
    // Entra's form: emails[type eq "work"].value eq "…" is about one and the same value.
    const { text } = token;
    const last = this.operation((word, value) => inner(text, word, value));
    return { kind: 'some', path: values, part: joined('and', [part, last]) };
  }

  private operation(meaning: (word: Word, value: Literal | undefined) => ScimCondition): ScimCondition {
    this.terms += 1;
    if (this.terms > termsMax) throw new ScimError(400, 'tooMany', `A filter may have ${termsMax} comparisons.`);
    const token = this.tokens[this.next];
    const word = token?.kind === 'word' ? token.text.toLowerCase() : '';
    if (!isWord(word)) throw invalid('After an attribute comes one of eq, ne, co, sw, ew, pr, gt, ge, lt, le.');
    this.next += 1;
    return meaning(word, word === 'pr' ? undefined : this.takeValue());
  }

  private takeValue(): Literal {
    const token = this.tokens[this.next];
    this.next += 1;
    if (token?.kind === 'value') return token.value;
    const word = token?.kind === 'word' ? token.text.toLowerCase() : '';
    if (word === 'true' || word === 'false') return word === 'true';
    if (word === 'null') return null;
    throw invalid('After an operator comes a JSON value: a text in double quotes, a number, true, false or null.');
  }

  private takePath(): string {
    const token = this.tokens[this.next];
    if (token?.kind !== 'word') throw invalid('A comparison begins with an attribute.');
    this.next += 1;
    return token.text;
  }

  private closed(compare: Compare, mark: ')' | ']'): ScimCondition {
    const condition = this.any(compare);
    if (!this.takeMark(mark)) throw invalid(`A “${mark}” is missing.`);
    return condition;
  }

  private takeWord(word: string): boolean {
    const token = this.tokens[this.next];
    const isThere = token?.kind === 'word' && token.text.toLowerCase() === word;
    if (isThere) this.next += 1;
    return isThere;
  }

  private isMark(index: number, mark: string): boolean {
    const token = this.tokens[index];
    return token?.kind === 'mark' && token.text === mark;
  }

  private takeMark(mark: string): boolean {
    const isThere = this.isMark(this.next, mark);
    if (isThere) this.next += 1;
    return isThere;
  }
}

function joined(kind: 'and' | 'or', parts: readonly ScimCondition[]): ScimCondition {
  const [first] = parts;
  return parts.length === 1 && first !== undefined ? first : { kind, parts };
}

/** An attribute that no user has is one without a value (RFC 7644, 3.4.2.1). */
const unknownAttribute = (word: Word, value: Literal | undefined): ScimCondition => {
  const isMet = word === 'ne' ? value !== null : word === 'eq' && value === null;
  return isMet ? { kind: 'not', part: nobody } : nobody;
};

const compareUser: Compare = (path, word, value) => {
  const place = placeOf(path);
  if (place === undefined) {
    const extension = extensionOf(path);
    if (extension === undefined) return unknownAttribute(word, value);
    if (word !== 'pr') throw invalid('An extension as a whole can be asked for with pr only.');
    return { kind: 'present', operand: { path: [extension.id], type: 'boolean' } };
  }
  if (place.attribute.name === 'schemas') return compareSchemas(word, value);
  if (place.attribute.name === 'meta' && place.extension === undefined) return compareMeta(place, word, value);
  if (place.attribute.returned === 'request') throw invalid(`${place.attribute.name} cannot be filtered by.`);
  const { attribute, sub } = place;
  if (!attribute.multiValued) {
    const leaf = sub ?? leafOf(attribute, word);
    return compareOne(leaf ?? attribute, operandOf(place, leaf), word, value);
  }
  const list = namesOf({ extension: place.extension, attribute });
  return compareList(list, attribute, sub, word, value);
};

/** Some value of a list is so; `ne` says that none is. */
function compareList(
  path: readonly string[],
  attribute: ScimAttribute,
  sub: ScimAttribute | undefined,
  word: Word,
  value: Literal | undefined,
): ScimCondition {
  if (sub === undefined && word === 'pr') return { kind: 'some', path };
  if (sub === undefined && value === null) {
    const some: ScimCondition = { kind: 'some', path };
    return word === 'ne' ? some : { kind: 'not', part: some };
  }
  const compare = (one: Word): ScimCondition => {
    const leaf = sub ?? leafOf(attribute, one) ?? attribute;
    const operand: ScimOperand = { path: leaf === attribute ? [] : [leaf.name], type: kindOf(leaf) };
    return { kind: 'some', path, part: compareOne(leaf, operand, one, value) };
  };
  return word === 'ne' ? { kind: 'not', part: compare('eq') } : compare(word);
}

/** Comparisons within one value of an attribute. */
function comparisonOf(attribute: ScimAttribute): Compare {
  return (path, word, value) => {
    const sub = attributeNamed(attribute.subAttributes ?? [], path);
    if (sub !== undefined) return compareOne(sub, { path: [sub.name], type: kindOf(sub) }, word, value);
    const isItself = attribute.type !== 'complex' && path.toLowerCase() === 'value';
    if (isItself) return compareOne(attribute, { path: [], type: kindOf(attribute) }, word, value);
    return unknownAttribute(word, value);
  };
}

/** A complex attribute stands for its `value`, when it has one. */
function leafOf(attribute: ScimAttribute, word: Word): ScimAttribute | undefined {
  if (attribute.type !== 'complex' || word === 'pr') return undefined;
  const value = attributeNamed(attribute.subAttributes ?? [], 'value');
  if (value === undefined)
    throw invalid(
      `${attribute.name} has parts: name the one to compare, such as ${attribute.name}.${attribute.subAttributes?.[0]?.name ?? ''}.`,
    );
  return value;
}

function operandOf(place: ScimPlace, leaf: ScimAttribute | undefined): ScimOperand {
  const column = columnOfPlace(place);
  if (column !== undefined) return { column, type: 'text' };
  const { extension, attribute, sub } = place;
  return { path: namesOf({ extension, attribute, sub: sub ?? leaf }), type: kindOf(leaf ?? attribute) };
}

function kindOf({ type }: ScimAttribute): 'text' | 'boolean' {
  return type === 'boolean' || type === 'complex' ? 'boolean' : 'text';
}

function compareOne(
  attribute: ScimAttribute,
  operand: ScimOperand,
  word: Word,
  value: Literal | undefined,
): ScimCondition {
  if (word === 'pr' || value === undefined) return { kind: 'present', operand };
  if (value === null) {
    // Null is unassigned (RFC 7643, 2.5).
    if (word === 'ne') return { kind: 'present', operand };
    if (word === 'eq') return { kind: 'not', part: { kind: 'present', operand } };
    throw invalid('Null can be compared with eq and ne only.');
  }
  if (word === 'ne') return { kind: 'not', part: compareOne(attribute, operand, 'eq', value) };
  return { kind: 'compare', operand, operator: word, value: comparable(attribute, word, value) };
}

/** The value as the attribute's type has it; an operator that the type does not know is refused. */
function comparable(attribute: ScimAttribute, word: Word, value: string | number | boolean): string | boolean {
  const { name, type } = attribute;
  const isPartial = word === 'co' || word === 'sw' || word === 'ew';
  if (type === 'boolean') {
    const said = typeof value === 'string' ? value.toLowerCase() : String(value);
    if (word !== 'eq') throw invalid(`${name} is true or false: compare it with eq or ne.`);
    if (said !== 'true' && said !== 'false') throw invalid(`${name} is compared with true or false.`);
    return said === 'true';
  }
  if (typeof value !== 'string') throw invalid(`${name} is a text: compare it with a text in double quotes.`);
  if (value.includes('\0') || !value.isWellFormed()) throw invalid('No text holds such characters.');
  if (type === 'binary' && word !== 'eq' && !isPartial) throw invalid(`${name} has no order.`);
  if (type === 'dateTime') return momentOf(value, isPartial);
  return attribute.caseExact ? value : value.toLowerCase();
}

const moment = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?$/;

function momentOf(text: string, isPartial: boolean): string {
  if (isPartial) throw invalid('A moment is compared with eq, ne, gt, ge, lt or le.');
  const at = moment.test(text) ? new Date(/(Z|[+-]\d{2}:\d{2})$/.test(text) ? text : `${text}Z`) : undefined;
  // The ledger knows no year before the first and writes those after 9999 in another way.
  const year = at?.getUTCFullYear() ?? 0;
  if (at === undefined || Number.isNaN(year) || year < 1 || year > 9_999)
    throw invalid('A moment is written like 2026-11-25T09:00:00Z.');
  return at.toISOString();
}

function compareMeta(place: ScimPlace, word: Word, value: Literal | undefined): ScimCondition {
  switch (place.sub?.name) {
    case undefined:
      if (word === 'pr') return { kind: 'not', part: nobody };
      throw invalid('meta has parts: name the one to compare, such as meta.lastModified.');
    case 'created':
    case 'lastModified':
      return compareOne(place.sub, { column: place.sub.name, type: 'moment' }, word, value);
    case 'version':
      return compareOne(place.sub, { column: 'version', type: 'text' }, word, value);
    case 'resourceType':
      if (word === 'pr') return { kind: 'not', part: nobody };
      if (word === 'eq' || word === 'ne')
        return (value === 'User') === (word === 'eq') ? { kind: 'not', part: nobody } : nobody;
      throw invalid('meta.resourceType can be compared with eq and ne only.');
    default:
      throw invalid('meta.location cannot be filtered by: ask for the id.');
  }
}

function compareSchemas(word: Word, value: Literal | undefined): ScimCondition {
  if (word === 'pr') return { kind: 'not', part: nobody };
  if (word !== 'eq' || typeof value !== 'string') throw invalid('schemas can be compared with eq only.');
  if (value.toLowerCase() === coreUrn.toLowerCase()) return { kind: 'not', part: nobody };
  const extension = extensionOf(value);
  return extension === undefined ? nobody : { kind: 'present', operand: { path: [extension.id], type: 'boolean' } };
}
