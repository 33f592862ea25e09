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
import { ledgerToken, logToken, Metrics, Problem, problems, type Log } from '#libs/platform';
import type { DropSettings } from '#libs/vocabulary';
import { bytesMax, FeedsService, tooLarge } from '../feeds/feeds.service.js';
import { codeOf, DropFaultError, sentenceOf } from './drop-faults.js';
import type { DropPlace, OpenedFile } from './drop-place.js';
import {
  contentOf,
  donePath,
  idempotencyKeyOf,
  leftFiles,
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
  readonly fileTroubles: Troubles;
}

/** One source at one place. */
export interface WatchedPlace {
  readonly source: string;
  readonly place: DropPlace;
  readonly settings: DropSettings;
  readonly memory: PlaceMemory;
}

/** The file was written to while it was read: it is not complete yet. */
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

  /** Looks once; one file's trouble is that file's alone. Rejects when the place cannot be looked at. */
  async look(watched: WatchedPlace, signal: AbortSignal): Promise<void> {
    const { place, settings, memory } = watched;
    const files = await leftFiles(place);
    const now = performance.now();
    memory.settling.look(files, now);
    memory.fileTroubles.keepOnly(files.map(markOf));
    for (const file of files) {
      if (signal.aborted) return;
      if (memory.settling.isComplete(file, settings, now)) await this.attempt(watched, file, signal);
    }
    await this.tell(watched, signal);
    await this.clear(watched);
  }

  private async attempt(watched: WatchedPlace, file: LeftFile, signal: AbortSignal): Promise<void> {
    const { source, place, memory } = watched;
    const mark = markOf(file);
    if (!memory.fileTroubles.isDue(mark)) return;
    try {
      await this.take(watched, file, signal);
      this.taken.inc({ place: place.name, source, result: 'taken' });
    } catch (error) {
      if (signal.aborted || error instanceof FileChangedError || isTakenElsewhere(error)) return;
      // The place's trouble, not the file's.
      if (error instanceof DropFaultError) throw error;
      if (!memory.fileTroubles.note(mark, sentenceOf(error))) return;
      this.taken.inc({ place: place.name, source, result: 'failed' });
      this.log.warn('a file that was left cannot be taken', { source, place: place.name }, error);
      if (!(error instanceof Problem) || problems[error.problem].status >= 500) return;
      await tellRefusal(place, file.path, error.message).catch(() => undefined);
    }
  }

  private async take({ source, place }: WatchedPlace, file: LeftFile, signal: AbortSignal): Promise<void> {
    const content = contentOf(file.name);
    if (content === undefined) {
      throw new Problem(
        'media-type',
        'The name must end in .csv, .txt, .tsv, .ndjson, .jsonl, .json, .xlsx or .zip, perhaps packed: .gz.',
      );
    }
    if (file.bytes > bytesMax) throw tooLarge();
    const opened = await place.open(file.path);
    try {
      if (opened.bytes !== file.bytes) throw new FileChangedError();
      const sha256 = await hashOf(opened, signal);
      const { mode, population } = file;
      const idempotencyKey = idempotencyKeyOf(place.name, file, sha256);
      const wanted = { source, mode, population, ...content, idempotencyKey, actor: place.name };
      const delivery = await this.feeds.receive(wanted, Readable.from(unchanged(opened, sha256, signal)));
      const path = takenPath(delivery, file.name);
      await noteDroppedFile(this.ledger.db, { deliveryId: delivery.id, place: place.name, path });
      await place.move(file.path, path);
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

/** Another process was faster: it stores the file at this moment, or has moved it already. */
function isTakenElsewhere(error: unknown): boolean {
  if (error instanceof Problem) return error.problem === 'conflict';
  return codeOf(error) === 'ENOENT';
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
