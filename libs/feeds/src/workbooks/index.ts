import { posix } from 'node:path';
import { FeedRefusedError, type FileShape, type RawRow } from '../dialects/raw-row.js';
import { bounded, type ReadingBounds } from '../files/plain-bytes.js';
import type { StoredFile } from '../files/stored-file.js';
import { openZip, type ZipMember } from '../files/zip.js';
import { cellStyles } from './cells.js';
import { SheetReader, SheetTable, type SheetRow } from './sheet.js';
import { sharedTexts } from './shared-texts.js';
import { readXml, refuseLong, xmlSteps } from './xml.js';

/** How a workbook with a password begins, and a workbook of the time before .xlsx ([MS-CFB] 2.2). */
const compoundFile = 'd0cf11e0';

/** A sheet as the workbook names it. */
interface Sheet {
  readonly name: string;
  readonly isHidden: boolean;
  readonly member: ZipMember;
}

interface Workbook {
  readonly sheets: readonly Sheet[];
  readonly from1904: boolean;
  readonly texts: ZipMember | undefined;
  readonly styles: ZipMember | undefined;
}

/**
 * The rows of a workbook as rows of a feed.
 *
 * @throws FeedRefusedError when the workbook is broken, has a password, or no such sheet.
 */
export async function* workbookRows(
  file: StoredFile,
  shape: FileShape,
  bounds: ReadingBounds,
): AsyncGenerator<readonly RawRow[]> {
  const table = new SheetTable(shape);
  for await (const rows of sheetRows(file, shape.sheet, bounds)) yield table.rowsOf(rows);
  table.end();
}

/**
 * The rows of a workbook (.xlsx, ECMA-376): of the named sheet, else of the only visible one that holds something. Memory
 * holds the texts that its cells share and one chunk of rows, whatever the size of the sheet.
 */
export async function* sheetRows(
  file: StoredFile,
  sheet: string | undefined,
  bounds: ReadingBounds,
): AsyncGenerator<readonly SheetRow[]> {
  await refuseCompoundFile(file);
  const members = await openZip(file, { broken: 'workbook_broken', encrypted: 'workbook_encrypted' });
  const workbook = await openWorkbook(boundedMembers(members, bounds));
  const { member } = await sheetOf(workbook, sheet);
  const [texts, styles] = [await sharedTexts(workbook.texts), await cellStyles(workbook.styles)];
  const reader = new SheetReader({ texts, styles, from1904: workbook.from1904 });
  for await (const _step of xmlSteps(() => member.stream(), reader)) {
    const rows = reader.take();
    if (rows.length > 0) yield rows;
  }
}

async function refuseCompoundFile(file: StoredFile): Promise<void> {
  const sizes = await file.pieceSizes();
  if (sizes.every((size) => size === 0)) throw new FeedRefusedError('empty_file');
  const first = await file.piece(sizes.findIndex((size) => size > 0));
  if (first.subarray(0, 4).toString('hex') === compoundFile) throw new FeedRefusedError('workbook_encrypted');
}

/** The parts by their names; together they may unpack to what one file may. */
function boundedMembers(members: readonly ZipMember[], bounds: ReadingBounds): ReadonlyMap<string, ZipMember> {
  const unpacked = { bytes: 0 };
  return new Map(
    members.map(({ name, stream }) => [name, { name, stream: () => bounded(stream(), bounds, unpacked) }]),
  );
}

/** A workbook refers to a few parts; one that names ever more of them shall not fill the memory. */
const relationsMax = 4_000;

interface Relation {
  readonly type: string;
  readonly path: string;
}

/** What a part refers to, by the reference's id (ECMA-376 part 2, 6.5): `xl/workbook.xml` has `xl/_rels/workbook.xml.rels`. */
async function relationsOf(members: ReadonlyMap<string, ZipMember>, part: string): Promise<Map<string, Relation>> {
  const relations = new Map<string, Relation>();
  const folder = posix.dirname(part);
  const member = members.get(posix.join(folder, '_rels', `${posix.basename(part)}.rels`));
  if (member === undefined) return relations;
  await readXml(() => member.stream(), {
    opened: (name, { Id: id = '', Type: type = '', Target: target = '' }) => {
      if (name !== 'Relationship') return;
      refuseLong(id, type, target);
      const path = target.startsWith('/') ? target.slice(1) : posix.join(folder, target);
      relations.set(id, { type: posix.basename(type), path });
      if (relations.size > relationsMax) throw new FeedRefusedError('workbook_broken');
    },
  });
  return relations;
}

async function openWorkbook(members: ReadonlyMap<string, ZipMember>): Promise<Workbook> {
  const ofPackage = await relationsOf(members, '');
  const path = [...ofPackage.values()].find(({ type }) => type === 'officeDocument')?.path ?? '';
  const part = members.get(path);
  if (part === undefined) throw new FeedRefusedError('workbook_broken');
  const relations = await relationsOf(members, path);
  const sheets: Sheet[] = [];
  let from1904 = false;
  await readXml(() => part.stream(), {
    opened: (name, attributes) => {
      if (name === 'workbookPr') from1904 = ['1', 'true'].includes(attributes['date1904'] ?? '');
      if (name !== 'sheet') return;
      refuseLong(attributes['name']);
      const relation = relations.get(attributes['id'] ?? '');
      const member = members.get(relation?.path ?? '');
      if (relation?.type !== 'worksheet' || member === undefined) return;
      sheets.push({
        name: attributes['name'] ?? '',
        isHidden: (attributes['state'] ?? 'visible') !== 'visible',
        member,
      });
      if (sheets.length > relationsMax) throw new FeedRefusedError('workbook_broken');
    },
  });
  const partOf = (wanted: string) =>
    members.get([...relations.values()].find(({ type }) => type === wanted)?.path ?? '');
  return { sheets, from1904, texts: partOf('sharedStrings'), styles: partOf('styles') };
}

async function sheetOf({ sheets }: Workbook, wanted: string | undefined): Promise<Sheet> {
  if (wanted !== undefined) {
    const named = sheets.find(({ name }) => name.trim().toLowerCase() === wanted.trim().toLowerCase());
    if (named === undefined) throw new FeedRefusedError('workbook_no_sheet');
    return named;
  }
  const visible = sheets.filter(({ isHidden }) => !isHidden);
  const filled: Sheet[] = [];
  for (const sheet of visible) if (visible.length === 1 || (await holdsSomething(sheet.member))) filled.push(sheet);
  const [only, another] = filled;
  if (another !== undefined) throw new FeedRefusedError('workbook_several_sheets');
  if (only === undefined) throw new FeedRefusedError('empty_file');
  return only;
}

async function holdsSomething(member: ZipMember): Promise<boolean> {
  let isFilled = false;
  const opened = (name: string) => {
    isFilled ||= name === 'v' || name === 't';
  };
  for await (const _step of xmlSteps(() => member.stream(), { opened })) if (isFilled) return true;
  return isFilled;
}
