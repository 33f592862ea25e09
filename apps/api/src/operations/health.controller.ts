import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Inject } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { ledgerAnswers, type Ledger } from '#libs/ledger';
import { ledgerToken, Problem, Public, redisToken, type RedisClient } from '#libs/platform';
import { Problems } from '../described.js';

const patienceMs = 2000;

const answersInTime = async (check: Promise<unknown>): Promise<boolean> =>
  Promise.race([
    check.then(
      () => true,
      () => false,
    ),
    sleep(patienceMs, false, { ref: false }),
  ]);

@ApiTags('operations')
@Controller()
@Public()
export class HealthController {
  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    @Inject(redisToken) private readonly redis: RedisClient,
  ) {}

  @Get('healthz')
  @ApiOperation({ summary: 'Says that the process lives' })
  @ApiResponse({ status: 200, standardSchema: z.object({ status: z.literal('ok') }) })
  health() {
    return { status: 'ok' };
  }

  @Get('readyz')
  @ApiOperation({ summary: 'Says whether the ledger and Redis answer' })
  @ApiResponse({ status: 200, standardSchema: z.object({ status: z.literal('ready') }) })
  @Problems('unavailable')
  async readiness() {
    const [ledger, redis] = await Promise.all([
      answersInTime(ledgerAnswers(this.ledger.db)),
      answersInTime(this.redis.ping()),
    ]);
    if (ledger && redis) return { status: 'ready' };
    const missing = [...(ledger ? [] : ['the ledger']), ...(redis ? [] : ['Redis'])];
    throw new Problem('unavailable', `No answer from ${missing.join(' and ')}.`);
  }
}
