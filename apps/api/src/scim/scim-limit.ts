import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { fastifyRateLimit } from '@fastify/rate-limit';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ScimError } from '#libs/feeds';
import { callerOf } from '#libs/platform';
import { isScim } from './scim-requests.js';

/** Long enough for a burst, short enough for a client to wait. */
const windowSeconds = 10;

/**
 * Refuses the SCIM requests of a token that sends too many (429 with Retry-After), so that one client's loop leaves room for
 * the others. Each process counts for itself: the bound protects a process, it is no quota.
 */
export class ScimLimit implements CanActivate {
  private constructor(private readonly count: ReturnType<FastifyInstance['createRateLimit']>) {}

  /** To stand behind the guard that knows the caller. */
  static async of(app: NestFastifyApplication, requestsPerSecond: number): Promise<ScimLimit> {
    await app.register(fastifyRateLimit, { global: false });
    const fastify = app.getHttpAdapter().getInstance();
    return new ScimLimit(
      fastify.createRateLimit({
        max: requestsPerSecond * windowSeconds,
        timeWindow: windowSeconds * 1_000,
        keyGenerator: (request) => callerOf(request).tokenId,
      }),
    );
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    if (!isScim(request)) return true;
    const counted = await this.count(request);
    if (counted.isAllowed || !counted.isExceeded) return true;
    void http.getResponse<FastifyReply>().header('retry-after', String(counted.ttlInSeconds));
    throw new ScimError(
      429,
      undefined,
      'This token sends too many requests: wait as long as Retry-After says, in seconds.',
    );
  }
}
