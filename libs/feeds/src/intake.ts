import { hash } from 'node:crypto';
import type { PoolClient } from 'pg';
import {
  applyJudged,
  countStaged,
  giveDeliveryBack,
  isStale,
  judgeStaged,
  noteApplying,
  payloadPiece,
  payloadPieces,
  payloadPieceSizes,
  readSourceSettings,
  stageRows,
  storedRecords,
  takeDelivery,
  type DeliveryRow,
  type Ledger,
  type OtherEnd,
  type StagedRecord,
  type StagedRow,
} from '#libs/ledger';
import { refusal, type EmployeeRecord } from '#libs/vocabulary';
import { checkedRows, documentedLimits, type FileLimits, type FileRow, type SaidRows } from './checked-rows.js';
import { FeedRefusedError } from './dialects/index.js';
import { holdCause, measured } from './guard.js';
import { searchWords } from './names.js';

/**
 * Brings the delivery that is due to its end: reads its bytes from the ledger, checks row by row, applies set-wise in one
 * transaction. Safe to repeat from the start at any moment. Ends with false when nothing is due.
 *
 * Rejects with the signal's reason when that comes before the rows are checked.
 */
export function intake(ledger: Ledger, signal: AbortSignal, limits: FileLimits = documentedLimits): Promise<boolean> {
  return takeDelivery(ledger, async (delivery, client) => {
    if (await isStale(client, delivery)) return { refused: refusal('stale_snapshot') };
    try {
      await stageRows(client, stagedRows(ledger, delivery, signal, limits));
    } catch (error) {
      if (signal.aborted) await giveDeliveryBack(ledger.db, delivery.id);
      if (!(error instanceof FeedRefusedError)) throw error;
      return { refused: error.message };
    }
    return applyGuarded(ledger, client, delivery);
  });
}

/** Nothing is written before it is known what would change: too much, and the whole delivery waits for a person. */
async function applyGuarded(ledger: Ledger, client: PoolClient, delivery: DeliveryRow): Promise<OtherEnd | undefined> {
  const { guard, absence } = await readSourceSettings(ledger.db, delivery.source);
  const rows = await judgeStaged(client, delivery);
  const absenceHours = absence.hoursApart;
  const difference = measured(await countStaged(client, delivery, { rows, absenceHours }), guard);
  const cause = holdCause(difference);
  const isApproved =
    delivery.decision?.verdict === 'approved' && delivery.difference?.fingerprint === difference.fingerprint;
  if (cause !== undefined && !isApproved) return { held: cause, difference, rows };
  await noteApplying(ledger.db, delivery.id);
  await applyJudged(client, delivery, { rows, difference, absenceHours });
  return undefined;
}

async function* stagedRows(
  ledger: Ledger,
  delivery: DeliveryRow,
  signal: AbortSignal,
  limits: FileLimits,
): AsyncGenerator<readonly StagedRow[]> {
  const { scim, authority, file: settings } = await readSourceSettings(ledger.db, delivery.source);
  const stored = {
    stream: () => payloadPieces(ledger, delivery.id),
    pieceSizes: () => payloadPieceSizes(ledger, delivery.id),
    piece: (index: number) => payloadPiece(ledger, delivery.id, index),
  };
  const known = (said: SaidRows) => storedRecords(ledger, delivery.source, said);
  const file = { ...delivery, settings, scim, authority };
  for await (const chunk of checkedRows(stored, file, signal, { limits, known })) {
    yield chunk.map(stagedRow);
  }
}

function stagedRow({ record, fingerprint, known, ...row }: FileRow): StagedRow {
  if (record === undefined) return { ...row, fingerprint: known, record, rowFingerprint: undefined };
  const json = JSON.stringify(record);
  const rowFingerprint = row.problems.length === 0 ? fingerprint : undefined;
  return { ...row, fingerprint: hash('sha256', json, 'hex'), record: stagedRecord(record, json), rowFingerprint };
}

function stagedRecord(record: EmployeeRecord, json: string): StagedRecord {
  const { status, country, workEmail, legacyEmails, managerNumber } = record;
  return {
    json,
    status,
    country,
    managerNumber,
    nameWords: searchWords(record),
    addresses: workEmail === undefined ? legacyEmails : [workEmail, ...legacyEmails],
  };
}
