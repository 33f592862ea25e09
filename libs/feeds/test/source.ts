import { onTestFinished } from 'vitest';
import {
  deliveryRecords,
  openDelivery,
  openLedger,
  readDelivery,
  receiveDelivery,
  storePayload,
  type Ledger,
} from '#libs/ledger';
import { createTestDatabase } from '#libs/testing';
import { intake } from '../src/index.js';

export const patient = new AbortController().signal;

export interface Options {
  readonly source?: string;
  readonly mode?: 'full' | 'delta';
  readonly mediaType?: string;
  readonly contentEncoding?: 'gzip';
  readonly population?: string;
  readonly effectiveAt?: Date;
}

/** A ledger of its own, and a source that sends to it. */
export async function setup() {
  const database = await createTestDatabase();
  const ledger = openLedger(database.url, { poolSize: 6 });
  onTestFinished(async () => {
    await ledger.close();
    await database.drop();
  });
  /** Stores a file as the API does, without applying it. */
  const receive = async (content: string | Buffer, options: Options = {}) => {
    const { source = 'hr', mode = 'full', mediaType = 'text/csv', contentEncoding = null } = options;
    const { population = '', effectiveAt } = options;
    const times = { population, effectiveAt, idempotencyKey: null };
    const wanted = { source, mode, mediaType, contentEncoding, actor: 'test', ...times };
    const { id } = await openDelivery(ledger.db, wanted);
    const bytes = Buffer.from(content);
    await storePayload(ledger, id, pieces(bytes));
    await receiveDelivery(ledger.db, id, { sha256: Buffer.alloc(32), bytes: bytes.length });
    return id;
  };
  const read = async (id: string, source = 'hr') => {
    const delivery = await readDelivery(ledger.db, source, id);
    if (delivery === undefined) throw new Error('the delivery is gone');
    return delivery;
  };
  const push = async (content: string | Buffer, options: Options = {}) => {
    const id = await receive(content, options);
    while (await intake(ledger, patient));
    return read(id, options.source);
  };
  return { ledger, receive, read, push, told: (id: string) => told(ledger, id) };
}

async function* pieces(bytes: Buffer) {
  yield bytes;
}

/** Each row as its outcome and what is said of it. */
async function told(ledger: Ledger, deliveryId: string): Promise<string[]> {
  const records = await deliveryRecords(ledger.db, deliveryId, { after: 0, limit: 1_000 });
  return records.map(({ outcome, problems }) => [outcome, ...problems.map(({ reason }) => reason)].join(' '));
}

export const header = 'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country,department';
export const row = (number: string, department = 'IT', status = 'ACTIVE') =>
  `${number},Zoë,Müller,EMPLOYEE,${status},2020-01-01,DE,${department}`;
export const csv = (...rows: string[]) => [header, ...rows, ''].join('\n');
