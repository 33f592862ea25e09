import { Body, Controller, Get, Inject, Param, Put } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { listSources, readSourceSettings, settleSource, type Ledger } from '#libs/ledger';
import { Allow, CurrentCaller, ledgerToken, type Caller } from '#libs/platform';
import { feedSourceSettingsSchema, type FeedSourceSettings } from '#libs/vocabulary';
import { Answers, countSchema, momentSchema, Problems } from '../described.js';
import { sourceOf } from './source-name.js';

const sourcesSchema = z.array(
  z.object({ name: z.string(), people: countSchema, lastDeliveryAt: momentSchema.nullable() }),
);

/** The HR systems that push, and what is settled for each. */
@ApiTags('feeds')
@Controller('v1/feeds')
export class SourcesController {
  constructor(@Inject(ledgerToken) private readonly ledger: Ledger) {}

  @Get()
  @Allow('viewer')
  @ApiOperation({ summary: 'Lists the sources' })
  @Answers(200, sourcesSchema)
  list() {
    return listSources(this.ledger.db);
  }

  @Get(':source/settings')
  @Allow('viewer')
  @ApiOperation({ summary: 'What is settled for a source; defaults where nobody settled anything' })
  @Answers(200, feedSourceSettingsSchema)
  @Problems('invalid-field')
  settings(@Param('source') source: string): Promise<FeedSourceSettings> {
    return readSourceSettings(this.ledger.db, sourceOf(source));
  }

  @Put(':source/settings')
  @Allow('admin')
  @ApiOperation({ summary: 'Settles a source, as a whole: what is left out goes back to its default' })
  @Answers(200, feedSourceSettingsSchema)
  @Problems('invalid-field')
  async settle(
    @Param('source') source: string,
    @Body({ schema: feedSourceSettingsSchema }) settings: FeedSourceSettings,
    @CurrentCaller() caller: Caller,
  ): Promise<FeedSourceSettings> {
    const name = sourceOf(source);
    await settleSource(this.ledger.db, { name, settings, actor: caller.name });
    return settings;
  }
}
