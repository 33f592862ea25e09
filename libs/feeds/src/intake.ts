import { createHash } from 'node:crypto';
import { createGunzip } from 'node:zlib';
import { pipeline, Readable } from 'node:stream';
import anyAscii from 'any-ascii';
import {
  applyStaged,
  finishDelivery,
  payloadPieces,
  stageRows,
  takeDelivery,
  type DeliveryRow,
  type Ledger,
  type StagedRow,
} from '#libs/ledger';
import { dialects, FeedRefusedError } from './dialects/index.js';
import { checkRow } from './rows.js';

const rowsMax = 2_000_000;

/**
 * Brings one received delivery to its end: reads its bytes from the ledger, checks row by row, applies set-wise in one
 * transaction. Safe to repeat from the start at any moment; a source's deliveries go one at a time, in order of arrival.
 */
export async function intake(ledger: Ledger, deliveryId: string): Promise<void> {
  await takeDelivery(ledger, deliveryId, async (delivery, client) => {
    try {
      await stageRows(client, delivery, rows(ledger, delivery));
      return await applyStaged(client, delivery);
    } catch (error) {
      if (!(error instanceof FeedRefusedError)) throw error;
      return { refused: `${error.code}: ${error.message}` };
    }
  });
  await finishDelivery(ledger.db, deliveryId);
}

async function* rows(ledger: Ledger, delivery: DeliveryRow): AsyncGenerator<StagedRow> {
  const dialect = dialects[delivery.mediaType];
  if (dialect === undefined) throw new FeedRefusedError('media_type', 'the media type is not known');
  let count = 0;
  for await (const raw of dialect(bytesOf(ledger, delivery))) {
    count += 1;
    if (count > rowsMax) throw new FeedRefusedError('too_many_rows', `more than ${rowsMax} rows`);
    if (raw.fields === undefined) {
      const problems = [{ field: '', reason: 'row_unreadable', message: '', ...raw.unreadable }];
      yield {
        row: count,
        line: raw.line,
        employeeNumber: null,
        problems,
        record: null,
        fingerprint: null,
        search: null,
      };
      continue;
    }
    const checked = checkRow(raw.fields);
    if ('problems' in checked) {
      const { problems, employeeNumber = null } = checked;
      yield { row: count, line: raw.line, employeeNumber, problems, record: null, fingerprint: null, search: null };
      continue;
    }
    const { record, warnings } = checked;
    const json = canonicalJson(record);
    yield {
      row: count,
      line: raw.line,
      employeeNumber: record.employeeNumber,
      problems: warnings,
      record: json,
      fingerprint: createHash('md5').update(json).digest(),
      search: searchOf(record),
    };
  }
}

function bytesOf(ledger: Ledger, delivery: DeliveryRow): Readable {
  const stored = Readable.from(payloadPieces(ledger, delivery.id));
  if (delivery.contentEncoding !== 'gzip') return stored;
  const gunzip = createGunzip();
  // The reader sees the error as the stream's own.
  pipeline(stored, gunzip, () => undefined);
  return gunzip;
}

/** Fields in one order, so that the same record always gives the same bytes. */
function canonicalJson(record: object): string {
  return JSON.stringify(record, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

interface Searchable {
  readonly legalName: { givenName: string; familyName: string };
  readonly preferredName?: { givenName?: string | undefined; familyName?: string | undefined } | undefined;
  readonly workEmail?: string | undefined;
  readonly legacyEmails: readonly string[];
}

/** Names without accents and case, and every address of the record: what the service desk types. */
function searchOf(record: Searchable): { name: string; addresses: string[] } {
  const { legalName, preferredName, workEmail, legacyEmails } = record;
  const words = [legalName.givenName, legalName.familyName, preferredName?.givenName, preferredName?.familyName];
  return {
    name: foldName(words.filter(Boolean).join(' ')),
    addresses: [...(workEmail === undefined ? [] : [workEmail]), ...legacyEmails],
  };
}

/** As the service desk types a name: Latin letters, lower case. */
export function foldName(name: string): string {
  return anyAscii(name).toLowerCase().replaceAll(/\s+/g, ' ').trim();
}
