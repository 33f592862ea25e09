import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import {
  forgetDroppedFile,
  noteDroppedFile,
  noteTold,
  outlivedDroppedFiles,
  untoldDroppedFiles,
  type Ledger,
} from '#libs/ledger';
import { ledgerToken, logToken, Metrics, Problem, type Log } from '#libs/platform';
import { feedEndings, type DropSettings } from '#libs/vocabulary';
import { bytesMax, FeedsService, tooLarge } from '../feeds/feeds.service.js';
import { codeOf, DropFaultError, sentenceOf } from './drop-faults.js';
import type { DropPlace, OpenedFile } from './drop-place.js';
import {
  contentOf,
  donePath,
  idempotencyKeyOf,
  leftThings,
  resultEndings,
  takenPath,
  type LeftFile,
  type Settling,
} from './left-files.js';
import { tellRefusal, tellResult } from './told-results.js';
import type { Troubles } from './troubles.js';

/** What a process remembers of a place from look to look. */
export interface PlaceMemory {
  readonly settling: Settling;
  /** Of the place as a whole. */
  readonly troubles: Troubles;
  /** Of files that may still become deliveries. */
  readonly fileTroubles: Troubles;
  /** Of files that never will, as they are. */
  readonly refusals: Troubles;
}

/** One source at one place. */
export interface WatchedPlace {
  readonly source: string;
  readonly place: DropPlace;
  readonly settings: DropSettings;
  readonly memory: PlaceMemory;
}

/** The file was written to or replaced while it was read: what lies there now is for another look. */
class FileChangedError extends Error {}

/** Makes deliveries of complete files, and tells beside each what became of it. */
@Injectable()
export class FileTaker {
  private readonly taken;

  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    @Inject(logToken) private readonly log: Log,
    private readonly feeds: FeedsService,
    metrics: Metrics,
  ) {
    this.taken = metrics.counter({
      name: 'bascule_dropped_files_total',
      help: 'Files that a source left in a folder or on a server, by what became of them.',
      labels: ['place', 'source', 'result'],
    });
  }

  /** Looks once. Rejects when the place cannot be looked at. */
  async look(watched: WatchedPlace, signal: AbortSignal): Promise<void> {
    const { place, settings, memory } = watched;
    const { files, strayDones } = await leftThings(place);
    const now = performance.now();
    memory.settling.look(files, now);
    for (const troubles of [memory.fileTroubles, memory.refusals]) troubles.keepOnly(files.map(markOf));
    for (const file of files) {
      if (signal.aborted) return;
      if (!memory.settling.isComplete(file, settings, now)) continue;
      if (!(await this.attempt(watched, file, signal))) break;
    }
    if (strayDones.length > 0) await removeStrays(place, strayDones);
    await this.tell(watched, signal);
    await this.clear(watched);
  }

  /** Says whether newer files may be taken: never before an older one that may still become a delivery. */
  private async attempt(watched: WatchedPlace, file: LeftFile, signal: AbortSignal): Promise<boolean> {
    const { source, place, memory } = watched;
    const mark = markOf(file);
    if (!memory.refusals.isDue(mark)) return true;
    if (!memory.fileTroubles.isDue(mark)) return false;
    try {
      await this.take(watched, file, signal);
      this.taken.inc({ place: place.name, source, result: 'taken' });
      return true;
    } catch (error) {
      if (signal.aborted || isStoredElsewhere(error)) return false;
      if (error instanceof FileChangedError) {
        this.log.info('a file that was left changed while it was taken', { source, place: place.name });
        return false;
      }
      // Another process was faster, and has moved it.
      if (codeOf(error) === 'ENOENT') return true;
      // The place's trouble, not the file's.
      if (error instanceof DropFaultError) throw error;
      const isRefused = error instanceof Problem && refusing.has(error.problem);
      const isNews = (isRefused ? memory.refusals : memory.fileTroubles).note(mark, sentenceOf(error));
      if (!isNews) return isRefused;
      this.taken.inc({ place: place.name, source, result: 'failed' });
      this.log.warn('a file that was left cannot be taken', { source, place: place.name }, error);
      if (isRefused) await tellRefusal(place, file.path, error.message).catch(() => undefined);
      return isRefused;
    }
  }

  private async take({ source, place }: WatchedPlace, file: LeftFile, signal: AbortSignal): Promise<void> {
    const content = contentOf(file.name);
    if (content === undefined) {
      throw new Problem('media-type', `The name must end in ${feedEndings}.`);
    }
    if (file.bytes > bytesMax) throw tooLarge();
    const opened = await place.open(file.path);
    try {
      if (opened.bytes !== file.bytes || opened.modifiedAt !== file.modifiedAt) throw new FileChangedError();
      const sha256 = await hashOf(opened, signal);
      const { mode, population } = file;
      const idempotencyKey = idempotencyKeyOf(place.name, file, sha256);
      const wanted = { source, mode, population, ...content, idempotencyKey, actor: place.name };
      const delivery = await this.feeds.receive(wanted, Readable.from(unchanged(opened, sha256, signal)));
      const path = takenPath(delivery, file.name);
      await noteDroppedFile(this.ledger.db, { deliveryId: delivery.id, place: place.name, path });
      await moveAside(place, { opened, sha256, from: file.path, to: path }, signal);
      if (file.isDone) await place.remove(donePath(file));
      this.log.info('a file that was left is a delivery now', { source, place: place.name, deliveryId: delivery.id });
    } finally {
      await opened.close();
    }
  }

  private async tell({ source, place, memory }: WatchedPlace, signal: AbortSignal): Promise<void> {
    if (!memory.troubles.isDue('results')) return;
    for (const file of await untoldDroppedFiles(this.ledger.db, { source, place: place.name })) {
      if (signal.aborted) return;
      try {
        const state = await tellResult(this.ledger, place, source, file);
        if (state !== undefined) await noteTold(this.ledger.db, file.deliveryId, state);
        memory.troubles.settle('results');
      } catch (error) {
        if (error instanceof DropFaultError) throw error;
        if (!memory.troubles.note('results', sentenceOf(error))) return;
        const fields = { source, place: place.name, deliveryId: file.deliveryId };
        this.log.warn('what became of a file cannot be told beside it', fields, error);
      }
    }
  }

  /** Taken files hold personal data: none is kept for ever. */
  private async clear({ source, place, settings }: WatchedPlace): Promise<void> {
    const of = { source, place: place.name, keepDays: settings.keepDays };
    for (const file of await outlivedDroppedFiles(this.ledger.db, of)) {
      for (const ending of ['', ...resultEndings]) await place.remove(`${file.path}${ending}`);
      await forgetDroppedFile(this.ledger.db, file.deliveryId);
    }
  }
}

