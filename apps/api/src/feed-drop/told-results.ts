import type { Readable } from 'node:stream';
import { readDelivery, type DroppedFile, type Ledger } from '#libs/ledger';
import { writeDeliveryRecords } from '#libs/progress';
import type { DropPlace } from './drop-place.js';

const rejected = { outcome: 'rejected', after: 0 };

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
  await place.write(`${file.path}.result.csv`, textOf(writeDeliveryRecords(ledger, file.deliveryId, rejected)));
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

async function* textOf(stream: Readable): AsyncGenerator<string> {
  for await (const chunk of stream.setEncoding('utf8')) yield String(chunk);
}
