import { Module } from '@nestjs/common';
import { AdoptionsController } from './adoptions.controller.js';

@Module({ controllers: [AdoptionsController] })
export class AdoptionsModule {}
