import { Module } from '@nestjs/common';
import { DocsController } from './docs.controller.js';
import { DomainMetrics } from './domain-metrics.js';
import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';
import { OpenApiDocument } from './open-api-document.js';

@Module({
  controllers: [HealthController, MetricsController, DocsController],
  providers: [OpenApiDocument, DomainMetrics],
})
export class OperationsModule {}
