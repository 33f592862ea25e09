import { Module } from '@nestjs/common';
import { GoogleController } from './google.controller.js';
import { HandoverController } from './handover.controller.js';
import { MigrationsController } from './migrations.controller.js';
import { MigrationsService } from './migrations.service.js';
import { StandingController } from './standing.controller.js';

@Module({
  controllers: [MigrationsController, HandoverController, GoogleController, StandingController],
  providers: [MigrationsService],
})
export class MigrationsModule {}
