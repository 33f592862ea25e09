import { Processor } from '@nestjs/bullmq';
import { laneConcurrency, queueName } from '#libs/migration';
import { LaneHost } from './lane-host.js';

@Processor(queueName('licensing'), { concurrency: laneConcurrency.licensing })
export class LicensingProcessor extends LaneHost {}
