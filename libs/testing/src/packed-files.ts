import { crc32, deflateRawSync } from 'node:zlib';

/** A file within a zip, and what of its headers is to be written wrongly. */
export interface PackedFile {
  readonly name: string;
  readonly content: string | Buffer;
  readonly encrypted?: boolean;
  readonly claimedBytes?: number;
}

/** Writes a zip (APPNOTE 4.3) with each file deflated. */
export function zipOf(files: readonly PackedFile[]): Buffer<ArrayBuffer> {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  let offset = 0;
  for (const { name, content, encrypted = false, claimedBytes } of files) {
    const plain = Buffer.from(content);
    const packed = deflateRawSync(plain);
    const path = Buffer.from(name);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE((encrypted ? 1 : 0) | 0x800, 2);
    shared.writeUInt16LE(8, 4);
    shared.writeUInt32LE(crc32(plain), 10);
    shared.writeUInt32LE(packed.length, 14);
    shared.writeUInt32LE(claimedBytes ?? plain.length, 18);
    shared.writeUInt16LE(path.length, 22);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), shared, path, packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    entries.push(Buffer.concat([Buffer.from('PK\u0001\u0002\u0014\u0000'), shared, tail, path]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006');
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('\r', '_x000D_');

/** A text is written as a shared one, a Date in a style of dates; `xml` as it is, without its reference. */
export type SheetCell = string | number | Date | undefined | { readonly xml: string };

export interface WrittenSheet {
  readonly name: string;
  readonly rows: readonly (readonly SheetCell[])[];
  readonly hidden?: boolean;
}

const letterOf = (column: number): string =>
  (column >= 26 ? letterOf(Math.floor(column / 26) - 1) : '') + String.fromCharCode(65 + (column % 26));

const serialOf = (date: Date) => date.getTime() / 86_400_000 + 25_569;

/** The styles: 0 plain, 1 a date of the locale, 2 `dd.mm.yyyy`, 3 eight digits, 4 two decimals with a red text. */
const styles = `<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts count="3">
<numFmt numFmtId="164" formatCode="dd\\.mm\\.yyyy;@"/><numFmt numFmtId="165" formatCode="00000000"/>
<numFmt numFmtId="166" formatCode="[Red]0.00&quot; days&quot;"/></numFmts>
<cellStyleXfs count="1"><xf numFmtId="14"/></cellStyleXfs>
<cellXfs count="5"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="166"/></cellXfs></styleSheet>`;

/** Writes a workbook (ECMA-376) with the parts that every spreadsheet program writes. */
export function workbookOf(sheets: readonly WrittenSheet[], { from1904 = false } = {}): Buffer<ArrayBuffer> {
  const texts: string[] = [];
  const cellOf = (cell: SheetCell, reference: string): string => {
    if (cell === undefined) return '';
    if (typeof cell === 'number') return `<c r="${reference}"><v>${cell}</v></c>`;
    if (cell instanceof Date) return `<c r="${reference}" s="2"><v>${serialOf(cell)}</v></c>`;
    if (typeof cell === 'object') return cell.xml.replace('<c', `<c r="${reference}"`);
    return `<c r="${reference}" t="s"><v>${texts.push(cell) - 1}</v></c>`;
  };
  const sheetOf = ({ rows }: WrittenSheet) =>
    `<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>${rows
      .map(
        (row, y) => `<row r="${y + 1}">${row.map((cell, x) => cellOf(cell, `${letterOf(x)}${y + 1}`)).join('')}</row>`,
      )
      .join('')}</sheetData></worksheet>`;
  const types = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
  const relation = (id: string, type: string, target: string) =>
    `<Relationship Id="${id}" Type="${types}/${type}" Target="${target}"/>`;
  const relations = (all: string) => `<Relationships xmlns="x">${all}</Relationships>`;
  const parts = sheets.map((sheet, index) => ({
    name: `xl/worksheets/sheet${index + 1}.xml`,
    content: sheetOf(sheet),
  }));
  const named = sheets.map(
    ({ name, hidden = false }, index) =>
      `<sheet name="${escaped(name)}" sheetId="${index + 1}"${hidden ? ' state="hidden"' : ''} r:id="s${index}"/>`,
  );
  const own = sheets.map((_, index) => relation(`s${index}`, 'worksheet', `worksheets/sheet${index + 1}.xml`));
  const shared = texts.map((text) => `<si><t xml:space="preserve">${escaped(text)}</t></si>`);
  return zipOf([
    { name: '_rels/.rels', content: relations(relation('r1', 'officeDocument', 'xl/workbook.xml')) },
    {
      name: 'xl/workbook.xml',
      content: `<workbook xmlns:r="${types}"><workbookPr date1904="${from1904 ? 1 : 0}"/><sheets>${named.join('')}</sheets></workbook>`,
    },
    {
      name: 'xl/_rels/workbook.xml.rels',
      content: relations(
        [...own, relation('t', 'sharedStrings', 'sharedStrings.xml'), relation('y', 'styles', '/xl/styles.xml')].join(
          '',
        ),
      ),
    },
    ...parts,
    { name: 'xl/styles.xml', content: styles },
    { name: 'xl/sharedStrings.xml', content: `<sst>${shared.join('')}</sst>` },
  ]);
}
