import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { foldedWords } from '#libs/feeds';
import { employeeDetail, searchEmployees, type Ledger } from '#libs/ledger';
import { Allow, ledgerToken, Problem } from '#libs/platform';
import { plainSentence } from '#libs/progress';
import { Answers, Problems } from '../described.js';
import { employeeSchema, hitsSchema } from './employees.schemas.js';

const querySchema = z.strictObject({
  q: z.string().trim().min(1).max(255).meta({ example: 'müller' }),
});

/** The service desk's view: one person, where they are, what failed and why. */
@ApiTags('employees')
@Controller('v1/employees')
export class EmployeesController {
  constructor(@Inject(ledgerToken) private readonly ledger: Ledger) {}

  @Get()
  @Allow('viewer')
  @ApiOperation({ summary: 'Finds people by number, by name without accents, or by any address; at most 20' })
  @Answers(200, hitsSchema)
  @Problems('invalid-field')
  search(@Query({ schema: querySchema }) { q }: z.infer<typeof querySchema>) {
    return searchEmployees(this.ledger.db, q, foldedWords(q));
  }

  @Get(':id')
  @Allow('viewer')
  @ApiOperation({ summary: 'Record, account, steps, timeline, and one plain sentence' })
  @Answers(200, employeeSchema)
  @Problems('not-found')
  async read(@Param('id') id: string) {
    const detail = z.uuid().safeParse(id).success ? await employeeDetail(this.ledger.db, id) : undefined;
    if (detail === undefined) throw new Problem('not-found', 'There is no employee with this id.');
    return { sentence: plainSentence(detail), ...detail };
  }
}
