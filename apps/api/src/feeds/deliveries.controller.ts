import { Controller, Get, Inject, Param, Query, Req, Res, StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { scimUploadType } from '#libs/feeds';
import { deliveryRecords, listDeliveries, type Ledger } from '#libs/ledger';
import { Allow, ledgerToken } from '#libs/platform';
import { writeDeliveryRecords } from '#libs/progress';
import { deliveryStates } from '#libs/vocabulary';
import { Answers, countSchema, momentSchema, Problems } from '../described.js';
import { csvHeaders, formatOf, formatSchema } from './answer-format.js';
import { FeedsService } from './feeds.service.js';
import { deliveryIdOf, sourceOf } from './source-name.js';

const listSchema = z.strictObject({
  state: z.enum(deliveryStates.filter((state) => state !== 'uploading')).optional(),
  cursor: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

const recordsSchema = z.strictObject({
  outcome: z.enum(['new', 'updated', 'unchanged', 'duplicate', 'older', 'rejected', '']).optional(),
  cursor: z.coerce.number().int().min(0).max(2_147_483_647).default(0),
  limit: z.coerce.number().int().min(1).max(1_000).default(100).meta({ description: 'Of a page; CSV has no pages.' }),
  format: formatSchema,
});

const deliverySchema = z.looseObject({
  id: z.uuid(),
  source: z.string(),
  mode: z.enum(['full', 'delta']),
  state: z.enum(deliveryStates),
  cause: z.string().nullable(),
  rows: z.record(z.string(), countSchema),
  receivedAt: momentSchema,
  finishedAt: momentSchema.nullable(),
});

const recordSchema = z.object({
  row: countSchema,
  line: countSchema,
  bulkId: z.string().nullable().meta({ description: 'Of an upload by SCIM: what the sender calls the operation.' }),
  employeeNumber: z.string().nullable(),
  outcome: z.string(),
  problems: z.array(z.looseObject({ field: z.string(), reason: z.string(), message: z.string() })),
});

/** What a source has sent, and what became of every row. */
@ApiTags('feeds')
@Controller('v1/feeds/:source/deliveries')
export class DeliveriesController {
  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    private readonly feeds: FeedsService,
  ) {}

  @Get()
  @Allow('feed', 'viewer')
  @ApiOperation({ summary: 'A page of the source’s deliveries with their counts, newest first' })
  @Answers(200, z.object({ deliveries: z.array(deliverySchema), cursor: z.uuid().nullable() }))
  @Problems('invalid-field')
  async list(@Param('source') source: string, @Query({ schema: listSchema }) query: z.infer<typeof listSchema>) {
    const { state, cursor, limit } = query;
    const deliveries = await listDeliveries(this.ledger.db, sourceOf(source), { state, before: cursor, limit });
    return { deliveries, cursor: deliveries.length === limit ? (deliveries.at(-1)?.id ?? null) : null };
  }

  @Get(':id/records')
  @Allow('feed', 'operator')
  @ApiOperation({ summary: 'What became of each row: line, field, reason (a page of JSON, or all as CSV)' })
  @ApiProduces('application/json', 'text/csv')
  @Answers(
    200,
    z.object({ state: z.enum(deliveryStates), records: z.array(recordSchema), cursor: countSchema.nullable() }),
  )
  @Problems('invalid-field', 'not-found')
  async records(
    @Param('source') source: string,
    @Param('id') text: string,
    @Query({ schema: recordsSchema }) query: z.infer<typeof recordsSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const id = deliveryIdOf(text);
    const { state, mediaType } = await this.feeds.read(sourceOf(source), id);
    const filter = { after: query.cursor, outcome: query.outcome === '' ? undefined : query.outcome };
    if (formatOf(request, query.format) === 'csv') {
      void reply.headers(csvHeaders(`records-${id}`));
      const hasBulkIds = mediaType === scimUploadType;
      return new StreamableFile(writeDeliveryRecords(this.ledger, id, filter, { hasBulkIds }));
    }
    const records = await deliveryRecords(this.ledger.db, id, { ...filter, limit: query.limit });
    return { state, records, cursor: records.length === query.limit ? (records.at(-1)?.row ?? null) : null };
  }
}
