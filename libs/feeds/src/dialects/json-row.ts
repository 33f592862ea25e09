import { rejection, type FeedField as Field } from '#libs/vocabulary';
import { columnOf } from '../fields.js';
import { FeedRefusedError, type FileShape, type RawRow } from './raw-row.js';

/** Objects have the same names row after row; whoever sends ever new ones shall not fill the memory. */
const namesMax = 10_000;
const plainNumber = /^-?\d+(\.\d+)?$/;

/** Reads the objects of one file. */
export class JsonRows {
  private readonly known = new Map<string, Field | null>();

  constructor(private readonly shape: FileShape) {}

  /** One employee from the text of one JSON value. */
  row(text: string, line: number): RawRow {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return { line, problem: rejection(text.includes('\uFFFD') ? 'row_invalid_encoding' : 'row_not_json') };
    }
    if (!isObject(value)) return { line, problem: rejection('row_not_object') };
    const values = new Map<Field, unknown>();
    let hasNumber = false;
    for (const [name, one] of Object.entries(value)) {
      const field = this.fieldOf(name);
      if (field === null) continue;
      if (values.has(field)) return { line, problem: rejection('field_duplicate', columnOf(field)) };
      values.set(field, one);
      hasNumber ||= typeof one === 'number' && !isNumeric(field);
    }
    if (hasNumber) this.writeNumbers(values, text);
    for (const [field, constant] of this.shape.constants) if (!values.has(field)) values.set(field, constant);
    return { line, values };
  }

  private fieldOf(name: string): Field | null {
    const found = this.known.get(name);
    if (found !== undefined) return found;
    const unwanted = this.shape.headers.unwantedColumn(name);
    if (unwanted !== undefined) throw new FeedRefusedError('header_unwanted_column', unwanted);
    const field = this.shape.headers.fieldOf(name) ?? null;
    if (this.known.size < namesMax) this.known.set(name, field);
    return field;
  }

  /**
   * Numbers as the feed wrote them: 12345678901234567890 keeps its digits as a text. One that is not written plainly (1e5)
   * stays a number, which only a field that is a number accepts. There all stay numbers: JSON's mark is the point, whatever
   * mark is settled for texts.
   */
  private writeNumbers(values: Map<Field, unknown>, text: string): void {
    const reviver = (_name: string, value: unknown, context?: { readonly source?: string }): unknown => {
      const source = context?.source;
      return typeof value === 'number' && source !== undefined && plainNumber.test(source) ? source : value;
    };
    const asWritten: unknown = JSON.parse(text, reviver);
    if (!isObject(asWritten)) return;
    for (const [name, value] of Object.entries(asWritten)) {
      const field = this.fieldOf(name);
      if (field !== null && !isNumeric(field) && typeof values.get(field) === 'number') values.set(field, value);
    }
  }
}

const isNumeric = (field: Field) => field === 'fte';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
