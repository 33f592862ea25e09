import { Module } from '@nestjs/common';
import { WebhookLoop } from './webhook-loop.js';
import { WebhooksController } from './webhooks.controller.js';

@Module({ controllers: [WebhooksController], providers: [WebhookLoop] })
export class WebhooksModule {}
