import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiConsumes, ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { mediaTypes } from '#libs/feeds';
import type { DeliveryRow } from '#libs/ledger';
import { Allow, callerOf } from '#libs/platform';
import { declarationOf, withBody } from './feed-bodies.js';
import { idempotencyKeyOf } from './feed-headers.js';
import { answerReceived } from './received-answer.js';
import { populationSchema } from '#libs/vocabulary';
import { deliveryIdOf, sourceOf } from './source-name.js';
import { bytesMax, FeedsService, tooLarge } from './feeds.service.js';

/** A clock of the sender's may be a little ahead. */
const aheadMsMax = 5 * 60_000;

const pushSchema = z
  .strictObject({
    mode: z.enum(['full', 'delta'], {
      error: 'say mode=full for the whole population or mode=delta for changes only',
    }),
    population: populationSchema.optional(),
    effectiveAt: z.iso
      .datetime({ offset: true, error: 'write the time of the export as RFC 3339, such as 2026-11-24T02:00:00Z' })
      .transform((text) => new Date(text))
      .refine((moment) => moment.getTime() <= Date.now() + aheadMsMax, 'lies in the future')
      .optional(),
  })
  .refine(({ mode, population }) => mode === 'full' || population === undefined, {
    path: ['population'],
    error: 'only a full delivery has a population: leave it out, or send mode=full',
  });
/** Where HR systems push who works there: recorded whole, answered row by row. */
@ApiTags('feeds')
@Controller('v1/feeds/:source/deliveries')
export class FeedsController {
  constructor(private readonly feeds: FeedsService) {}

  @Post()
  @HttpCode(202)
  @Allow('feed', 'operator')
  @ApiConsumes(...mediaTypes)
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'A repetition answers with the first delivery' })
  @ApiHeader({ name: 'Prefer', required: false, description: 'wait=N waits up to N seconds (300) for the outcome' })
  @ApiHeader({ name: 'Content-Encoding', required: false, description: 'gzip, or left out' })
  @ApiOperation({ summary: 'Takes a delivery, full or delta; answers once the bytes are safe' })
  async push(
    @Param('source') source: string,
    @Query({ schema: pushSchema }) query: z.infer<typeof pushSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeliveryRow> {
    const wanted = {
      source: sourceOf(source),
      mode: query.mode,
      population: query.population ?? '',
      effectiveAt: query.effectiveAt,
      ...declarationOf(request, reply),
      idempotencyKey: idempotencyKeyOf(request),
      actor: callerOf(request).name,
    };
    if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge();
    const received = await withBody(request, (body) => this.feeds.receive(wanted, body));
    return answerReceived(this.feeds, received, request, reply);
  }

  @Get(':id')
  @Allow('feed', 'viewer')
  @ApiOperation({ summary: 'State and counts of a delivery' })
  read(@Param('source') source: string, @Param('id') id: string): Promise<DeliveryRow> {
    return this.feeds.read(sourceOf(source), deliveryIdOf(id));
  }
}
