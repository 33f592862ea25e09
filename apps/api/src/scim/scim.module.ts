import { Module } from '@nestjs/common';
import { FeedsModule } from '../feeds/feeds.module.js';
import { ScimBulkController } from './scim-bulk.controller.js';
import { ScimBulkService } from './scim-bulk.service.js';
import { ScimDiscoveryController } from './scim-discovery.controller.js';
import { ScimDrain } from './scim-drain.js';
import { ScimService } from './scim.service.js';
import { ScimUploadController } from './scim-upload.controller.js';
import { ScimUsersController } from './scim-users.controller.js';

@Module({
  imports: [FeedsModule],
  controllers: [ScimDiscoveryController, ScimUsersController, ScimBulkController, ScimUploadController],
  providers: [ScimService, ScimBulkService, ScimDrain],
})
export class ScimModule {}