const markOf = (file: LeftFile) => `${file.path} ${file.bytes} ${file.modifiedAt}`;

/** What a file is refused with for what it is. */
const refusing: ReadonlySet<string> = new Set(['media-type', 'too-large', 'unprocessable']);

/** Another process stores the file at this moment. */
const isStoredElsewhere = (error: unknown) => error instanceof Problem && error.problem === 'conflict';

interface ReadFile {
  readonly opened: OpenedFile;
  /** Of what was read, hex. */
  readonly sha256: string;
  readonly from: string;
  readonly to: string;
}

/** Only what was read is moved out of sight: its sender may put another file in its place at any moment. */
async function moveAside(place: DropPlace, { opened, sha256, from, to }: ReadFile, signal: AbortSignal): Promise<void> {
  if (!(await opened.liesAt(from))) throw new FileChangedError();
  await place.move(from, to);
  // Some servers make another file of what they move, with another time: then its bytes tell.
  if ((await opened.liesAt(to)) || (await hasBytes(place, to, sha256, signal))) return;
  await place.putBack(to, from);
  throw new FileChangedError();
}

async function hasBytes(place: DropPlace, path: string, sha256: string, signal: AbortSignal): Promise<boolean> {
  const file = await place.open(path);
  try {
    return (await hashOf(file, signal)) === sha256;
  } finally {
    await file.close();
  }
}

/** A second look is sure: a listing may miss a file that was renamed meanwhile, but none that was there before it began. */
async function removeStrays(place: DropPlace, strayDones: readonly string[]): Promise<void> {
  const still = new Set((await leftThings(place)).strayDones);
  for (const path of strayDones) if (still.has(path)) await place.remove(path);
}

async function hashOf(file: OpenedFile, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of file.read()) {
    signal.throwIfAborted();
    hash.update(Buffer.from(chunk));
  }
  return hash.digest('hex');
}

/** The bytes once more; breaks off when they are others than before. */
async function* unchanged(file: OpenedFile, sha256: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of file.read()) {
    signal.throwIfAborted();
    const piece = Buffer.from(chunk);
    hash.update(piece);
    yield piece;
  }
  if (hash.digest('hex') !== sha256) throw new FileChangedError();
}
