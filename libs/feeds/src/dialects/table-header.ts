import type { FeedField } from '#libs/vocabulary';
import type { FieldValues } from '../fields.js';
import { FeedRefusedError, type FileShape } from './raw-row.js';

/** What may be a worker's number in a row that is broken: all that may be one in a whole row. */
const isNumber = /^[^\0\uFFFD\uD800-\uDFFF]{1,64}$/;

/** The header row of a table: which field stands in which column. */
export class TableHeader {
  /** How many columns a row has. */
  readonly width: number;
  /** The field of each column that means one. */
  readonly fields = new Map<number, FeedField>();
  private readonly positions: Partial<Record<FeedField, number>> = {};

  /** @throws FeedRefusedError when a header is missing, there twice or unwanted. */
  constructor(
    private readonly shape: FileShape,
    headers: readonly string[],
  ) {
    const fault = shape.headers.fault(headers);
    if (fault !== undefined) throw new FeedRefusedError(fault.reason, fault.column);
    this.width = headers.length;
    for (const [position, header] of headers.entries()) {
      const field = shape.headers.fieldOf(header);
      if (field === undefined) continue;
      this.positions[field] = position;
      this.fields.set(position, field);
    }
  }

  /** The values of one row, read in place. */
  values(record: readonly unknown[]): FieldValues {
    return new RowValues(this.positions, this.shape.constants, record);
  }

  /** The worker's number in a row that is broken, as far as it can be told: who stands in it is present all the same. */
  numberIn(record: readonly unknown[]): string | undefined {
    const value = record[this.positions.employeeNumber ?? -1];
    const number = typeof value === 'string' ? value.trim() : '';
    return isNumber.test(number) ? number : undefined;
  }
}

class RowValues implements FieldValues {
  constructor(
    private readonly positions: Readonly<Partial<Record<FeedField, number>>>,
    private readonly constants: ReadonlyMap<FeedField, string>,
    private readonly record: readonly unknown[],
  ) {}

  get(field: FeedField): unknown {
    const position = this.positions[field];
    return position === undefined ? this.constants.get(field) : this.record[position];
  }
}
