import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { selectsEmployee } from '#libs/blueprint';
import {
  createMigration,
  failureBudgetSchema,
  findBlueprint,
  latestPlan,
  planItems,
  selectionSchema,
  sharedActions,
  type Ledger,
  type Selection,
} from '#libs/ledger';
import { Allow, CurrentCaller, ledgerToken, Problem, type Caller } from '#libs/platform';
import { planActions } from '#libs/vocabulary';
import { Answers, Problems } from '../described.js';
import { reasonSchema, stepSchema } from '../progress/progress.schemas.js';
import { migrationSchema, planSchema, planStartedSchema, reopenedSchema } from './migrations.schemas.js';
import { MigrationsService } from './migrations.service.js';

const creationSchema = z.strictObject({
  name: z.string().trim().min(1).max(200),
  blueprint: z.string().min(1).meta({ description: 'A stored blueprint’s name or id.', example: 'Bascule Retail' }),
  blueprintVersion: z.int().positive().optional(),
  selection: selectionSchema.default({ kind: 'everyone' }),
  failureBudget: failureBudgetSchema.prefault({}),
  /** Public key (PEM) to which first passwords are sealed; needed where the blueprint hands passwords over. */
  handoverKey: z.string().min(1).max(10_000).optional(),
});

const approvalSchema = z.strictObject({
  accept: z.array(z.string()).default([]).meta({
    description: 'What Google would not tell and the admin takes upon themselves: the plan’s `needsAcceptance`.',
  }),
});
const retrySchema = z.strictObject({
  reason: reasonSchema.optional(),
  step: stepSchema.optional(),
});
const planQuerySchema = z.strictObject({
  action: z.enum(planActions).optional(),
  reason: reasonSchema.optional(),
  cursor: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});

