import { Readable } from 'node:stream';
import {
  employeeDetail,
  lastRejection,
  readWorker,
  readWorkers,
  type Ledger,
  type RejectedRow,
  type WorkerFilter,
  type WorkerRow,
} from '#libs/ledger';
import { failures, workerStateMeanings } from '#libs/vocabulary';
import { asCsv } from './csv.js';
import { plainSentence } from './sentence.js';

/** Where a worker stands, with what that means in one sentence. */
export interface WorkerStanding extends Omit<WorkerRow, 'employeeId'> {
  readonly meaning: string;
}

/** The same of one worker, with the service desk's sentence and what HR said last. */
export interface WorkerAnswer extends WorkerStanding {
  readonly sentence: string;
  /** HR's newest row of this worker, if it was rejected: the record is still the one before. */
  readonly rejected: RejectedRow | null;
}

const standingOf = ({ employeeId: _ours, ...row }: WorkerRow): WorkerStanding => ({
  ...row,
  meaning: row.reason === null ? workerStateMeanings[row.state] : failures[row.reason].summary,
});

/**
 * A page of a source's workers in the order of their ids; it may hold fewer than `limit`, and ends when `next` is null. `asOf`
 * of the first page is the moment to ask for changes from the next time.
 */
export async function workerStandings(
  ledger: Ledger,
  filter: WorkerFilter,
  limit: number,
): Promise<{ workers: WorkerStanding[]; next: string | null; asOf: Date }> {
  const { workers, next, asOf } = await readWorkers(ledger, filter, limit);
  return { workers: workers.map(standingOf), next, asOf };
}

/** One worker by HR's own id; undefined when no row of theirs was ever applied. */
export async function workerAnswer(
  ledger: Ledger,
  source: string,
  workerId: string,
): Promise<WorkerAnswer | undefined> {
  const row = await readWorker(ledger, source, workerId);
  if (row === undefined) return undefined;
  const [detail, rejected] = await Promise.all([
    employeeDetail(ledger.db, row.employeeId),
    lastRejection(ledger.db, { source, workerId, after: row.deliveryId }),
  ]);
  if (detail === undefined) return undefined;
  const standing = standingOf(row);
  return {
    ...standing,
    sentence: [plainSentence(detail), addition(row, standing.meaning)].filter((text) => text !== '').join(' '),
    rejected: rejected ?? null,
  };
}

/** The service desk's sentence is about migrations that have started; HR also asks about what has not. */
function addition({ state, reason, recordVersion, provisionedVersion }: WorkerRow, meaning: string): string {
  if (state === 'change_pending') return 'Since then HR has sent a newer record, which waits to be planned.';
  if (state === 'planned') return 'A plan that has not been started includes them.';
  if (state === 'conflict' && reason !== null && provisionedVersion !== recordVersion) {
    return `To be settled first: ${meaning} ${failures[reason].whatToDo}`;
  }
  return '';
}

/** A column a field, under the names that feeds have. */
const columns = {
  worker_id: 'workerId',
  work_email: 'address',
  address_state: 'addressState',
  state: 'state',
  reason: 'reason',
  meaning: 'meaning',
  since: 'since',
  changed_at: 'changedAt',
  account_exists: 'accountExists',
  suspended: 'suspended',
  record_version: 'recordVersion',
  provisioned_version: 'provisionedVersion',
} as const satisfies Record<string, keyof WorkerStanding>;

const pageSize = 5_000;

/**
 * All workers of a source as CSV, a line a worker: read page by page, so that neither memory nor a transaction grows with
 * the company, however slowly it is taken.
 */
export function writeWorkers(ledger: Ledger, filter: WorkerFilter): Readable {
  return asCsv(Readable.from(workerLines(ledger, filter)), Object.keys(columns));
}

async function* workerLines(ledger: Ledger, filter: WorkerFilter) {
  let after: string | null | undefined = filter.after;
  while (after !== null) {
    const { workers, next } = await workerStandings(ledger, { ...filter, after }, pageSize);
    for (const standing of workers) {
      yield Object.fromEntries(Object.entries(columns).map(([column, field]) => [column, standing[field]]));
    }
    after = next;
  }
}
