import { Readable } from 'node:stream';
import { Body, Controller, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { ApiConsumes, ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { bodyOf, ScimError, scimUploadType } from '#libs/feeds';
import { noteBulkIds, type DeliveryRow, type Ledger } from '#libs/ledger';
import { Allow, callerOf, ledgerToken, Problem } from '#libs/platform';
import { idempotencyKeyOf } from '../feeds/feed-headers.js';
import { FeedsService } from '../feeds/feeds.service.js';
import { answerReceived } from '../feeds/received-answer.js';
import { sourceOf } from '../feeds/source-name.js';
import { jobOf } from './scim-bulk.service.js';
import { isScim, sourceOfCaller } from './scim-requests.js';

const uploadedSchema = z.object({
  method: z.string().toUpperCase().pipe(z.literal('POST')),
  path: z.string().regex(/^\/?Users\/?$/),
  bulkId: z.string().min(1).max(255),
});

/**
 * Uploads in the manner of Microsoft Entra's API-driven provisioning: users as a BulkRequest, which becomes a delta delivery.
 * Nothing is applied while the request lasts.
 */
@ApiTags('scim')
@ApiConsumes(scimUploadType, 'application/json')
@Allow('feed', 'operator')
@Controller()
export class ScimUploadController {
  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    private readonly feeds: FeedsService,
  ) {}

  @Post('v1/feeds/:source/bulk')
  @HttpCode(202)
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'A repetition answers with the first delivery' })
  @ApiHeader({ name: 'Prefer', required: false, description: 'wait=N waits up to N seconds (300) for the outcome' })
  @ApiOperation({ summary: 'Takes up to 1,000 users as a SCIM BulkRequest; answers once the bytes are safe' })
  async upload(
    @Param('source') source: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeliveryRow> {
    return this.take(sourceOf(source), body, request, reply);
  }

  @Post('scim/v2/bulkUpload')
  @HttpCode(202)
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'A repetition answers with the first delivery' })
  @ApiHeader({ name: 'Prefer', required: false, description: 'wait=N waits up to N seconds (300) for the outcome' })
  @ApiOperation({ summary: 'The same for the token’s source' })
  async uploadToOwn(
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeliveryRow> {
    return this.take(sourceOfCaller(request), body, request, reply);
  }

  private async take(
    source: string,
    body: unknown,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<DeliveryRow> {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
    const wanted = {
      source,
      mode: 'delta' as const,
      mediaType: scimUploadType,
      contentEncoding: null,
      idempotencyKey: idempotencyKeyOf(request),
      actor: callerOf(request).name,
    };
    const bulkIds = bulkIdsOf(bytes, request);
    const received = await this.feeds.receive(wanted, Readable.from([bytes]), (id) =>
      noteBulkIds(this.ledger.db, id, bulkIds),
    );
    return answerReceived(this.feeds, received, request, reply);
  }
}

/** What each operation is called; an upload that is none is refused whole, in the form of the interface that was asked. */
function bulkIdsOf(bytes: Buffer, request: FastifyRequest): string[] {
  try {
    return checkedOperations(bodyOf(bytes));
  } catch (error) {
    if (!(error instanceof ScimError) || isScim(request)) throw error;
    throw new Problem(error.status === 413 ? 'too-large' : 'malformed-request', error.message, {}, { cause: error });
  }
}

function checkedOperations(body: unknown): string[] {
  const { operations, failOnErrors } = jobOf(body);
  if (failOnErrors !== Infinity) {
    throw new ScimError(
      400,
      'invalidSyntax',
      'failOnErrors must be null or left out: an upload is applied row by row.',
    );
  }
  if (operations.length === 0) throw new ScimError(400, 'invalidSyntax', 'An upload has at least one operation.');
  const bulkIds = operations.map((operation) => uploadedSchema.safeParse(operation).data?.bulkId);
  if (bulkIds.includes(undefined)) {
    throw new ScimError(400, 'invalidSyntax', 'Every operation is a POST to /Users with a bulkId of its own.');
  }
  if (new Set(bulkIds).size < bulkIds.length) {
    throw new ScimError(400, 'invalidValue', 'Two operations have the same bulkId.');
  }
  return bulkIds.filter((bulkId) => bulkId !== undefined);
}
