import { hash } from 'node:crypto';
import { pipeline, Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import {
  applyStaged,
  giveDeliveryBack,
  noteApplying,
  payloadPieces,
  stageRows,
  takeDelivery,
  type AcceptedRow,
  type DeliveryRow,
  type Ledger,
  type StagedRow,
} from '#libs/ledger';
import type { EmployeeRecord } from '#libs/vocabulary';
import { dialects, FeedRefusedError, type RawRow } from './dialects/index.js';
import { searchWords } from './names.js';
import { checkRow, latestHireDateAt } from './rows.js';

/** What one file may hold, whatever it claims. */
interface FileLimits {
  readonly rows: number;
  readonly unpackedBytes: number;
}

const documentedLimits: FileLimits = { rows: 2_000_000, unpackedBytes: 2 * 1024 * 1024 * 1024 };
/** Small enough that other requests are answered between two chunks. */
const chunkBytes = 65_536;

/**
 * Brings the delivery that is due to its end: reads its bytes from the ledger, checks row by row, applies set-wise in one
 * transaction. Safe to repeat from the start at any moment. Ends with false when nothing is due.
 *
 * Rejects with the signal's reason when that comes before the rows are checked.
 */
export function intake(ledger: Ledger, signal: AbortSignal, limits: FileLimits = documentedLimits): Promise<boolean> {
  return takeDelivery(ledger, async (delivery, client) => {
    try {
      await stageRows(client, rows(ledger, delivery, signal, limits));
    } catch (error) {
      if (signal.aborted) await giveDeliveryBack(ledger.db, delivery.id);
      if (!(error instanceof FeedRefusedError)) throw error;
      return { refused: error.message };
    }
    await noteApplying(ledger.db, delivery.id);
    await applyStaged(client, delivery);
    return undefined;
  });
}

async function* rows(
  ledger: Ledger,
  delivery: DeliveryRow,
  signal: AbortSignal,
  limits: FileLimits,
): AsyncGenerator<readonly StagedRow[]> {
  const dialect = dialects[delivery.mediaType];
  if (dialect === undefined) throw new Error(`a delivery of the unknown type ${delivery.mediaType} was let in`);
  const latestHireDate = latestHireDateAt(delivery.receivedAt);
  let count = 0;
  let undecodable = 0;
  for await (const chunk of dialect(bytesOf(ledger, delivery, signal, limits.unpackedBytes))) {
    const staged = chunk.map((raw, index) => staging(raw, count + index + 1, latestHireDate));
    count += staged.length;
    if (count > limits.rows) throw new FeedRefusedError('too_many_rows');
    undecodable += staged.filter((row) => row.problems.some(({ reason }) => reason === 'row_invalid_encoding')).length;
    yield staged;
  }
  // A few broken rows are those rows' trouble; many say that the whole file is in another encoding.
  if (undecodable > 10 && undecodable * 100 > count) throw new FeedRefusedError('encoding_undecodable');
}

function staging(raw: RawRow, row: number, latestHireDate: string): StagedRow {
  const { line } = raw;
  if (raw.problem !== undefined) {
    return { row, line, employeeNumber: raw.employeeNumber, problems: [raw.problem], accepted: undefined };
  }
  const { employeeNumber, record, problems } = checkRow(raw.values, latestHireDate);
  return { row, line, employeeNumber, problems, accepted: record && acceptedRow(record) };
}

function acceptedRow(record: EmployeeRecord): AcceptedRow {
  const json = JSON.stringify(record);
  const { status, workEmail, legacyEmails } = record;
  return {
    record: json,
    fingerprint: hash('sha256', json, 'buffer'),
    status,
    nameWords: searchWords(record),
    addresses: workEmail === undefined ? legacyEmails : [workEmail, ...legacyEmails],
  };
}

async function* bytesOf(
  ledger: Ledger,
  delivery: DeliveryRow,
  signal: AbortSignal,
  bytesMax: number,
): AsyncGenerator<Buffer> {
  const stored = payloadPieces(ledger, delivery.id);
  const plain = delivery.contentEncoding === 'gzip' ? unpacked(stored) : stored;
  let size = 0;
  for await (const piece of plain) {
    size += piece.length;
    if (size > bytesMax) throw new FeedRefusedError('file_too_large');
    for (let from = 0; from < piece.length; from += chunkBytes) {
      signal.throwIfAborted();
      yield piece.subarray(from, from + chunkBytes);
      await setImmediate();
    }
  }
}

async function* unpacked(stored: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  // The reader below sees the error as the stream's own.
  pipeline(Readable.from(stored, { highWaterMark: 1 }), gunzip, () => undefined);
  try {
    for await (const chunk of gunzip) yield Buffer.from(chunk);
  } catch (error) {
    const isZlib = error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
    throw isZlib ? new FeedRefusedError('gzip_broken') : error;
  }
}
