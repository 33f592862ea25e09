import { Body, Controller, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Ledger } from '#libs/ledger';
import { AddressChangeError, askForAddress } from '#libs/migration';
import { Allow, CurrentCaller, ledgerToken, Problem, type Caller } from '#libs/platform';
import { Answers, Problems } from '../described.js';

const changeSchema = z.strictObject({
  address: z
    .string()
    .trim()
    .min(3)
    .max(254)
    .optional()
    .meta({ description: 'Left out: the one that the feed gives, else the one that the pattern would give now.' }),
  blueprint: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'Name or id; left out: that of the employee’s latest migration.' }),
});

const changedSchema = z.object({
  address: z.string(),
  before: z.string().nullable().meta({ description: 'The address until now, which stays theirs as an alias.' }),
});

/** Addresses are frozen once issued: this is the only way to another one. */
@ApiTags('addresses')
@Controller('v1/employees')
export class AddressChangesController {
  constructor(@Inject(ledgerToken) private readonly ledger: Ledger) {}

  @Post(':id/address')
  @HttpCode(200)
  @Allow('admin')
  @ApiOperation({ summary: 'Gives an employee another address for good; the next plan renames the account' })
  @Answers(200, changedSchema)
  @Problems('invalid-field', 'not-found', 'conflict')
  async change(
    @Param('id', { schema: z.uuid() }) employeeId: string,
    @Body({ schema: changeSchema }) body: z.infer<typeof changeSchema>,
    @CurrentCaller() caller: Caller,
  ) {
    try {
      return await askForAddress(this.ledger, { employeeId, ...body, actor: caller.name, now: new Date() });
    } catch (error) {
      throw error instanceof AddressChangeError ? problemOf(error) : error;
    }
  }
}

function problemOf(error: AddressChangeError): Problem {
  const { code, message } = error;
  const cause = { cause: error };
  switch (code) {
    case 'employee_not_found':
      return new Problem('not-found', message, {}, cause);
    case 'blueprint_unknown':
      return new Problem('invalid-field', message, { errors: [{ field: 'blueprint', message }] }, cause);
    case 'address_wrong':
      return new Problem('invalid-field', message, { errors: [{ field: 'address', message }] }, cause);
    default:
      return new Problem('conflict', message, { code }, cause);
  }
}
