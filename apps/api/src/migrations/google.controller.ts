import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Allow } from '#libs/platform';
import { Answers, Problems } from '../described.js';
import { findingsSchema } from './migrations.schemas.js';
import { MigrationsService } from './migrations.service.js';

@ApiTags('google')
@Controller('v1/google')
export class GoogleController {
  constructor(private readonly migrations: MigrationsService) {}

  @Post('check')
  @HttpCode(200)
  @Allow('operator')
  @ApiOperation({ summary: 'Tries every scope and API: names what is missing and how to mend it' })
  @Answers(200, findingsSchema)
  @Problems('google-not-configured')
  async check() {
    const findings = await this.migrations.checkGoogle();
    return { ok: findings.every(({ state }) => state !== 'blocker'), findings };
  }
}
