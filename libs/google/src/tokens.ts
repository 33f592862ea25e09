import { sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import { classify, readRefusal } from './classify.js';
import type { ServiceAccountKey } from './credentials.js';
import { GoogleCallError } from './errors.js';
import { neverSent, send } from './http.js';

const signAsync = promisify(sign);

const replySchema = z.object({ access_token: z.string().min(1), expires_in: z.number().default(3_600) });

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token is not used in its last minute. */
const marginMs = 60_000;
const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

interface Token {
  readonly value: string;
  readonly until: number;
}

/**
 * Access tokens by domain-wide delegation, one a subject and scope set: signed off the event loop, minted once however
 * many ask at the same time, kept in a bounded cache. The key file's `token_uri` is honoured, which the client library
 * does not do.
 * Source: https://developers.google.com/identity/protocols/oauth2/service-account
 */
export class TokenSource {
  private readonly tokens = new Map<string, Promise<Token>>();

  constructor(
    private readonly options: {
      key: ServiceAccountKey;
      dispatcher: Dispatcher;
      timeoutMs: number;
      cacheSizeMax: number;
      /** Resolves when one call to the token endpoint may leave. */
      permit: (request: TokenRequest) => Promise<void>;
      onCall: (status: number | undefined) => void;
    },
  ) {}

  async get(request: TokenRequest): Promise<string> {
    const id = `${request.subject} ${request.scopes.join(' ')}`;
    const cached = this.tokens.get(id);
    if (cached !== undefined) {
      const token = await cached;
      if (token.until > performance.now()) return token.value;
      this.tokens.delete(id);
    }
    const minting = this.tokens.get(id) ?? this.mint(request);
    this.tokens.set(id, minting);
    this.evict();
    try {
      return (await minting).value;
    } catch (error) {
      if (this.tokens.get(id) === minting) this.tokens.delete(id);
      throw error;
    }
  }

  /** Drops a token that an API refused. */
  forget(request: TokenRequest): void {
    this.tokens.delete(`${request.subject} ${request.scopes.join(' ')}`);
  }

  private evict(): void {
    while (this.tokens.size > this.options.cacheSizeMax) {
      const [oldest] = this.tokens.keys();
      if (oldest === undefined) return;
      this.tokens.delete(oldest);
    }
  }

  private async mint(request: TokenRequest): Promise<Token> {
    await this.options.permit(request);
    const body = new URLSearchParams({ grant_type: grantType, assertion: await this.assertion(request) }).toString();
    const sentAt = performance.now();
    const reply = await this.post(body);
    this.options.onCall(reply.status);
    if (reply.status !== 200) {
      const refusal = readRefusal(reply.status, reply.data);
      throw new GoogleCallError({
        method: 'token.mint',
        reason: classify('token.mint', refusal),
        status: reply.status,
        effect: 'none',
        googleReason: refusal.reason,
      });
    }
    const parsed = replySchema.safeParse(reply.data);
    if (!parsed.success) {
      throw new GoogleCallError({ method: 'token.mint', reason: 'wrong_endpoint', status: 200, effect: 'none' });
    }
    return { value: parsed.data.access_token, until: sentAt + parsed.data.expires_in * 1_000 - marginMs };
  }

  private async post(body: string) {
    try {
      return await send(this.options.dispatcher, {
        url: this.options.key.tokenUri,
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body,
        timeoutMs: this.options.timeoutMs,
      });
    } catch (error) {
      this.options.onCall(undefined);
      const reason = neverSent(error) ? 'google_unavailable' : 'reply_lost';
      throw new GoogleCallError({ method: 'token.mint', reason, effect: 'none' });
    }
  }

  private async assertion({ subject, scopes }: TokenRequest): Promise<string> {
    const { key } = this.options;
    const now = Math.floor(Date.now() / 1_000);
    const header = { alg: 'RS256', typ: 'JWT', ...(key.keyId !== undefined && { kid: key.keyId }) };
    const claims = {
      iss: key.clientEmail,
      sub: subject,
      scope: scopes.join(' '),
      aud: key.tokenUri,
      iat: now,
      exp: now + 3_600,
    };
    const unsigned = `${base64url(header)}.${base64url(claims)}`;
    const signature = await signAsync('RSA-SHA256', Buffer.from(unsigned), key.privateKey);
    return `${unsigned}.${signature.toString('base64url')}`;
  }
}

export interface TokenRequest {
  readonly subject: string;
  readonly scopes: readonly string[];
  /** The migration for which the token is minted, and when to stop waiting for a permit. */
  readonly migrationId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}
