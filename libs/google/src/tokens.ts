import { sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import { classify, quotaHint, readRefusal } from './classify.js';
import type { ServiceAccountKey } from './credentials.js';
import { GoogleCallError } from './errors.js';
import { retryAfter, send, withoutReply, type HttpReply } from './http.js';
import type { Permit, Permits } from './permits.js';

const signAsync = promisify(sign);

const replySchema = z.object({ access_token: z.string().min(1), expires_in: z.number().default(3_600) });

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token is not used in its last minute. */
const marginMs = 60_000;
const method = 'token.mint';
const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

export interface TokenRequest {
  readonly subject: string;
  readonly scopes: readonly string[];
  /** The migration for which the token is minted, and when to stop waiting for a permit. */
  readonly migrationId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Token {
  readonly value: string;
  /** On the clock of performance.now(). */
  readonly until: number;
}

interface Entry {
  readonly minting: Promise<Token>;
  value?: string;
}

/**
 * Access tokens by domain-wide delegation, one a subject and scope set: signed off the event loop, minted once however
 * many ask at the same time, the least recently used dropped first. The key file's `token_uri` is honoured, which the
 * client library does not do.
 * Source: https://developers.google.com/identity/protocols/oauth2/service-account
 */
export class TokenSource {
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly options: {
      key: ServiceAccountKey;
      dispatcher: Dispatcher;
      timeoutMs: number;
      cacheSizeMax: number;
      permits: Permits;
      onCall: (call: { status: number | undefined; durationMs: number }) => void;
    },
  ) {}

  /** @throws GoogleCallError of `token.mint`, or what waiting for a permit ended with. */
  async get(request: TokenRequest): Promise<string> {
    const id = idOf(request);
    for (;;) {
      const present = this.entries.get(id);
      const entry = present ?? this.begin(id, request);
      try {
        const token = await entry.minting;
        if (present === undefined) return token.value;
        if (token.until > performance.now()) {
          this.touch(id, entry);
          return token.value;
        }
      } catch (error) {
        // A mint that ended because its first asker was paused or gave up says nothing about this one.
        const theirs = present !== undefined && !(error instanceof GoogleCallError);
        if (!theirs || request.signal?.aborted) throw error;
      }
      this.drop(id, entry);
    }
  }

  /** Drops a token that an API refused; one that was minted since stays. */
  forget(request: TokenRequest, value?: string): void {
    const id = idOf(request);
    const entry = this.entries.get(id);
    if (entry !== undefined && (value === undefined || entry.value === value)) this.entries.delete(id);
  }

  private begin(id: string, request: TokenRequest): Entry {
    const entry: Entry = { minting: this.mint(request) };
    this.entries.set(id, entry);
    entry.minting.then(
      ({ value }) => (entry.value = value),
      () => this.drop(id, entry),
    );
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= this.options.cacheSizeMax) break;
      this.entries.delete(oldest);
    }
    return entry;
  }

  private touch(id: string, entry: Entry): void {
    if (!this.drop(id, entry)) return;
    this.entries.set(id, entry);
  }

  private drop(id: string, entry: Entry): boolean {
    return this.entries.get(id) === entry && this.entries.delete(id);
  }

  private async mint(request: TokenRequest): Promise<Token> {
    const { migrationId, signal } = request;
    for (;;) {
      const permit = await this.options.permits.acquire({ method, migrationId, signal });
      const assertion = await this.assertion(request);
      if (performance.now() > permit.expiresAt) continue;
      const sentAt = performance.now();
      const reply = await this.post(new URLSearchParams({ grant_type: grantType, assertion }).toString(), sentAt);
      this.options.onCall({ status: reply.status, durationMs: performance.now() - sentAt });
      return this.read(reply, permit, sentAt);
    }
  }

  private read(reply: HttpReply, permit: Permit, sentAt: number): Token {
    const { status } = reply;
    if (status !== 200) {
      const refusal = readRefusal(status, reply.data);
      const { means } = classify(method, refusal);
      const retryAfterMs = retryAfter(reply.headers.get('retry-after'), refusal.message);
      if (means === 'quota_refused') this.options.permits.reportThrottled(permit, quotaHint(refusal, retryAfterMs));
      throw new GoogleCallError({
        method,
        reason: means,
        status,
        effect: 'none',
        retryAfterMs,
        googleReason: refusal.reason,
      });
    }
    const parsed = replySchema.safeParse(reply.data);
    if (!parsed.success) throw new GoogleCallError({ method, reason: 'wrong_endpoint', status, effect: 'none' });
    return { value: parsed.data.access_token, until: sentAt + parsed.data.expires_in * 1_000 - marginMs };
  }

  private async post(body: string, sentAt: number): Promise<HttpReply> {
    try {
      return await send(this.options.dispatcher, {
        url: this.options.key.tokenUri,
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body,
        timeoutMs: this.options.timeoutMs,
      });
    } catch (error) {
      this.options.onCall({ status: undefined, durationMs: performance.now() - sentAt });
      throw new GoogleCallError({ method, reason: withoutReply(error).reason, effect: 'none' });
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

const idOf = ({ subject, scopes }: TokenRequest) => `${subject.toLowerCase()} ${scopes.join(' ')}`;
