import { WorkerHost } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import type { Job } from 'bullmq';
import { hintSchema } from '#libs/migration';
import { BatchRunner } from '../batch-runner.js';

/** A lane's processor: a job is a hint that names a batch; what becomes of it is the ledger's to know. */
// Decorated, so that Nest knows the constructor's parameters in every lane.
@Injectable()
export abstract class LaneHost extends WorkerHost {
  constructor(protected readonly runner: BatchRunner) {
    super();
  }

  override async process(job: Job): Promise<void> {
    await this.runner.run(hintSchema.parse(job.data));
  }
}
