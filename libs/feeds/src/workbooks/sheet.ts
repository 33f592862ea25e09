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

/**
 * Reads the rows of one sheet (ECMA-376 part 1, 18.3.1.73): the first row that holds something is the header; rows that hold
 * nothing are none. A row's line is its number in the sheet.
 */
export class SheetReader implements XmlReader {
  private rows: RawRow[] = [];
  private header: TableHeader | undefined;
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

  constructor(
    private readonly shape: FileShape,
    private readonly reading: CellReading,
  ) {}

  take(): readonly RawRow[] {
    const { rows } = this;
    this.rows = [];
    return rows;
  }

  end(): void {
    if (this.header === undefined) throw new FeedRefusedError('empty_file');
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
    if (typeof value === 'string' && type === 's') this.characters += value.length;
    if (!isBlank(value)) this.cells[this.column] = value;
  }

  private closeRow(): void {
    if (this.cells.length === 0) return;
    const { header, line, cells } = this;
    if (header === undefined) {
      this.header = new TableHeader(
        this.shape,
        Array.from(cells, (cell) => (typeof cell === 'string' ? cell : '')),
      );
      return;
    }
    const problem = this.problem(header);
    if (problem === undefined) this.rows.push({ line, values: header.values(cells) });
    else this.rows.push({ line, problem, employeeNumber: header.numberIn(cells) });
  }

  private problem(header: TableHeader) {
    if (this.characters > rowCharactersMax) return rejection('row_too_long');
    if (this.cells.length > header.width) return rejection('row_column_count');
    if (!this.cells.includes(cellFault)) return undefined;
    const fault = [...header.fields].find(([position]) => this.cells[position] === cellFault);
    return fault && rejection('cell_error', columnOf(fault[1]));
  }
}
