import { Module } from '@nestjs/common';
import { DeliveriesController } from './deliveries.controller.js';
import { FeedsController } from './feeds.controller.js';
import { FeedsService } from './feeds.service.js';
import { HeldController } from './held.controller.js';
import { HeldDeliveriesController } from './held-deliveries.controller.js';
import { IntakeLoop } from './intake-loop.js';
import { FeedsMappingController } from './mapping.controller.js';
import { SourcesController } from './sources.controller.js';
import { WorkersController } from './workers.controller.js';

@Module({
  controllers: [
    FeedsController,
    DeliveriesController,
    HeldController,
    HeldDeliveriesController,
    FeedsMappingController,
    SourcesController,
    WorkersController,
  ],
  providers: [FeedsService, IntakeLoop],
  exports: [FeedsService, IntakeLoop],
})
export class FeedsModule {}
