import { Controller, Get, Inject } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { listHeldDeliveries, type Ledger } from '#libs/ledger';
import { Allow, ledgerToken } from '#libs/platform';
import { isOver, measureSchema, measureSentence } from '#libs/vocabulary';
import { Answers, countSchema, momentSchema } from '../described.js';

const heldSchema = z.array(
  z.object({
    id: z.uuid(),
    source: z.string(),
    mode: z.enum(['full', 'delta']),
    population: z.string(),
    cause: z.string(),
    since: momentSchema,
    fingerprint: z.string().meta({ description: 'Decide with it: only what was seen is decided.' }),
    measures: z.array(measureSchema.extend({ isOver: z.boolean(), sentence: z.string() })),
    counts: z
      .record(z.string(), z.record(z.string(), countSchema))
      .meta({ description: 'Leavers and address changes by country.' }),
    waiting: countSchema.meta({ description: 'Later deliveries of the source that wait for the same decision.' }),
  }),
);

/** What waits for a person, whichever source it came from. */
@ApiTags('feeds')
@Controller('v1/held-deliveries')
export class HeldDeliveriesController {
  constructor(@Inject(ledgerToken) private readonly ledger: Ledger) {}

  @Get()
  @Allow('viewer')
  @ApiOperation({
    summary: 'Lists the held deliveries of all sources: why, since when, what each would change',
    description: 'Counts only, nobody by name or number: who would change is told by `difference` of the delivery.',
  })
  @Answers(200, heldSchema)
  async list() {
    const held = await listHeldDeliveries(this.ledger.db);
    return held.map(({ measures, ...delivery }) => ({
      ...delivery,
      measures: measures.map((one) => ({ ...one, isOver: isOver(one), sentence: measureSentence(one) })),
    }));
  }
}
