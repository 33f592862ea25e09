import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileEntryWithStats, SFTPWrapper, Stats } from 'ssh2';
import type { SftpSettings } from '#libs/vocabulary';
import { bytesMax, tooLarge } from '../feeds/feeds.service.js';
import { codeOf, DropFaultError } from './drop-faults.js';
import type { DropEntry, DropPlace, OpenedFile } from './drop-place.js';
import { SftpConnection } from './sftp-connection.js';

/** SFTP's own code for what is not there (draft-ietf-secsh-filexfer-02, section 7). */
const noSuchFile = '2';

/** A source's folder on an SFTP server, as long as one connection lasts. */
export class SftpPlace implements DropPlace {
  readonly name = 'sftp';

  private constructor(
    private readonly connection: SftpConnection,
    private readonly root: string,
  ) {}

  /** Looks at the server over a connection of its own, which the signal ends. */
  static async visit(
    settings: SftpSettings,
    privateKey: Buffer,
    signal: AbortSignal,
    work: (place: SftpPlace) => Promise<void>,
  ): Promise<void> {
    const connection = await SftpConnection.open(settings, privateKey, signal);
    try {
      const place = new SftpPlace(connection, settings.folder);
      await place.checkFolders();
      await work(place);
    } finally {
      connection.close();
    }
  }

  async list(folder: string): Promise<readonly DropEntry[]> {
    return ((await this.entries(folder)) ?? []).flatMap(({ filename, attrs }) => {
      // A name is the server's word: one that leads elsewhere is none.
      if (filename === '.' || filename === '..' || /[/\\\0]/.test(filename)) return [];
      const kind = attrs.isFile() ? 'file' : attrs.isDirectory() ? 'folder' : 'other';
      return [{ name: filename, kind, bytes: attrs.size, modifiedAt: attrs.mtime * 1_000 } as const];
    });
  }

  /**
   * Fetches the file first: it is read twice, and a line that breaks must not break an upload. The copy has no name, so that
   * nothing of it stays behind, however this process ends.
   */
  async open(path: string): Promise<OpenedFile> {
    const copy = join(tmpdir(), `bascule-fetched-${randomUUID()}`);
    const handle = await open(copy, 'wx+', 0o600);
    try {
      await rm(copy);
      const found = await this.statsOf(path);
      await handle.writeFile(this.bounded(path));
      return {
        bytes: (await handle.stat()).size,
        modifiedAt: found.mtime * 1_000,
        read: () => handle.createReadStream({ start: 0, autoClose: false }),
        liesAt: async (other) => isSame(found, await this.statsOf(other).catch(undefinedWhereMissing)),
        close: () => handle.close(),
      };
    } catch (error) {
      await handle.close();
      throw asMissing(error);
    }
  }

  async move(from: string, to: string): Promise<void> {
    await this.makeFolderOf(to);
    await this.rename(this.whole(from), this.whole(to));
  }

  async putBack(from: string, to: string): Promise<void> {
    // The protocol's own rename replaces nothing (draft-ietf-secsh-filexfer-02, section 6.5).
    const moved = this.ask((sftp, done) => sftp.rename(this.whole(from), this.whole(to), done));
    await moved.catch(async (error: unknown) => {
      if ((await this.statsOf(to).catch(undefinedWhereMissing)) === undefined) throw error;
    });
  }

  async write(path: string, content: AsyncIterable<string>): Promise<void> {
    await this.makeFolderOf(path);
    const slash = path.lastIndexOf('/');
    const unfinished = this.whole(`${path.slice(0, slash)}/.${randomUUID()}.part`);
    const handle = await this.connection.ask<Buffer>((sftp, done) => sftp.open(unfinished, 'wx', done));
    try {
      let position = 0;
      for await (const piece of content) {
        const bytes = Buffer.from(piece);
        await this.ask((sftp, done) => sftp.write(handle, bytes, 0, bytes.length, position, done));
        position += bytes.length;
      }
      await this.ask((sftp, done) => sftp.close(handle, done));
      await this.rename(unfinished, this.whole(path));
    } catch (error) {
      await this.ask((sftp, done) => sftp.unlink(unfinished, done)).catch(() => undefined);
      throw error;
    }
  }

  async remove(path: string): Promise<void> {
    try {
      await this.ask((sftp, done) => sftp.unlink(this.whole(path), done));
    } catch (error) {
      if (codeOf(error) !== noSuchFile) throw error;
    }
  }

  private async checkFolders(): Promise<void> {
    const found = await Promise.all(['full', 'delta'].map((folder) => this.entries(folder)));
    if (found.some((entries) => entries !== undefined)) return;
    throw new DropFaultError('The server has neither a folder full nor delta: make one, or see sftp.folder.');
  }

  private async entries(folder: string): Promise<FileEntryWithStats[] | undefined> {
    try {
      return await this.connection.ask<FileEntryWithStats[]>((sftp, done) => sftp.readdir(this.whole(folder), done));
    } catch (error) {
      if (codeOf(error) === noSuchFile) return undefined;
      throw error;
    }
  }

  private statsOf(path: string): Promise<Stats> {
    return this.connection.ask<Stats>((sftp, done) => sftp.lstat(this.whole(path), done));
  }

  private async *bounded(path: string): AsyncGenerator<Buffer> {
    let bytes = 0;
    for await (const chunk of this.connection.read(this.whole(path))) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw tooLarge();
      yield chunk;
    }
  }

  private async makeFolderOf(path: string): Promise<void> {
    const folder = this.whole(path.slice(0, path.lastIndexOf('/')));
    try {
      await this.connection.ask((sftp, done) => sftp.stat(folder, done));
    } catch (error) {
      if (codeOf(error) !== noSuchFile) throw error;
      await this.ask((sftp, done) => sftp.mkdir(folder, done));
    }
  }

  /** OpenSSH's rename replaces what is there; a server that does not know it gets the plain one. */
  private async rename(from: string, to: string): Promise<void> {
    try {
      await this.ask((sftp, done) => sftp.ext_openssh_rename(from, to, done));
    } catch (error) {
      if (codeOf(error) === noSuchFile) throw asMissing(error);
      if (!(error instanceof Error && /does not support|unsupported/i.test(error.message))) throw error;
      await this.ask((sftp, done) => sftp.unlink(to, done)).catch(() => undefined);
      await this.ask((sftp, done) => sftp.rename(from, to, done)).catch((fault: unknown) => {
        throw asMissing(fault);
      });
    }
  }

  private ask(question: (sftp: SFTPWrapper, done: (error?: Error | null) => void) => void): Promise<void> {
    return this.connection.ask<void>((sftp, done) => question(sftp, (error) => done(error, undefined)));
  }

  private readonly whole = (path: string) => `${this.root}/${path}`;
}

const isSame = (one: Stats, other: Stats | undefined) => other?.size === one.size && other.mtime === one.mtime;

function undefinedWhereMissing(error: unknown): undefined {
  if (codeOf(error) !== noSuchFile) throw error;
}

/** What is not there is told in the system's word, whichever place it is not at. */
function asMissing(error: unknown): unknown {
  if (codeOf(error) !== noSuchFile) return error;
  return Object.assign(new Error('the file is gone', { cause: error }), { code: 'ENOENT' });
}
