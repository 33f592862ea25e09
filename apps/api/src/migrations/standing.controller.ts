import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import {
  listRounds,
  readStanding,
  standingSettingsSchema,
  switchStandingOn,
  type Ledger,
  type StandingSettings,
} from '#libs/ledger';
import { Allow, CurrentCaller, ledgerToken, Problem, type Caller } from '#libs/platform';
import type { MigrationId } from '#libs/vocabulary';
import { Answers, Problems } from '../described.js';
import { roundsSchema, standingSchema } from './migrations.schemas.js';
import { MigrationsService } from './migrations.service.js';

const pageSchema = z.strictObject({
  cursor: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});

/** Migrations that keep watching their people: joiners, movers and leavers come in rounds. */
@ApiTags('migrations')
@Controller('v1/migrations')
export class StandingController {
  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    private readonly migrations: MigrationsService,
  ) {}

  @Post(':id/stand')
  @HttpCode(200)
  @Allow('admin')
  @ApiOperation({
    summary: 'Makes a started migration stand: from now on changes in the feeds become rounds of work by themselves',
    description:
      'Rounds within the guard are approved by this rule, in the name of the one who switched it on; any other waits as ' +
      '`planned` with its reason. Settles anew how a migration stands that stands already. Pausing it stops the rounds.',
  })
  @Answers(200, standingSchema)
  @Problems('not-found', 'conflict', 'invalid-field')
  async stand(
    @Param('id') text: string,
    @Body({ schema: standingSettingsSchema.prefault({}) }) settings: StandingSettings,
    @CurrentCaller() caller: Caller,
  ) {
    const { id, state, standingId } = await this.migrations.read(text);
    if (standingId !== null) throw new Problem('conflict', 'A round cannot stand; its standing migration does.');
    if (!['running', 'completed', 'completedWithIssues'].includes(state)) {
      throw new Problem('conflict', `Only a migration that was started can stand; this one is ${state}.`);
    }
    await switchStandingOn(this.ledger.db, { migrationId: id, settings, actor: caller.name });
    return this.standing(id);
  }

  @Get(':id/standing')
  @Allow('viewer')
  @ApiOperation({ summary: 'How a migration stands: whether it is on, by whom, and what goes through by itself' })
  @Answers(200, standingSchema)
  @Problems('not-found')
  async read(@Param('id') text: string) {
    const { id } = await this.migrations.read(text);
    return this.standing(id);
  }

  @Get(':id/rounds')
  @Allow('viewer')
  @ApiOperation({ summary: 'The rounds of a standing migration, newest first; each is a migration of its own' })
  @Answers(200, roundsSchema)
  @Problems('not-found', 'invalid-field')
  async rounds(
    @Param('id') text: string,
    @Query({ schema: pageSchema }) { cursor, limit }: z.infer<typeof pageSchema>,
  ) {
    const { id } = await this.migrations.read(text);
    const rounds = await listRounds(this.ledger.db, id, { limit, ...(cursor !== undefined && { before: cursor }) });
    return { rounds, cursor: rounds.length === limit ? (rounds.at(-1)?.id ?? null) : null };
  }

  private async standing(id: MigrationId) {
    const standing = await readStanding(this.ledger.db, id);
    if (standing === undefined) throw new Problem('not-found', 'This migration does not stand.');
    return standing;
  }
}
