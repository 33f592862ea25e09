import { Controller, Get, Inject, Param, Query, Req, Res, StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { lastRejection, type Ledger } from '#libs/ledger';
import { Allow, ledgerToken, Problem } from '#libs/platform';
import { workerAnswer, workerStandings, writeWorkers } from '#libs/progress';
import { addressStates, workerStates } from '#libs/vocabulary';
import { Answers, countSchema, momentSchema, Problems } from '../described.js';
import { reasonSchema } from '../progress/progress.schemas.js';
import { csvHeaders, formatOf, formatSchema } from './answer-format.js';
import { sourceOf } from './source-name.js';

const cursorSchema = z
  .base64url()
  .max(400)
  .transform((text) => Buffer.from(text, 'base64url').toString());

const querySchema = z.strictObject({
  state: z.enum(workerStates).optional(),
  changedSince: momentSchema.optional().meta({
    description:
      'Only those of whom something changed since then; the zone must be given. Give the `asOf` of the last round.',
  }),
  cursor: cursorSchema.optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100).meta({ description: 'Of a page; CSV has no pages.' }),
  format: formatSchema,
});

const standingSchema = z.object({
  workerId: z.string().meta({ description: 'HR’s own id.', example: '000123' }),
  state: z.enum(workerStates),
  reason: reasonSchema.nullable(),
  meaning: z.string().meta({ description: 'State and reason as a sentence without personal data.' }),
  since: momentSchema.meta({ description: 'Since when the state has been so.' }),
  changedAt: momentSchema.meta({ description: 'When anything of this answer changed last.' }),
  address: z.string().nullable().meta({ description: 'To write back to HR; null while none is given for good.' }),
  addressState: z
    .enum(addressStates)
    .nullable()
    .meta({ description: 'in_force: the account’s primary address; allocated: the account is still to come.' }),
  accountExists: z.boolean(),
  suspended: z.boolean().nullable().meta({ description: 'As far as is known; null without an account.' }),
  recordVersion: countSchema.meta({ description: 'Of HR’s newest record that was applied.' }),
  provisionedVersion: countSchema
    .nullable()
    .meta({ description: 'The version that the account was made from last; null while none was.' }),
  recordedAt: momentSchema,
  deliveryId: z.uuid().nullable().meta({ description: 'The delivery that brought the newest record.' }),
});

const answerSchema = standingSchema.extend({
  sentence: z.string().meta({ description: 'The service desk’s sentence: for a person to read.' }),
  rejected: z
    .object({
      deliveryId: z.uuid(),
      line: countSchema,
      problems: z.array(z.object({ field: z.string(), reason: z.string(), message: z.string() })),
      receivedAt: momentSchema,
    })
    .nullable()
    .meta({ description: 'HR’s newest row of the worker, if it was rejected: the record is still the one before.' }),
});

const pageSchema = z.object({
  workers: z.array(standingSchema),
  cursor: z.string().nullable().meta({ description: 'A page may hold fewer than `limit`: go on until this is null.' }),
  asOf: momentSchema.meta({
    description:
      'Of the first page: the `changedSince` of the next round. Nothing that is written later lies before it.',
  }),
});

/** Accepted is not provisioned: what became of each worker, asked by HR's own id. */
@ApiTags('feeds')
@Controller('v1/feeds/:source/workers')
@Allow('feed', 'viewer')
export class WorkersController {
  constructor(@Inject(ledgerToken) private readonly ledger: Ledger) {}

  @Get()
  @ApiOperation({
    summary: 'The source’s workers and the address of each to write back (a page of JSON, or all as CSV)',
  })
  @ApiProduces('application/json', 'text/csv')
  @Answers(200, pageSchema)
  @Problems('invalid-field')
  async list(
    @Param('source') text: string,
    @Query({ schema: querySchema }) query: z.infer<typeof querySchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const source = sourceOf(text);
    const filter = {
      source,
      after: query.cursor,
      state: query.state,
      changedSince: query.changedSince === undefined ? undefined : new Date(query.changedSince),
    };
    if (formatOf(request, query.format) === 'csv') {
      void reply.headers(csvHeaders(`workers-${source}`));
      return new StreamableFile(writeWorkers(this.ledger, filter));
    }
    const { workers, next, asOf } = await workerStandings(this.ledger, filter, query.limit);
    return { workers, cursor: next === null ? null : Buffer.from(next).toString('base64url'), asOf };
  }

  @Get(':workerId')
  @ApiOperation({ summary: 'One worker by HR’s own id: what HR said last, the account, its state and why' })
  @Answers(200, answerSchema)
  @Problems('invalid-field', 'not-found')
  async read(@Param('source') text: string, @Param('workerId') workerId: string) {
    const source = sourceOf(text);
    const answer = await workerAnswer(this.ledger, source, workerId);
    if (answer !== undefined) return answer;
    const rejected = await lastRejection(this.ledger.db, { source, workerId, after: null });
    if (rejected === undefined) throw new Problem('not-found', 'This source has sent no worker with this id.');
    throw new Problem('not-found', 'No row of this worker was ever applied: the last one was rejected.', { rejected });
  }
}
