import { createHash } from 'node:crypto';
import { Body, Controller, Get, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { parseBlueprint } from '#libs/blueprint';
import { listBlueprints, storeBlueprint, type Ledger } from '#libs/ledger';
import { Allow, CurrentCaller, ledgerToken, Problem, type Caller } from '#libs/platform';
import { Answers, countSchema, momentSchema, Problems } from '../described.js';

const documentSchema = z.strictObject({
  document: z.string().min(1).max(900_000).meta({ description: 'The YAML text; docs/blueprint.md explains it.' }),
});
const storedSchema = z.object({ id: z.uuid(), name: z.string(), version: z.int(), createdAt: momentSchema });
const checkedSchema = z.object({
  name: z.string(),
  orgUnits: countSchema,
  groups: countSchema,
  calendars: countSchema,
});

/** Blueprints: YAML documents, checked whole, kept in versions that never change. */
@ApiTags('blueprints')
@Controller('v1/blueprints')
export class BlueprintsController {
  constructor(@Inject(ledgerToken) private readonly ledger: Ledger) {}

  @Post()
  @Allow('operator')
  @ApiOperation({ summary: 'Stores a blueprint as the next version of its name' })
  @Answers(201, storedSchema)
  @Problems('invalid-field', 'unprocessable')
  async store(@Body({ schema: documentSchema }) body: z.infer<typeof documentSchema>, @CurrentCaller() caller: Caller) {
    const { name } = checked(body.document);
    const sha256 = createHash('sha256').update(body.document).digest();
    return storeBlueprint(this.ledger.db, { name, document: body.document, sha256, actor: caller.name });
  }

  @Post('check')
  @HttpCode(200)
  @Allow('viewer')
  @ApiOperation({ summary: 'Checks a blueprint and stores nothing' })
  @Answers(200, checkedSchema, 'What it declares.')
  @Problems('invalid-field', 'unprocessable')
  check(@Body({ schema: documentSchema }) body: z.infer<typeof documentSchema>) {
    const { name, declared } = checked(body.document);
    return {
      name,
      orgUnits: declared.orgUnits.length,
      groups: declared.groups.length,
      calendars: declared.calendars.length,
    };
  }

  @Get()
  @Allow('viewer')
  @ApiOperation({ summary: 'Lists the newest version of every blueprint' })
  @Answers(200, z.array(storedSchema))
  list() {
    return listBlueprints(this.ledger.db);
  }
}

function checked(document: string) {
  const parsed = parseBlueprint(document);
  if ('blueprint' in parsed) return parsed.blueprint;
  throw new Problem('unprocessable', 'The blueprint has faults; each is named with its place.', {
    errors: parsed.problems.map(({ path, line, message, fix }) => ({
      field: path,
      message: `${line === undefined ? '' : `line ${line}: `}${message} ${fix}`,
    })),
  });
}
