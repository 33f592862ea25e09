import { Readable } from 'node:stream';
import { deliveryRecords, type Ledger } from '#libs/ledger';
import { asCsv } from './csv.js';

const ownColumns = ['row', 'line', 'worker_id', 'outcome', 'fields', 'reasons', 'messages'];
const pageSize = 1_000;

/**
 * What became of a delivery's rows as CSV, a line a row in the order of the file; several problems of a row stand in its
 * cells one after the other. Of an upload by SCIM each line begins with what the sender calls the row. Read page by page:
 * memory does not grow with the file.
 */
export function writeDeliveryRecords(
  ledger: Ledger,
  deliveryId: string,
  filter: { outcome?: string | undefined; after: number },
  { hasBulkIds = false }: { hasBulkIds?: boolean } = {},
): Readable {
  const columns = hasBulkIds ? ['bulk_id', ...ownColumns] : ownColumns;
  return asCsv(Readable.from(recordLines(ledger, deliveryId, filter)), columns);
}

async function* recordLines(
  ledger: Ledger,
  deliveryId: string,
  filter: { outcome?: string | undefined; after: number },
) {
  for (let { after } = filter; ;) {
    const page = await deliveryRecords(ledger.db, deliveryId, { ...filter, after, limit: pageSize });
    for (const { row, line, bulkId, employeeNumber, outcome, problems } of page) {
      yield {
        bulk_id: bulkId,
        row,
        line,
        worker_id: employeeNumber,
        outcome,
        fields: problems.map(({ field }) => field).join('; '),
        reasons: problems.map(({ reason }) => reason).join('; '),
        messages: problems.map(({ message }) => message).join(' '),
      };
    }
    after = page.at(-1)?.row ?? after;
    if (page.length < pageSize) return;
  }
}
