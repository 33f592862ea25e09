import { Module } from '@nestjs/common';
import { FeedsController } from './feeds.controller.js';
import { FeedsService } from './feeds.service.js';
import { IntakeLoop } from './intake-loop.js';
import { SourcesController } from './sources.controller.js';

@Module({
  controllers: [FeedsController, SourcesController],
  providers: [FeedsService, IntakeLoop],
  exports: [FeedsService],
})
export class FeedsModule {}
