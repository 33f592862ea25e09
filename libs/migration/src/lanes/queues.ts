import type { Queue } from 'bullmq';
import { z } from 'zod';
import type { BatchHint } from '#libs/ledger';
import { lanes, type Lane } from '#libs/vocabulary';
import type { Lanes } from '../dispatcher.js';

/** Batches of a lane that one worker process runs side by side. Employees within a batch run side by side as well. */
export const laneConcurrency: Readonly<Record<Lane, number>> = { directory: 10, licensing: 2, gmail: 4, calendar: 4 };

export const hintSchema = z.object({ batchId: z.int().positive(), lane: z.enum(lanes), fence: z.int().min(0) });

export const queueName = (lane: Lane) => `lane-${lane}`;

/**
 * The lanes: one BullMQ queue per Google API. A job is only a hint that names a batch, it is tried once, and nothing of it
 * is kept: the ledger knows what became of the batch.
 */
export class BullLanes implements Lanes {
  constructor(private readonly queues: ReadonlyMap<Lane, Queue>) {}

  async offer(hints: readonly BatchHint[]): Promise<void> {
    for (const [lane, group] of Map.groupBy(hints, (hint) => hint.lane)) {
      await this.queues.get(lane)?.addBulk(
        group.map((hint) => ({
          name: 'batch',
          data: hint,
          opts: { attempts: 1, removeOnComplete: true, removeOnFail: true },
        })),
      );
    }
  }
}
