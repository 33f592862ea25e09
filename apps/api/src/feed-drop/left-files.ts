import { createHash } from 'node:crypto';
import { mediaTypeOfName } from '#libs/feeds';
import { populationSchema, type DropSettings } from '#libs/vocabulary';
import type { DropEntry, DropPlace } from './drop-place.js';

/** Where taken files and what became of them lie, within a source's folder. */
const takenFolder = 'taken';
export const resultEndings = ['.result.json', '.result.csv'] as const;
const modes = ['full', 'delta'] as const;

/** A file that was left and looks like a feed. */
export interface LeftFile extends DropEntry {
  readonly path: string;
  readonly mode: 'full' | 'delta';
  /** Of a full delivery: the folder within `full`; empty for everybody of the source. */
  readonly population: string;
  /** Somebody says by `<name>.done` that it is complete. */
  readonly isDone: boolean;
}

const packedEnding = /\.gz$/i;

/** How a file's bytes are to be read, told by its name; undefined for a name that says nothing. */
export function contentOf(name: string): { mediaType: string; contentEncoding: string | null } | undefined {
  const plainName = name.replace(packedEnding, '');
  const mediaType = mediaTypeOfName(plainName);
  return mediaType === undefined ? undefined : { mediaType, contentEncoding: plainName === name ? null : 'gzip' };
}

/** Hidden files, and what programs call a file that they still write. */
const unfinishedName = /^\.|~$|\.(part|partial|filepart|tmp|temp|crdownload|uploading|lock|swp)$/i;
const doneEnding = '.done';
const isFeedName = (name: string) =>
  !unfinishedName.test(name) && !name.endsWith(doneEnding) && !resultEndings.some((ending) => name.endsWith(ending));

function feedsAmong(
  entries: readonly DropEntry[],
  { mode, population, folder }: Pick<LeftFile, 'mode' | 'population'> & { folder: string },
): LeftFile[] {
  const names = new Set(entries.map(({ name }) => name));
  return entries
    .filter(({ kind, name }) => kind === 'file' && isFeedName(name))
    .map((entry) => {
      const isDone = names.has(`${entry.name}${doneEnding}`);
      return { ...entry, path: `${folder}/${entry.name}`, mode, population, isDone };
    });
}

function straysAmong(entries: readonly DropEntry[]): string[] {
  const names = new Set(entries.map(({ name }) => name));
  return entries
    .filter(({ kind, name }) => kind === 'file' && name.endsWith(doneEnding))
    .map(({ name }) => name)
    .filter((name) => !names.has(name.slice(0, -doneEnding.length)));
}

/** What a source left. */
export interface LeftThings {
  /** The oldest first. */
  readonly files: readonly LeftFile[];
  /** Paths of each `.done` without its file: the next file of that name would be taken for complete by it. */
  readonly strayDones: readonly string[];
}

export async function leftThings(place: DropPlace): Promise<LeftThings> {
  const files: LeftFile[] = [];
  const strayDones: string[] = [];
  const note = (entries: readonly DropEntry[], population: string, mode: LeftFile['mode'], folder: string) => {
    files.push(...feedsAmong(entries, { mode, population, folder }));
    strayDones.push(...straysAmong(entries).map((name) => `${folder}/${name}`));
  };
  for (const mode of modes) {
    const entries = await place.list(mode);
    note(entries, '', mode, mode);
    if (mode !== 'full') continue;
    for (const { name, kind } of entries) {
      if (kind !== 'folder' || !populationSchema.safeParse(name).success) continue;
      const folder = `${mode}/${name}`;
      note(await place.list(folder), name, mode, folder);
    }
  }
  files.sort((one, other) => one.modifiedAt - other.modifiedAt || (one.path < other.path ? -1 : 1));
  return { files, strayDones };
}

export const donePath = (file: LeftFile) => `${file.path}${doneEnding}`;

/** Names longer than this keep their end: with time, id and the result's ending they must stay below 255 bytes. */
const nameMax = 60;

/** Where a file goes once it is the delivery: sorted by time, found by the delivery's id and by its own name. */
export function takenPath(delivery: { id: string; receivedAt: Date }, name: string): string {
  const moment = delivery.receivedAt.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${takenFolder}/${moment}-${delivery.id}-${name.slice(-nameMax)}`;
}

/**
 * The same for a file that is met again after a crash, another for one that is left anew: the same bytes under the same
 * name can be news, when someone goes back to where they were.
 */
export function idempotencyKeyOf(place: string, file: LeftFile, sha256: string): string {
  const identity = JSON.stringify([place, file.path, file.modifiedAt, sha256]);
  return `${place}-${createHash('sha256').update(identity).digest('hex')}`;
}

/** Which files have not changed for how long, by this process's own clock: file servers have others. */
export class Settling {
  private seen = new Map<string, { mark: string; since: number }>();

  /** Takes note of what lies there now (`now` in milliseconds, rising) and forgets what does not any more. */
  look(files: readonly LeftFile[], now: number): void {
    const before = this.seen;
    this.seen = new Map(
      files.map((file) => {
        const mark = `${file.bytes} ${file.modifiedAt}`;
        const known = before.get(file.path);
        return [file.path, known?.mark === mark ? known : { mark, since: now }];
      }),
    );
  }

  isComplete(file: LeftFile, settings: DropSettings, now: number): boolean {
    if (file.isDone) return true;
    if (settings.ready === 'done') return false;
    return now - (this.seen.get(file.path)?.since ?? now) >= settings.settleSeconds * 1_000;
  }
}
