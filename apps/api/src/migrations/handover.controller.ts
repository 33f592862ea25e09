import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { noteHandover, sealedPasswords, type Ledger } from '#libs/ledger';
import { Allow, CurrentCaller, ledgerToken, type Caller } from '#libs/platform';
import { Answers, Problems } from '../described.js';
import { handoverSchema } from './migrations.schemas.js';
import { MigrationsService } from './migrations.service.js';

const pageSchema = z.strictObject({
  cursor: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(5_000).default(1_000),
});

/** First passwords, sealed: only the holder of the private key can open them, and this server is not. */
@ApiTags('migrations')
@Controller('v1/migrations/:id/handover')
export class HandoverController {
  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    private readonly migrations: MigrationsService,
  ) {}

  @Get()
  @Allow('admin')
  @ApiOperation({ summary: 'A page of the sealed first passwords of the accounts that the migration created' })
  @Answers(200, handoverSchema)
  @Problems('not-found', 'invalid-field')
  async read(
    @Param('id') id: string,
    @Query({ schema: pageSchema }) { cursor, limit }: z.infer<typeof pageSchema>,
    @CurrentCaller() caller: Caller,
  ) {
    const migration = await this.migrations.read(id);
    if (cursor === undefined) await noteHandover(this.ledger.db, migration.id, caller.name);
    const page = { limit, ...(cursor !== undefined && { after: cursor }) };
    const passwords = await sealedPasswords(this.ledger.db, migration.id, page);
    return {
      scheme: 'RSA-OAEP-256',
      passwords,
      cursor: passwords.length === limit ? (passwords.at(-1)?.employeeId ?? null) : null,
    };
  }
}
