import { Module } from '@nestjs/common';
import { FeedsModule } from '../feeds/feeds.module.js';
import { DropsController } from './drops.controller.js';
import { DropLoop } from './drop-loop.js';
import { FileTaker } from './file-taker.js';

/** Deliveries of systems that can only leave files. */
@Module({ imports: [FeedsModule], controllers: [DropsController], providers: [FileTaker, DropLoop] })
export class FeedDropModule {}
