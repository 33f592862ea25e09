import { beginAsPlanned, beginWork, storeReplans, type LeasedBatch, type WorkItem } from '#libs/ledger';
import type { StepOutcome } from '#libs/vocabulary';
import { reviewNewer } from './newer-records.js';
import type { WorkerProcess } from './worker-process.js';

/** What is left to do with a leased batch once the newer records of its employees were looked at. */
export interface ReviewedBatch {
  readonly items: readonly WorkItem[];
  readonly settled: readonly { readonly item: WorkItem; readonly outcome: StepOutcome }[];
}

/** Looks at the newer records of a batch's employees, set-wise. Undefined when the fence has moved on. */
export async function reviewBatch(worker: WorkerProcess, batch: LeasedBatch): Promise<ReviewedBatch | undefined> {
  if (batch.items.every(({ newer }) => newer === null)) return { items: batch.items, settled: [] };
  const blueprint = await worker.blueprint(batch.migrationId);
  const now = new Date();
  const reviews = batch.items.map((item) => ({ item, review: reviewNewer(blueprint, item, now) }));
  const by = { batch, slot: worker.slot, actor: worker.name, timeScale: worker.timeScale };
  const replanned = reviews.flatMap(({ review }) => (review.kind === 'replanned' ? [review.replan] : []));
  const begins = reviews.flatMap(({ review }) => (review.kind === 'begins' ? [review.replan] : []));
  const asPlanned = reviews.flatMap(({ item, review }) => (review.kind === 'asPlanned' ? [item.enrolmentId] : []));
  const held =
    (await storeReplans(worker.ledger, by, replanned)) &&
    (await beginWork(worker.ledger, by, begins)) &&
    (await beginAsPlanned(worker.ledger, by, asPlanned));
  if (!held) return undefined;
  return {
    items: reviews.flatMap(({ item, review }) => {
      if (review.kind === 'run' || review.kind === 'asPlanned') return [item];
      return review.kind === 'replanned' ? [{ ...item, desired: review.replan.desired }] : [];
    }),
    settled: reviews.flatMap(({ item, review }) =>
      review.kind === 'settled' ? [{ item, outcome: review.outcome }] : [],
    ),
  };
}
