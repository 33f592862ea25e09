import { hash } from 'node:crypto';
import {
  applyStaged,
  giveDeliveryBack,
  noteApplying,
  payloadPieces,
  readSourceSettings,
  stageRows,
  takeDelivery,
  type AcceptedRow,
  type DeliveryRow,
  type Ledger,
  type StagedRow,
} from '#libs/ledger';
import type { EmployeeRecord } from '#libs/vocabulary';
import { checkedRows, documentedLimits, type FileLimits } from './checked-rows.js';
import { FeedRefusedError } from './dialects/index.js';
import { searchWords } from './names.js';

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
  const { file: settings } = await readSourceSettings(ledger.db, delivery.source);
  const bytes = () => payloadPieces(ledger, delivery.id);
  for await (const chunk of checkedRows(bytes, { ...delivery, settings }, signal, limits)) {
    yield chunk.map(({ record, ...row }) => ({ ...row, accepted: record && acceptedRow(record) }));
  }
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
