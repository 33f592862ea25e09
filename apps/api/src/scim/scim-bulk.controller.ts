import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiConsumes, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Allow } from '#libs/platform';
import { ScimBulkService } from './scim-bulk.service.js';
import { scimType } from './scim-requests.js';
import { contextOf } from './scim-users.controller.js';

@ApiTags('scim')
@ApiProduces(scimType)
@ApiConsumes(scimType, 'application/json')
@Allow('feed', 'operator')
@Controller('scim/v2/Bulk')
export class ScimBulkController {
  constructor(private readonly bulk: ScimBulkService) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'Carries out up to 1,000 operations, each by itself, with references among them' })
  carryOut(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('content-type', scimType);
    return this.bulk.carryOut(contextOf(request), body);
  }
}
