import { FeedRefusedError } from '../dialects/raw-row.js';
import type { ZipMember } from '../files/zip.js';
import { readXml, refuseLong } from './xml.js';
import type { SharedTexts } from './shared-texts.js';
import { unescaped } from './shared-texts.js';

/** How the cells of one style show a number: as a day, or with so many digits. */
export type CellStyle = { readonly isDate: true } | { readonly isDate: false; readonly digits: number };

const plain: CellStyle = { isDate: false, digits: 0 };
const isBetween = (id: number, first: number, last: number) => id >= first && id <= last;
/** The number formats that every workbook has (ECMA-376 part 1, 18.8.30). */
const isBuiltInDate = (id: number) =>
  isBetween(id, 14, 22) || isBetween(id, 27, 36) || isBetween(id, 45, 47) || isBetween(id, 50, 58);
/** Texts, colours, places and letters that stand for themselves within a number format. */
const unspoken = /"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|General/gi;

function styleOf(id: number, formats: ReadonlyMap<number, string>): CellStyle {
  const format = formats.get(id);
  if (format === undefined) return isBuiltInDate(id) ? { isDate: true } : plain;
  const [first = ''] = format.replaceAll(unspoken, '').split(';');
  if (/[dmyhs]/i.test(first)) return { isDate: true };
  return /^0+$/.test(first) ? { isDate: false, digits: first.length } : plain;
}

/** A workbook has at most 65,490 (Microsoft, Excel specifications and limits). */
const stylesMax = 65_536;

/**
 * The styles of a workbook by their number; without a part of styles there are none.
 *
 * @throws FeedRefusedError when there are more than any workbook has.
 */
export async function cellStyles(member: ZipMember | undefined): Promise<readonly CellStyle[]> {
  const formats = new Map<number, string>();
  const ids: number[] = [];
  let isOfCells = false;
  if (member !== undefined) {
    await readXml(() => member.stream(), {
      opened: (name, attributes) => {
        if (name === 'numFmt') {
          refuseLong(attributes['formatCode']);
          formats.set(Number(attributes['numFmtId']), attributes['formatCode'] ?? '');
        } else if (name === 'cellXfs') isOfCells = true;
        else if (name === 'xf' && isOfCells) ids.push(Number(attributes['numFmtId'] ?? 0));
        if (formats.size > stylesMax || ids.length > stylesMax) throw new FeedRefusedError('workbook_too_large');
      },
      closed: (name) => {
        if (name === 'cellXfs') isOfCells = false;
      },
    });
  }
  return ids.map((id) => styleOf(id, formats));
}

/** What stands in a cell that the spreadsheet could not calculate, or has not. */
export const cellFault = Symbol('a cell without a value');

/** What is needed to read any cell of a workbook. */
export interface CellReading {
  readonly texts: SharedTexts;
  readonly styles: readonly CellStyle[];
  /** Days count from 1904 instead of 1900. */
  readonly from1904: boolean;
}

/** A cell as it is written: its type and style, and the text of its value. */
export interface WrittenCell {
  readonly type: string;
  readonly style: number;
  readonly text: string;
  readonly hasValue: boolean;
  readonly isFormula: boolean;
}

/**
 * What a cell holds: a text, a day as a Date, a truth value, or a number. A whole number becomes the text of the digits
 * that the cell shows, leading zeros of its format included; any other number stays one, so that none is taken for a text.
 * Undefined for an empty cell.
 */
export function cellValue(cell: WrittenCell, { texts, styles, from1904 }: CellReading): unknown {
  const isOwnText = cell.type === 'inlineStr' || cell.type === 'str';
  // Programs write an empty `<v/>` for nothing, which is neither the number 0 nor the first shared text.
  if (!cell.hasValue || (!isOwnText && cell.text.trim() === '')) return cell.isFormula ? cellFault : undefined;
  switch (cell.type) {
    case 's':
      return texts.get(Number(cell.text)) ?? cellFault;
    case 'inlineStr':
    case 'str':
      return unescaped(cell.text);
    case 'b':
      return cell.text === '1' || cell.text === 'true';
    case 'd':
      return dayOfText(cell.text);
    case 'n':
    case '':
      return numberValue(Number(cell.text), styles[cell.style] ?? plain, from1904);
    default:
      return cellFault;
  }
}

const wholeMax = 1e15;

function numberValue(number: number, style: CellStyle, from1904: boolean): unknown {
  if (!Number.isFinite(number)) return cellFault;
  if (style.isDate) return dayOfSerial(number + (from1904 ? daysTo1904 : 0));
  if (!Number.isInteger(number) || Math.abs(number) >= wholeMax) return number;
  return number < 0 ? String(number) : String(number).padStart(style.digits, '0');
}

const dayMs = 86_400_000;
const daysTo1904 = 1_462;
const serialEpoch = Date.UTC(1899, 11, 30);

/** ECMA-376 part 1, 18.17.4.1; before March 1900 spreadsheets differ by a day. */
function dayOfSerial(serial: number): unknown {
  const day = Math.floor(serial);
  return day >= 61 && day <= 2_958_465 ? new Date(serialEpoch + day * dayMs) : cellFault;
}

function dayOfText(text: string): unknown {
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  return Number.isNaN(day.getTime()) ? cellFault : day;
}
