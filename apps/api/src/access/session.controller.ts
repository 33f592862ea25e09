import { Controller, Delete, Get, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { endSession, openSession, type Ledger } from '#libs/ledger';
import {
  Allow,
  bearerOf,
  callerOf,
  checkOrigin,
  hashSecret,
  ledgerToken,
  newSecret,
  Problem,
  roleSchema,
  sessionCookie,
  sessionSecretOf,
} from '#libs/platform';
import { Problems } from '../described.js';

const lifeSeconds = 12 * 60 * 60;

const callerSchema = z.object({ name: z.string(), role: roleSchema });

/** The dashboard's sign-in: a token in exchange for a cookie that no script can read. */
@ApiTags('access')
@Controller('v1/session')
export class SessionController {
  constructor(@Inject(ledgerToken) private readonly ledger: Ledger) {}

  @Post()
  @HttpCode(200)
  @Allow('viewer')
  @ApiOperation({ summary: 'Exchanges a bearer token for a session cookie' })
  @ApiResponse({ status: 200, standardSchema: callerSchema })
  @Problems('foreign-origin')
  async open(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    if (bearerOf(request) === undefined) throw new Problem('not-signed-in', 'A session is opened with a token.');
    // A browser always says where the page came from; a program may leave it out.
    if (request.headers.origin !== undefined) checkOrigin(request);
    const caller = callerOf(request);
    const secret = newSecret();
    await openSession(this.ledger.db, { tokenId: caller.tokenId, secretHash: hashSecret(secret), lifeSeconds });
    void reply.setCookie(sessionCookie, secret, { ...cookieOptions(request), maxAge: lifeSeconds });
    return { name: caller.name, role: caller.role };
  }

  @Get()
  @Allow('viewer', 'feed')
  @ApiOperation({ summary: 'Says who is signed in' })
  @ApiResponse({ status: 200, standardSchema: callerSchema })
  who(@Req() request: FastifyRequest) {
    const { name, role } = callerOf(request);
    return { name, role };
  }

  @Delete()
  @HttpCode(204)
  @Allow('viewer')
  @ApiOperation({ summary: 'Ends the session' })
  @ApiResponse({ status: 204 })
  async end(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<void> {
    const secret = sessionSecretOf(request);
    if (secret !== undefined) await endSession(this.ledger.db, hashSecret(secret));
    void reply.clearCookie(sessionCookie, cookieOptions(request));
  }
}

function cookieOptions(request: FastifyRequest) {
  // Behind a proxy that speaks TLS only the page's own address tells that the browser's side is encrypted.
  const secure = request.headers.origin?.startsWith('https:') === true;
  return { path: '/', httpOnly: true, sameSite: 'strict', secure } as const;
}
