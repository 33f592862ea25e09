import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { nameAccounts, namedAccounts, unnameAccount, type AdoptionProblem, type Ledger } from '#libs/ledger';
import { Allow, CurrentCaller, ledgerToken, Problem, type Caller } from '#libs/platform';
import { Answers, countSchema, Problems } from '../described.js';

const accountSchema = z
  .string()
  .trim()
  .regex(/^(\d{6,30}|[^@\s]{1,64}@[^@\s]{1,255})$/, 'is neither an address nor Google’s id of an account');

const listSchema = z.strictObject({
  adoptions: z
    .array(
      z.strictObject({
        employeeNumber: z.string().min(1).max(64),
        source: z.string().min(1).max(63).optional(),
        account: accountSchema,
      }),
    )
    .min(1)
    .max(10_000),
});

const pageSchema = z.strictObject({
  cursor: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(200),
});

const adoptionsSchema = z.object({
  adoptions: z.array(
    z.looseObject({
      employeeId: z.uuid(),
      source: z.string(),
      employeeNumber: z.string(),
      account: z.string().meta({ description: 'An address, or Google’s id.' }),
      namedBy: z.string(),
      adopted: z.boolean().meta({ description: 'A run has taken the account over.' }),
    }),
  ),
  cursor: z.uuid().nullable(),
});

const messages: Readonly<Record<AdoptionProblem['problem'], string>> = {
  unknown: 'is known by no feed',
  ambiguous: 'is used by several sources: say which one in source',
  named_twice: 'stands more than once in the list',
  has_account: 'has an account that Bascule manages already',
  account_named_twice: 'is named for more than one employee',
};

/** The admin's list: which account is whose, where neither mark nor employee number tells. Planning follows it. */
@ApiTags('adoptions')
@Controller('v1/adoptions')
@Allow('admin')
export class AdoptionsController {
  constructor(@Inject(ledgerToken) private readonly ledger: Ledger) {}

  @Put()
  @ApiOperation({ summary: 'Adds entries, or replaces those of the same employees: whole or not at all' })
  @Answers(200, z.object({ named: countSchema }))
  @Problems('invalid-field')
  async name(@Body({ schema: listSchema }) body: z.infer<typeof listSchema>, @CurrentCaller() caller: Caller) {
    const problems = await nameAccounts(this.ledger.db, body.adoptions, caller.name);
    if (problems.length > 0) {
      throw new Problem('invalid-field', 'The adoption list is wrong; nothing was stored.', {
        errors: problems.map(({ at, field, problem }) => ({
          field: `adoptions.${at}.${field}`,
          message: messages[problem],
        })),
      });
    }
    return { named: body.adoptions.length };
  }

  @Get()
  @ApiOperation({ summary: 'A page of the list' })
  @Answers(200, adoptionsSchema)
  @Problems('invalid-field')
  async list(@Query({ schema: pageSchema }) { cursor, limit }: z.infer<typeof pageSchema>) {
    const adoptions = await namedAccounts(this.ledger.db, { limit, ...(cursor !== undefined && { after: cursor }) });
    return { adoptions, cursor: adoptions.length === limit ? (adoptions.at(-1)?.employeeId ?? null) : null };
  }

  @Delete(':employeeId')
  @HttpCode(204)
  @ApiOperation({ summary: 'Takes an employee off the list; what was adopted stays so' })
  @ApiResponse({ status: 204 })
  @Problems('not-found', 'invalid-field')
  async remove(
    @Param('employeeId', { schema: z.uuid() }) employeeId: string,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    if (!(await unnameAccount(this.ledger.db, employeeId, caller.name))) {
      throw new Problem('not-found', 'This employee is not on the adoption list.');
    }
  }
}
