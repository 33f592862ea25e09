import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { decideDelivery, deliveryDifference, type DeliveryRow, type Ledger } from '#libs/ledger';
import { Allow, CurrentCaller, ledgerToken, Problem, type Caller } from '#libs/platform';
import { guardedChanges, isOver, measureSchema, measureSentence } from '#libs/vocabulary';
import { Answers, Problems } from '../described.js';
import { FeedsService } from './feeds.service.js';
import { IntakeLoop } from './intake-loop.js';
import { deliveryIdOf, sourceOf } from './source-name.js';

const decisionSchema = z.strictObject({
  fingerprint: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'is the fingerprint of the difference that was shown')
    .meta({ description: 'From `difference.fingerprint` of the delivery: only what was seen is decided.' }),
  note: z.string().trim().max(1_000).default('').meta({ description: 'Why; kept with the decision.' }),
});

const pageSchema = z.strictObject({
  measure: z.enum(guardedChanges).optional(),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/, 'is two capital letters')
    .optional(),
  cursor: z.string().max(200).default(''),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});

const differenceSchema = z.object({
  state: z.string(),
  fingerprint: z.string().nullable(),
  measures: z.array(measureSchema.extend({ isOver: z.boolean(), sentence: z.string() })),
  changes: z.array(
    z.object({
      measure: z.enum(guardedChanges),
      employeeNumber: z.string(),
      country: z.string(),
      before: z.string(),
      after: z.string(),
    }),
  ),
  cursor: z.string().nullable(),
});

/** Deliveries that would change too much wait here for a person's word. */
@ApiTags('feeds')
@Controller('v1/feeds/:source/deliveries/:id')
export class HeldController {
  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    private readonly feeds: FeedsService,
    private readonly loop: IntakeLoop,
  ) {}

  @Get('difference')
  @Allow('operator')
  @ApiOperation({ summary: 'What a delivery would change (held) or has changed: counts with limits, and who' })
  @Answers(200, differenceSchema)
  @Problems('not-found', 'invalid-field')
  async difference(
    @Param('source') source: string,
    @Param('id') id: string,
    @Query({ schema: pageSchema }) { measure, country, cursor, limit }: z.infer<typeof pageSchema>,
  ) {
    const { state, difference } = await this.feeds.read(sourceOf(source), deliveryIdOf(id));
    const at = cursor.indexOf(' ');
    const after: [string, string] = at < 0 ? [cursor, ''] : [cursor.slice(0, at), cursor.slice(at + 1)];
    const changes = await deliveryDifference(this.ledger.db, id, { measure, country, after, limit });
    const last = changes.at(-1);
    return {
      state,
      fingerprint: difference?.fingerprint ?? null,
      measures: (difference?.measures ?? []).map((one) => ({
        ...one,
        isOver: isOver(one),
        sentence: measureSentence(one),
      })),
      changes,
      cursor: changes.length === limit && last !== undefined ? `${last.measure} ${last.employeeNumber}` : null,
    };
  }

  @Post('approve')
  @HttpCode(200)
  @Allow('admin')
  @ApiOperation({ summary: 'Lets a held delivery be applied, if it still makes exactly the difference that was shown' })
  @Problems('not-found', 'invalid-field', 'conflict')
  approve(
    @Param('source') source: string,
    @Param('id') id: string,
    @Body({ schema: decisionSchema }) body: z.infer<typeof decisionSchema>,
    @CurrentCaller() caller: Caller,
  ): Promise<DeliveryRow> {
    return this.decide(source, id, 'approved', body, caller);
  }

  @Post('reject')
  @HttpCode(200)
  @Allow('operator')
  @ApiOperation({ summary: 'Refuses a held delivery for good; nothing of it is applied' })
  @Problems('not-found', 'invalid-field', 'conflict')
  reject(
    @Param('source') source: string,
    @Param('id') id: string,
    @Body({ schema: decisionSchema }) body: z.infer<typeof decisionSchema>,
    @CurrentCaller() caller: Caller,
  ): Promise<DeliveryRow> {
    return this.decide(source, id, 'rejected', body, caller);
  }

  private async decide(
    source: string,
    id: string,
    verdict: 'approved' | 'rejected',
    { fingerprint, note }: z.infer<typeof decisionSchema>,
    caller: Caller,
  ): Promise<DeliveryRow> {
    const decision = { source: sourceOf(source), id: deliveryIdOf(id), verdict, fingerprint, note, actor: caller.name };
    switch (await decideDelivery(this.ledger.db, decision)) {
      case 'unknown':
        throw new Problem('not-found', 'There is no such delivery of this source.');
      case 'not_held':
        throw new Problem('conflict', 'This delivery is not held: there is nothing to decide.', { code: 'not_held' });
      case 'other_difference':
        throw new Problem('conflict', 'This delivery makes another difference by now: look at it again.', {
          code: 'other_difference',
        });
      case 'decided':
        this.loop.wake();
        return this.feeds.read(decision.source, decision.id);
    }
  }
}
