import { Processor } from '@nestjs/bullmq';
import { laneConcurrency, queueName } from '#libs/migration';
import { LaneHost } from './lane-host.js';

@Processor(queueName('calendar'), { concurrency: laneConcurrency.calendar })
export class CalendarProcessor extends LaneHost {}
