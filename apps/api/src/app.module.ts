import { Module, type DynamicModule } from '@nestjs/common';
import { PlatformModule, type Foundation } from '#libs/platform';
import { AccessModule } from './access/access.module.js';
import { AddressesModule } from './addresses/addresses.module.js';
import { AdoptionsModule } from './adoptions/adoptions.module.js';
import { BlueprintsModule } from './blueprints/blueprints.module.js';
import { EmployeesModule } from './employees/employees.module.js';
import { FeedDropModule } from './feed-drop/feed-drop.module.js';
import { FeedsModule } from './feeds/feeds.module.js';
import { GoogleModule } from './google/google.module.js';
import { MigrationsModule } from './migrations/migrations.module.js';
import { ProgressModule } from './progress/progress.module.js';
import { ScimModule } from './scim/scim.module.js';
import { OperationsModule } from './operations/operations.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';

/** One area of the API a line. */
const areas = [
  AccessModule,
  AddressesModule,
  AdoptionsModule,
  BlueprintsModule,
  EmployeesModule,
  FeedDropModule,
  FeedsModule,
  GoogleModule,
  MigrationsModule,
  OperationsModule,
  ProgressModule,
  ScimModule,
  WebhooksModule,
];

@Module({})
export class AppModule {
  static on(foundation: Foundation): DynamicModule {
    return { module: AppModule, imports: [PlatformModule.on(foundation), ...areas] };
  }
}
