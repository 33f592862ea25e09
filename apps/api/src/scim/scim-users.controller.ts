import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Patch,
  Post,
  Put,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import { ApiConsumes, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Wanted } from '#libs/feeds';
import type { ScimObject } from '#libs/ledger';
import { Allow, callerOf } from '#libs/platform';
import { requireMessage, scimAddress, scimType, searchOf, searchUrn, sourceOfCaller } from './scim-requests.js';
import { matchesVersion, ScimService, type ScimAnswer, type ScimContext } from './scim.service.js';

export const contextOf = (request: FastifyRequest): ScimContext => ({
  source: sourceOfCaller(request),
  actor: callerOf(request).name,
  address: scimAddress(request),
});

/** Which attributes the answer shall have; the other parameters are a listing's. */
function wantedOf(query: unknown): Wanted {
  const { attributes, excludedAttributes } = searchOf(query);
  return { attributes, excludedAttributes };
}

/** Users of the token's source, for identity platforms and HR systems that speak SCIM 2.0 (RFC 7644). */
@ApiTags('scim')
@ApiProduces(scimType)
@ApiConsumes(scimType, 'application/json')
@Allow('feed', 'operator')
@Controller('scim/v2')
export class ScimUsersController {
  constructor(private readonly users: ScimService) {}

  @Post('Users')
  @HttpCode(201)
  @ApiOperation({ summary: 'Creates a user; what is missing is told later, in its provisioning' })
  async create(
    @Body() body: unknown,
    @Query() query: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ScimObject> {
    const answer = await this.users.create(contextOf(request), body, wantedOf(query));
    void reply.header('location', answer.location);
    return told(reply, answer);
  }

  @Get('Users')
  @ApiOperation({ summary: 'Lists users by filter, sorted, a page at a time, by index or cursor' })
  list(@Query() query: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('content-type', scimType);
    return this.users.list(contextOf(request), searchOf(query));
  }

  @Get()
  @ApiOperation({ summary: 'Lists resources of every type: there are users only' })
  listAll(@Query() query: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.list(query, request, reply);
  }

  @Post('Users/.search')
  @HttpCode(200)
  @ApiOperation({ summary: 'Lists users by a query in the body, which no log of addresses sees' })
  search(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    requireMessage(body, searchUrn);
    void reply.header('content-type', scimType);
    return this.users.list(contextOf(request), searchOf(body));
  }

  @Post('.search')
  @HttpCode(200)
  @ApiOperation({ summary: 'Lists resources of every type by a query in the body: there are users only' })
  searchAll(@Body() body: unknown, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.search(body, request, reply);
  }

  @Get('Users/:id')
  @ApiOperation({ summary: 'A user, or 304 when the client has this version' })
  @ApiResponse({ status: 200 })
  async read(
    @Param('id') id: string,
    @Query() query: unknown,
    @Headers('if-none-match') ifNoneMatch: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ScimObject | undefined> {
    const answer = await this.users.read(contextOf(request), id, wantedOf(query));
    if (ifNoneMatch === undefined || !matchesVersion(answer.version, ifNoneMatch)) return told(reply, answer);
    void reply.status(304).header('etag', answer.version);
    return undefined;
  }

  @Put('Users/:id')
  @ApiOperation({ summary: 'Replaces a user; If-Match refuses when somebody changed it meanwhile' })
  async replace(
    @Param('id') id: string,
    @Body() body: unknown,
    @Query() query: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ScimObject> {
    return told(reply, await this.users.replace(contextOf(request), id, body, wantedOf(query), ifMatch));
  }

  @Patch('Users/:id')
  @ApiOperation({ summary: 'Changes a user by operations, all or none; If-Match as with PUT' })
  async patch(
    @Param('id') id: string,
    @Body() body: unknown,
    @Query() query: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ScimObject> {
    return told(reply, await this.users.patch(contextOf(request), id, body, wantedOf(query), ifMatch));
  }

  @Delete('Users/:id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Ends a user: a leaver, whose account is suspended and never deleted' })
  @ApiResponse({ status: 204 })
  async remove(
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.users.remove(contextOf(request), id, ifMatch);
  }
}

function told(reply: FastifyReply, { user, location, version }: ScimAnswer): ScimObject {
  void reply.header('content-type', scimType).header('content-location', location).header('etag', version);
  return user;
}