/** Migrations: from draft over plan and approval to the run, and what an admin may do with a run. */
@ApiTags('migrations')
@Controller('v1/migrations')
export class MigrationsController {
  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    private readonly migrations: MigrationsService,
  ) {}

  @Post()
  @Allow('operator')
  @ApiOperation({
    summary: 'Creates a migration: a blueprint for everyone, a condition, or a list of employee numbers',
  })
  @Answers(201, migrationSchema)
  @Problems('invalid-field', 'malformed-request')
  async create(
    @Body({ schema: creationSchema }) body: z.infer<typeof creationSchema>,
    @CurrentCaller() caller: Caller,
  ) {
    const blueprint = await findBlueprint(this.ledger.db, body.blueprint, body.blueprintVersion);
    if (blueprint === undefined) {
      throw new Problem('invalid-field', 'There is no such blueprint.', {
        errors: [{ field: 'blueprint', message: 'names no stored blueprint; push it first' }],
      });
    }
    checkSelection(body.selection);
    const { handoverKey = null } = body;
    await this.migrations.checkHandover(blueprint, handoverKey);
    const id = await createMigration(this.ledger.db, {
      name: body.name,
      blueprintId: blueprint.id,
      blueprintVersion: blueprint.version,
      selection: body.selection,
      failureBudget: body.failureBudget,
      handoverKey,
      actor: caller.name,
    });
    return this.migrations.read(id);
  }

  @Get(':id')
  @Allow('viewer')
  @ApiOperation({ summary: 'Reads a migration' })
  @Answers(200, migrationSchema)
  @Problems('not-found')
  read(@Param('id') id: string) {
    return this.migrations.read(id);
  }

  @Post(':id/plan')
  @HttpCode(202)
  @Allow('operator')
  @ApiOperation({ summary: 'Plans: reads Google, decides for everybody, writes nothing to Google' })
  @Answers(202, planStartedSchema, 'The plan is being computed: read it until its state is no longer `computing`.')
  @Problems('not-found', 'conflict', 'google-not-configured')
  plan(@Param('id') id: string, @CurrentCaller() caller: Caller) {
    return this.migrations.plan(this.migrations.idOf(id), caller.name);
  }

  @Get(':id/plan')
  @Allow('viewer')
  @ApiOperation({ summary: 'The latest plan: counts, price, shared actions, and a page of its employees' })
  @Answers(200, planSchema)
  @Problems('not-found', 'invalid-field')
  async readPlan(@Param('id') id: string, @Query({ schema: planQuerySchema }) query: z.infer<typeof planQuerySchema>) {
    const plan = await latestPlan(this.ledger.db, this.migrations.idOf(id));
    if (plan === undefined) throw new Problem('not-found', 'This migration has no plan yet.');
    const items = await planItems(this.ledger.db, plan.id, {
      limit: query.limit,
      ...(query.action !== undefined && { action: query.action }),
      ...(query.reason !== undefined && { reason: query.reason }),
      ...(query.cursor !== undefined && { after: query.cursor }),
    });
    const cursor = items.length === query.limit ? items.at(-1)?.employeeId : undefined;
    return { ...plan, sharedActions: await sharedActions(this.ledger.db, plan.id), items, cursor: cursor ?? null };
  }

  @Post(':id/approve')
  @HttpCode(200)
  @Allow('admin')
  @ApiOperation({ summary: 'Approves the plan as it stands' })
  @Answers(200, migrationSchema)
  @Problems('not-found', 'conflict', 'invalid-field')
  async approve(
    @Param('id') id: string,
    @Body({ schema: approvalSchema.prefault({}) }) body: z.infer<typeof approvalSchema>,
    @CurrentCaller() caller: Caller,
  ) {
    await this.migrations.approve(this.migrations.idOf(id), body.accept, caller.name);
    return this.migrations.read(id);
  }

  @Post(':id/start')
  @HttpCode(200)
  @Allow('operator')
  @ApiOperation({ summary: 'Starts the approved plan' })
  @Answers(200, migrationSchema)
  @Problems('not-found', 'conflict')
  async start(@Param('id') id: string, @CurrentCaller() caller: Caller) {
    await this.migrations.start(this.migrations.idOf(id), caller.name);
    return this.migrations.read(id);
  }

  @Post(':id/pause')
  @HttpCode(200)
  @Allow('operator')
  @ApiOperation({ summary: 'Pauses: within a second no further call leaves' })
  @Answers(200, migrationSchema)
  @Problems('not-found', 'conflict')
  async pause(@Param('id') id: string, @CurrentCaller() caller: Caller) {
    await this.migrations.pause(this.migrations.idOf(id), caller.name);
    return this.migrations.read(id);
  }

  @Post(':id/resume')
  @HttpCode(200)
  @Allow('operator')
  @ApiOperation({ summary: 'Goes on where it paused' })
  @Answers(200, migrationSchema)
  @Problems('not-found', 'conflict')
  async resume(@Param('id') id: string, @CurrentCaller() caller: Caller) {
    await this.migrations.resume(this.migrations.idOf(id), caller.name);
    return this.migrations.read(id);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Allow('admin')
  @ApiOperation({ summary: 'Ends it for good: what is done stays done' })
  @Answers(200, migrationSchema)
  @Problems('not-found', 'conflict')
  async cancel(@Param('id') id: string, @CurrentCaller() caller: Caller) {
    await this.migrations.cancel(this.migrations.idOf(id), caller.name);
    return this.migrations.read(id);
  }

  @Post(':id/retry')
  @HttpCode(200)
  @Allow('operator')
  @ApiOperation({ summary: 'Makes failed steps run again: all, or those of one reason or step' })
  @Answers(200, reopenedSchema)
  @Problems('not-found', 'conflict', 'invalid-field')
  async retry(
    @Param('id') id: string,
    @Body({ schema: retrySchema.prefault({}) }) body: z.infer<typeof retrySchema>,
    @CurrentCaller() caller: Caller,
  ) {
    const filter = {
      ...(body.reason !== undefined && { reason: body.reason }),
      ...(body.step !== undefined && { step: body.step }),
    };
    return { reopened: await this.migrations.retry(this.migrations.idOf(id), filter, caller.name) };
  }
}

function checkSelection(selection: Selection): void {
  if (selection.kind !== 'condition') return;
  try {
    selectsEmployee(selection.condition);
  } catch (error) {
    const message = error instanceof Error ? error.message : 'cannot be understood';
    throw new Problem(
      'invalid-field',
      'The condition is wrong.',
      { errors: [{ field: 'selection.condition', message }] },
      { cause: error },
    );
  }
}
