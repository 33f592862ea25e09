import { rejection } from '#libs/vocabulary';
import { columnOf } from '../fields.js';
import { FeedRefusedError, rowCharactersMax, type FileShape, type RawRow } from '../dialects/raw-row.js';
import { TableHeader } from '../dialects/table-header.js';
import { cellFault, cellValue, type CellReading } from './cells.js';
import type { Attributes, XmlReader } from './xml.js';

const columnsMax = 16_384;
const letters = /^[A-Z]+/;

/** The column that a cell's reference names, from 0: `B7` is 1. */
function columnOfReference(reference: string): number {
  let column = 0;
  for (const letter of letters.exec(reference)?.[0] ?? '') column = column * 26 + letter.charCodeAt(0) - 64;
  return column - 1;
}

const isBlank = (value: unknown) => value === undefined || (typeof value === 'string' && value.trim() === '');

/** A row of a sheet that holds something, with its number in the sheet. */
export interface SheetRow {
  readonly line: number;
  /** As `cellValue` gives them; undefined where nothing stands. */
  readonly cells: readonly unknown[];
  readonly isTooLong: boolean;
}

/** Reads the rows of one sheet (ECMA-376 part 1, 18.3.1.73); rows that hold nothing are none. */
export class SheetReader implements XmlReader {
  private rows: SheetRow[] = [];
  private line = 0;
  private cells: unknown[] = [];
  private characters = 0;
  private column = -1;
  private type = '';
  private style = 0;
  private value = '';
  private hasValue = false;
  private isFormula = false;
  private isText = false;
  private isSound = false;

  constructor(private readonly reading: CellReading) {}

  take(): readonly SheetRow[] {
    const { rows } = this;
    this.rows = [];
    return rows;
  }

  opened(name: string, attributes: Attributes): void {
    if (name === 'c') this.openCell(attributes);
    else if (name === 'row') this.openRow(attributes['r']);
    else if (name === 'f') this.isFormula = true;
    else if (name === 'rPh') this.isSound = true;
    else if (name === 'v' || (name === 't' && !this.isSound)) {
      this.isText = true;
      this.hasValue = true;
    }
  }

  closed(name: string): void {
    this.isText = false;
    if (name === 'c') this.closeCell();
    else if (name === 'row') this.closeRow();
    else if (name === 'rPh') this.isSound = false;
  }

  text(part: string): void {
    if (!this.isText) return;
    this.characters += part.length;
    // What is over the limit is counted, but not kept.
    if (this.characters <= rowCharactersMax) this.value += part;
  }

  private openRow(number: string | undefined): void {
    const line = number === undefined ? this.line + 1 : Number(number);
    if (!Number.isInteger(line) || line <= this.line) throw new FeedRefusedError('workbook_broken');
    this.line = line;
    this.cells = [];
    this.characters = 0;
    this.column = -1;
  }

  private openCell({ r: reference, t: type = '', s: style = '0' }: Attributes): void {
    this.column = reference === undefined ? this.column + 1 : columnOfReference(reference);
    if (!(this.column >= 0 && this.column < columnsMax)) throw new FeedRefusedError('workbook_broken');
    this.type = type;
    this.style = Number(style);
    this.value = '';
    this.hasValue = false;
    this.isFormula = false;
  }

  private closeCell(): void {
    const { type, style, value: text, hasValue, isFormula } = this;
    const value = cellValue({ type, style, text, hasValue, isFormula }, this.reading);
    // One shared text may stand in every cell of a row: it is counted in each.
    if (typeof value === 'string' && type === 's') this.characters += value.length;
    if (!isBlank(value) && this.characters <= rowCharactersMax) this.cells[this.column] = value;
  }

  private closeRow(): void {
    const { line, cells, characters } = this;
    const isTooLong = characters > rowCharactersMax;
    if (cells.length > 0 || isTooLong) this.rows.push({ line, cells, isTooLong });
  }
}

/** A sheet's rows as rows of a feed: the first one is the header. */
export class SheetTable {
  private header: TableHeader | undefined;

  constructor(private readonly shape: FileShape) {}

  rowsOf(rows: readonly SheetRow[]): RawRow[] {
    const { header } = this;
    if (header !== undefined) return rows.map((row) => rawRow(row, header));
    const [first, ...others] = rows;
    if (first === undefined) return [];
    this.header = new TableHeader(this.shape, headersIn(first));
    return this.rowsOf(others);
  }

  end(): void {
    if (this.header === undefined) throw new FeedRefusedError('empty_file');
  }
}

export const headersIn = ({ cells }: SheetRow): string[] =>
  Array.from(cells, (cell) => (typeof cell === 'string' ? cell : ''));

function rawRow(row: SheetRow, header: TableHeader): RawRow {
  const problem = problemOf(row, header);
  if (problem === undefined) return { line: row.line, values: header.values(row.cells) };
  return { line: row.line, problem, employeeNumber: header.numberIn(row.cells) };
}

function problemOf({ cells, isTooLong }: SheetRow, header: TableHeader) {
  if (isTooLong) return rejection('row_too_long');
  if (cells.length > header.width) return rejection('row_column_count');
  if (!cells.includes(cellFault)) return undefined;
  const fault = [...header.fields].find(([position]) => cells[position] === cellFault);
  return fault && rejection('cell_error', columnOf(fault[1]));
}
