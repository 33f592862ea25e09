import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { link, lstat, mkdir, open, readdir, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf } from './drop-faults.js';
import type { DropEntry, DropPlace, OpenedFile } from './drop-place.js';

/** HR's own user reads what became of its files through the group of the folder. */
const sharedMode = 0o660;

/** A source's folder on this machine, or mounted on it. Links are never followed: HR's user could point them anywhere. */
export class FolderPlace implements DropPlace {
  readonly name = 'folder';

  /** `root` must be a real path, without links. */
  constructor(private readonly root: string) {}

  async list(folder: string): Promise<readonly DropEntry[]> {
    const path = join(this.root, folder);
    if (!(await isRealFolder(path))) return [];
    const entries = await Promise.all((await readdir(path)).map((name) => entryOf(path, name)));
    return entries.filter((entry) => entry !== undefined);
  }

  async open(path: string): Promise<OpenedFile> {
    const whole = join(this.root, path);
    // Without O_NONBLOCK a pipe that took the file's place would hold us up for ever.
    const handle = await open(whole, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const opened = await handle.stat();
    const [real, named] = await Promise.all([realpath(whole), lstat(whole)]);
    if (!opened.isFile() || real !== whole || named.ino !== opened.ino || named.dev !== opened.dev) {
      await handle.close();
      throw new Error('what was opened is not the file of that name');
    }
    return {
      bytes: opened.size,
      modifiedAt: wholeSeconds(opened),
      read: () => handle.createReadStream({ start: 0, autoClose: false }),
      liesAt: async (other) => isSame(opened, await statsOf(join(this.root, other))),
      close: () => handle.close(),
    };
  }

  async move(from: string, to: string): Promise<void> {
    await rename(join(this.root, from), await this.within(to));
  }

  async putBack(from: string, to: string): Promise<void> {
    const [source, target] = [join(this.root, from), await this.within(to)];
    try {
      // Unlike a rename, a link replaces nothing.
      await link(source, target);
      await rm(source);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return;
      // Mounts of other systems have no links.
      if ((await statsOf(target)) === undefined) await rename(source, target);
    }
  }

  async write(path: string, content: AsyncIterable<string>): Promise<void> {
    const whole = await this.within(path);
    const unfinished = join(dirname(whole), `.${randomUUID()}.part`);
    // Exclusive: a link that lies there is no way out of the folder.
    const handle = await open(unfinished, 'wx', sharedMode);
    try {
      for await (const piece of content) await handle.appendFile(piece);
      await handle.close();
      await rename(unfinished, whole);
    } catch (error) {
      await handle.close().catch(() => undefined);
      await rm(unfinished, { force: true });
      throw error;
    }
  }

  async remove(path: string): Promise<void> {
    const whole = join(this.root, path);
    if (await isRealFolder(dirname(whole))) await rm(whole, { force: true });
  }

  /** The whole path of something in a folder that is made when it is not there, and is no link. */
  private async within(path: string): Promise<string> {
    const whole = join(this.root, path);
    const folder = dirname(whole);
    if (!(await isRealFolder(folder))) await mkdir(folder);
    if ((await realpath(folder)) !== folder) throw new Error('the folder is a link');
    return whole;
  }
}

async function isRealFolder(path: string): Promise<boolean> {
  const stats = await statsOf(path);
  return stats?.isDirectory() === true && (await realpath(path)) === path;
}

async function entryOf(folder: string, name: string): Promise<DropEntry | undefined> {
  const stats = await statsOf(join(folder, name));
  if (stats === undefined) return undefined;
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other';
  return { name, kind, bytes: stats.size, modifiedAt: wholeSeconds(stats) };
}

const wholeSeconds = ({ mtimeMs }: Stats) => Math.floor(mtimeMs / 1_000) * 1_000;

const isSame = (one: Stats, other: Stats | undefined) =>
  other?.dev === one.dev && other.ino === one.ino && other.size === one.size && other.mtimeMs === one.mtimeMs;

/** Undefined for what is not there, or no longer. */
async function statsOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
