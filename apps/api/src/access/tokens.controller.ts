import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { createAccessToken, listAccessTokens, revokeAccessToken, type AccessToken, type Ledger } from '#libs/ledger';
import {
  Allow,
  CurrentCaller,
  hashSecret,
  ledgerToken,
  newSecret,
  Problem,
  roleSchema,
  type Caller,
} from '#libs/platform';
import { sourceNameSchema } from '#libs/vocabulary';
import { Problems } from '../described.js';

const newTokenSchema = z
  .strictObject({
    name: z
      .string()
      .trim()
      .min(1)
      .max(100)
      .meta({ description: 'Whose it is: the audit trail shows it as the actor.' }),
    role: roleSchema,
    source: sourceNameSchema
      .optional()
      .meta({ description: 'Binds a feed’s token to one source: it then touches no other.' }),
  })
  .refine(({ role, source }) => source === undefined || role === 'feed', {
    path: ['source'],
    error: 'only a token of the role feed is bound to a source',
  });

const tokenSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  role: roleSchema,
  source: z.string().nullable().meta({ description: 'The one source that it may touch; null for any.' }),
  createdAt: z.iso.datetime(),
  createdBy: z.string(),
  revokedAt: z.iso.datetime().nullable(),
});

const createdTokenSchema = tokenSchema.extend({
  token: z.string().meta({ description: 'The secret itself, shown this once.' }),
});

/** A token as the API shows it. */
const shown = ({ id, name, role, source, createdAt, createdBy, revokedAt }: AccessToken) => ({
  id,
  name,
  role,
  source,
  createdAt,
  createdBy,
  revokedAt,
});

@ApiTags('access')
@Controller('v1/tokens')
@Allow('admin')
export class TokensController {
  constructor(@Inject(ledgerToken) private readonly ledger: Ledger) {}

  @Post()
  @ApiOperation({ summary: 'Makes a token; its secret is shown this once' })
  @ApiResponse({ status: 201, standardSchema: createdTokenSchema })
  @Problems('invalid-field', 'conflict')
  async create(
    @Body({ schema: newTokenSchema }) body: z.infer<typeof newTokenSchema>,
    @CurrentCaller() caller: Caller,
  ) {
    const secret = newSecret();
    const token = { ...body, secretHash: hashSecret(secret), actor: caller.name };
    const created = await createAccessToken(this.ledger.db, token);
    if (created === undefined) {
      throw new Problem('conflict', 'A token of that name is in use: choose another or revoke it first.');
    }
    return { ...shown(created), token: secret };
  }

  @Get()
  @ApiOperation({ summary: 'Lists all tokens, revoked ones too' })
  @ApiResponse({ status: 200, standardSchema: z.array(tokenSchema) })
  async list() {
    return (await listAccessTokens(this.ledger.db)).map(shown);
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Revokes a token and its sessions at once' })
  @ApiResponse({ status: 204 })
  @Problems('not-found', 'conflict', 'invalid-field')
  async revoke(@Param('id', { schema: z.uuid() }) id: string, @CurrentCaller() caller: Caller): Promise<void> {
    const outcome = await revokeAccessToken(this.ledger.db, { id, actor: caller.name });
    if (outcome === 'unknown') throw new Problem('not-found', 'No token has this id.');
    if (outcome === 'last_admin')
      throw new Problem('conflict', 'This is the last admin token: make another one first.');
  }
}
