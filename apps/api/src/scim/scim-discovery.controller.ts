import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { allSchemas, coreUrn, extensions, ScimError, type ScimSchema } from '#libs/feeds';
import { Allow } from '#libs/platform';
import { operationsMax } from './scim-bulk.service.js';
import { payloadBytesMax, scimAddress, scimType } from './scim-requests.js';
import { pageSizeDefault, pageSizeMax } from './scim.service.js';

const urn = (name: string) => `urn:ietf:params:scim:schemas:core:2.0:${name}`;
const filterSchema = z.looseObject({ filter: z.unknown().optional() });

/** What this interface can do (RFC 7644, 4; RFC 7643, 5 to 7). */
@ApiTags('scim')
@ApiProduces(scimType)
@Allow('feed', 'operator')
@Controller('scim/v2')
export class ScimDiscoveryController {
  @Get('ServiceProviderConfig')
  @ApiOperation({ summary: 'Says what this interface supports, with its limits' })
  config(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('content-type', scimType);
    return {
      schemas: [urn('ServiceProviderConfig')],
      documentationUri: `${scimAddress(request).replace(/\/scim\/v2$/, '')}/docs`,
      patch: { supported: true },
      bulk: { supported: true, maxOperations: operationsMax, maxPayloadSize: payloadBytesMax },
      filter: { supported: true, maxResults: pageSizeMax },
      changePassword: { supported: false },
      sort: { supported: true },
      etag: { supported: true },
      pagination: {
        cursor: true,
        index: true,
        defaultPaginationMethod: 'index',
        defaultPageSize: pageSizeDefault,
        maxPageSize: pageSizeMax,
      },
      authenticationSchemes: [
        {
          type: 'oauthbearertoken',
          name: 'Bearer token',
          description: 'A token of the role feed, best bound to one source, in the Authorization header',
          specUri: 'https://www.rfc-editor.org/rfc/rfc6750',
          primary: true,
        },
      ],
      meta: { resourceType: 'ServiceProviderConfig', location: `${scimAddress(request)}/ServiceProviderConfig` },
    };
  }

  @Get('ResourceTypes')
  @ApiOperation({ summary: 'Lists the types of resources: users' })
  types(@Query() query: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('content-type', scimType);
    refuseFilter(query);
    return listOf([userType(request)]);
  }

  @Get('ResourceTypes/:name')
  @ApiOperation({ summary: 'One type of resources' })
  type(@Param('name') name: string, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('content-type', scimType);
    if (name === 'User') return userType(request);
    throw new ScimError(404, undefined, 'There is no such type of resources.');
  }

  @Get('Schemas')
  @ApiOperation({ summary: 'Lists the schemas: which attributes there are, and how they behave' })
  schemas(@Query() query: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('content-type', scimType);
    refuseFilter(query);
    return listOf(allSchemas.map((schema) => shownSchema(schema, request)));
  }

  @Get('Schemas/:id')
  @ApiOperation({ summary: 'One schema by its URN' })
  schema(@Param('id') id: string, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('content-type', scimType);
    const found = allSchemas.find((schema) => schema.id.toLowerCase() === id.toLowerCase());
    if (found !== undefined) return shownSchema(found, request);
    throw new ScimError(404, undefined, 'There is no such schema.');
  }
}

/** Nothing may be concluded from what a filter hides here (RFC 7644, 4). Other parameters are ignored. */
function refuseFilter(query: unknown): void {
  if (filterSchema.parse(query ?? {}).filter === undefined) return;
  throw new ScimError(403, undefined, 'These endpoints know no filter.');
}

const listOf = (resources: readonly object[]) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
  totalResults: resources.length,
  startIndex: 1,
  itemsPerPage: resources.length,
  Resources: resources,
});

const userType = (request: FastifyRequest) => ({
  schemas: [urn('ResourceType')],
  id: 'User',
  name: 'User',
  description: 'A worker, as HR knows them',
  endpoint: '/Users',
  schema: coreUrn,
  schemaExtensions: extensions.map(({ id }) => ({ schema: id, required: false })),
  meta: { resourceType: 'ResourceType', location: `${scimAddress(request)}/ResourceTypes/User` },
});

const shownSchema = (schema: ScimSchema, request: FastifyRequest) => ({
  schemas: [urn('Schema')],
  ...schema,
  meta: { resourceType: 'Schema', location: `${scimAddress(request)}/Schemas/${schema.id}` },
});
