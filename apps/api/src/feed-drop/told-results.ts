import { stringify } from 'csv-stringify/sync';
import { z } from 'zod';
import { deliveryRecords, readDelivery, type DroppedFile, type Ledger } from '#libs/ledger';
import type { DropPlace } from './drop-place.js';

const problemsSchema = z.array(z.object({ field: z.string(), reason: z.string(), message: z.string() }));

const pageRows = 1_000;

/** Tells beside a taken file what became of it; gives the state that was told. */
export async function tellResult(
  ledger: Ledger,
  place: DropPlace,
  source: string,
  file: DroppedFile,
): Promise<string | undefined> {
  const delivery = await readDelivery(ledger.db, source, file.deliveryId);
  if (delivery === undefined) return undefined;
  // The rows first: whoever sees the result has them too.
  await place.write(`${file.path}.result.csv`, rejectedRows(ledger, file.deliveryId));
  await place.write(`${file.path}.result.json`, once(`${JSON.stringify(delivery, undefined, 2)}\n`));
  return delivery.state;
}

/** Tells beside a file that it cannot be taken, and why. */
export async function tellRefusal(place: DropPlace, path: string, detail: string): Promise<void> {
  await place.write(`${path}.result.json`, once(`${JSON.stringify({ state: 'not taken', detail }, undefined, 2)}\n`));
}

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}

const columns = ['line', 'worker_id', 'field', 'reason', 'message'];

/** A cell that a spreadsheet would take for a formula is told to be text. */
const harmless = (cell: string) => (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell);
const csv = (rows: readonly (readonly (string | number)[])[]) => stringify([...rows], { cast: { string: harmless } });

/** A line for each problem of each rejected row, in the order of the file. */
async function* rejectedRows(ledger: Ledger, deliveryId: string): AsyncGenerator<string> {
  yield csv([columns]);
  for (let after = 0, isMore = true; isMore;) {
    const records = await deliveryRecords(ledger.db, deliveryId, { outcome: 'rejected', after, limit: pageRows });
    yield csv(
      records.flatMap(({ line, employeeNumber, problems }) =>
        problemsSchema
          .parse(problems)
          .map(({ field, reason, message }) => [line, employeeNumber ?? '', field, reason, message]),
      ),
    );
    after = records.at(-1)?.row ?? after;
    isMore = records.length === pageRows;
  }
}
