import { Processor } from '@nestjs/bullmq';
import { laneConcurrency, queueName } from '#libs/migration';
import { LaneHost } from './lane-host.js';

@Processor(queueName('directory'), { concurrency: laneConcurrency.directory })
export class DirectoryProcessor extends LaneHost {}
