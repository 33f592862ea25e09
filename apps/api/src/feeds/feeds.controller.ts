import { Readable } from 'node:stream';
import { Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { deliveryRecords, type Ledger } from '#libs/ledger';
import { Allow, callerOf, ledgerToken, Problem } from '#libs/platform';
import { jsonFeed } from './feed-bodies.js';
import { FeedsService } from './feeds.service.js';

const sourceSchema = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/i);
const modeSchema = z.strictObject({ mode: z.enum(['full', 'delta']) });
const recordsSchema = z.strictObject({
  outcome: z.enum(['new', 'updated', 'unchanged', 'duplicate', 'rejected']).optional(),
  cursor: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
const waitMax = 300;

/** Where HR systems push who works there: recorded whole, answered row by row. */
@ApiTags('feeds')
@Controller('v1/feeds/:source/deliveries')
export class FeedsController {
  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    private readonly feeds: FeedsService,
  ) {}

  @Post()
  @HttpCode(202)
  @Allow('feed', 'operator')
  @ApiConsumes('text/csv', 'application/x-ndjson', 'application/json')
  @ApiOperation({ summary: 'Takes a delivery, full or delta; answers once the bytes are safe' })
  async push(
    @Param('source') source: string,
    @Query({ schema: modeSchema }) query: z.infer<typeof modeSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const name = sourceOf(source);
    const received = await this.feeds.receive({
      source: name,
      mode: query.mode,
      mediaType: mediaTypeOf(request),
      contentEncoding: encodingOf(request),
      idempotencyKey: keyOf(request),
      actor: callerOf(request).name,
      body: bodyOf(request),
    });
    void reply.header('location', `/v1/feeds/${name}/deliveries/${received.id}`);
    const waitSeconds = waitOf(request);
    return waitSeconds === 0 ? received : this.feeds.outcome(name, received.id, waitSeconds * 1_000);
  }

  @Get(':id')
  @Allow('feed', 'viewer')
  @ApiOperation({ summary: 'State and counts of a delivery' })
  read(@Param('source') source: string, @Param('id') id: string) {
    return this.feeds.read(sourceOf(source), idOf(id));
  }

  @Get(':id/records')
  @Allow('feed', 'operator')
  @ApiOperation({ summary: 'What became of each row: line, field, reason' })
  async records(
    @Param('source') source: string,
    @Param('id') id: string,
    @Query({ schema: recordsSchema }) query: z.infer<typeof recordsSchema>,
  ) {
    const delivery = await this.feeds.read(sourceOf(source), idOf(id));
    const records = await deliveryRecords(this.ledger.db, delivery.id, {
      after: query.cursor,
      limit: query.limit,
      ...(query.outcome !== undefined && { outcome: query.outcome }),
    });
    return { records, cursor: records.length === query.limit ? (records.at(-1)?.row ?? null) : null };
  }
}

function sourceOf(text: string): string {
  const source = sourceSchema.safeParse(text);
  if (source.success) return source.data;
  throw new Problem('invalid-field', 'The source’s name is wrong.', {
    errors: [{ field: 'source', message: 'may hold letters, digits, - and _, at most 63' }],
  });
}

function idOf(text: string): string {
  const id = z.uuid().safeParse(text);
  if (!id.success) throw new Problem('not-found', 'There is no such delivery of this source.');
  return id.data;
}

function mediaTypeOf(request: FastifyRequest): string {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';');
  const name = type.trim().toLowerCase();
  return name === jsonFeed ? 'application/json' : name;
}

function encodingOf(request: FastifyRequest): string | null {
  const encoding = request.headers['content-encoding']?.toLowerCase();
  if (encoding === undefined || encoding === 'identity') return null;
  if (encoding === 'gzip') return encoding;
  throw new Problem('media-type', 'Content-Encoding may be gzip or left out.');
}

function keyOf(request: FastifyRequest): string | null {
  const header = request.headers['idempotency-key'];
  if (header === undefined) return null;
  const key = String(header).replaceAll(/^"|"$/g, '');
  if (key.length > 0 && key.length <= 255) return key;
  throw new Problem('invalid-field', 'The Idempotency-Key is wrong.', {
    errors: [{ field: 'Idempotency-Key', message: 'must have 1 to 255 characters' }],
  });
}

function bodyOf(request: FastifyRequest): Readable {
  if (request.body instanceof Readable) return request.body;
  throw new Problem('malformed-request', 'The request has no body.');
}

/** `Prefer: wait=N` (RFC 7240): seconds to wait for the outcome. */
function waitOf(request: FastifyRequest): number {
  const wait = /(?:^|[,;]\s*)wait=(\d+)/.exec(String(request.headers['prefer'] ?? ''));
  return wait === null ? 0 : Math.min(waitMax, Number(wait[1]));
}
