import { Module } from '@nestjs/common';
import { GoogleController } from './google.controller.js';
import { HandoverController } from './handover.controller.js';
import { MigrationsController } from './migrations.controller.js';
import { MigrationsService } from './migrations.service.js';

@Module({ controllers: [MigrationsController, HandoverController, GoogleController], providers: [MigrationsService] })
export class MigrationsModule {}
