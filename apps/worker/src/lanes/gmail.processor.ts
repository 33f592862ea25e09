import { Processor } from '@nestjs/bullmq';
import { laneConcurrency, queueName } from '#libs/migration';
import { LaneHost } from './lane-host.js';

@Processor(queueName('gmail'), { concurrency: laneConcurrency.gmail })
export class GmailProcessor extends LaneHost {}
