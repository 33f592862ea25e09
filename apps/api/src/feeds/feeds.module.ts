import { Module } from '@nestjs/common';
import { FeedsController } from './feeds.controller.js';
import { FeedsService } from './feeds.service.js';
import { IntakeLoop } from './intake-loop.js';

@Module({ controllers: [FeedsController], providers: [FeedsService, IntakeLoop] })
export class FeedsModule {}
