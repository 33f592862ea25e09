import { Controller, Get, Inject, Param } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { readDropLooks, type DropLook, type Ledger } from '#libs/ledger';
import { Allow, ledgerToken } from '#libs/platform';
import { Answers, momentSchema, Problems } from '../described.js';
import { sourceOf } from '../feeds/source-name.js';

const dropsSchema = z.array(
  z.object({
    place: z.enum(['folder', 'sftp']),
    lookedAt: momentSchema,
    fault: z.string().nullable(),
    faultSince: momentSchema.nullable(),
    lastTakenAt: momentSchema.nullable(),
  }),
);

/** Whether the files that a source leaves are looked for, and what is in the way. */
@ApiTags('feeds')
@Controller('v1/feeds/:source/drops')
export class DropsController {
  constructor(@Inject(ledgerToken) private readonly ledger: Ledger) {}

  @Get()
  @Allow('viewer')
  @ApiOperation({ summary: 'Where a source’s files are looked for: when last, what is in the way, when one was taken' })
  @Answers(200, dropsSchema)
  @Problems('invalid-field')
  read(@Param('source') source: string): Promise<DropLook[]> {
    return readDropLooks(this.ledger.db, sourceOf(source));
  }
}
