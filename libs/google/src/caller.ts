import { createHash } from 'node:crypto';
import { GaxiosError } from 'gaxios';
import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/index.js';
import type { Agent } from 'undici';
import type { Permit, QuotaGovernor } from '#libs/quota';
import type { FailureReason } from '#libs/vocabulary';
import { classify, readRefusal } from './classify.js';
import type { ServiceAccountKey } from './credentials.js';
import { GoogleCallError, LeaseTooShortError } from './errors.js';
import { neverSent, openConnections, send } from './http.js';
import { TokenSource } from './tokens.js';

/** The client library's own types of a transport; every API of it has the same. */
type Adapter = NonNullable<gmail_v1.Options['adapter']>;
type Prepared = Parameters<Adapter>[0];
type Reply = Awaited<ReturnType<Adapter>>;

/** What every call carries. */
export interface CallContext {
  /** The permit needs this migration's gate open. */
  readonly migrationId?: string | undefined;
  /** Ends waiting for a permit. A call that has left ends by its own time-out. */
  readonly signal?: AbortSignal | undefined;
  /** On the clock of performance.now(): a call leaves only if the lease outlives its hard time-out. */
  readonly leaseUntil?: number | undefined;
}

export type Permits = Pick<QuotaGovernor, 'acquire' | 'reportThrottled'>;

export interface CallerOptions {
  readonly apiRoot?: string | undefined;
  readonly credentials: ServiceAccountKey;
  /** Admin subjects to impersonate; the load is spread over them. */
  readonly admins: readonly string[];
  readonly permits: Permits;
  readonly callTimeoutMs: number;
  readonly connections?: number;
  /** An account known to have Gmail and Calendar. */
  readonly canary?: string | undefined;
  /** After every call: its method and HTTP status (absent: no reply). */
  readonly onCall?:
    ((call: { method: string; status: number | undefined; migrationId: string | undefined }) => void) | undefined;
}

/** What the client library takes with each call. */
export interface RequestOptions {
  readonly headers: Record<string, string>;
}

/** Whether repeating the call has the same effect, so that a lost reply needs no read. */
type Safety = 'read' | 'convergent' | 'once';

export interface CallSpec {
  readonly method: string;
  readonly safety: Safety;
  /** The employee whose token is used; absent: an admin's. */
  readonly employee?: string;
  readonly admin?: string;
  readonly scopes: readonly string[];
  readonly domain?: string;
}

/** An opaque key of a subject: for quota buckets and Google's `quotaUser` (at most 40 characters), never the address. */
export function subjectKey(subject: string): string {
  return createHash('sha256').update(subject.toLowerCase()).digest('base64url').slice(0, 22);
}

const canaryMemoryMs = 30_000;
const tokensKept = 20_000;

/**
 * The one way out: a permit, a token, the lease's check, one request, and a refusal put in our own words. Nothing is
 * repeated here but a call whose token was refused as expired, once.
 */
export class Caller {
  readonly tokens: TokenSource;
  private readonly dispatcher: Agent;
  private readonly admins: ReadonlyMap<string, string>;
  private canary: string | undefined;
  private canaryWorks: { at: number; works: Promise<boolean> } | undefined;

  constructor(private readonly options: CallerOptions) {
    this.dispatcher = openConnections(options.connections ?? 256, options.callTimeoutMs);
    this.admins = new Map(options.admins.map((admin) => [subjectKey(admin), admin]));
    this.canary = options.canary;
    this.tokens = new TokenSource({
      key: options.credentials,
      dispatcher: this.dispatcher,
      timeoutMs: options.callTimeoutMs,
      cacheSizeMax: tokensKept,
      permit: async ({ migrationId, signal }) => {
        await options.permits.acquire({ method: 'token.mint', migrationId, signal });
      },
      onCall: (status) => options.onCall?.({ method: 'token.mint', status, migrationId: undefined }),
    });
  }

  setCanary(address: string): void {
    this.canary = address;
  }

  /** Options for the client library's constructors: our transport, none of its retries, Google's root or another. */
  get clientOptions() {
    const { apiRoot } = this.options;
    const adapter: Adapter = <T>(prepared: Prepared) => this.transport<T>(prepared);
    return { retry: false, adapter, ...(apiRoot !== undefined && { rootUrl: apiRoot }) };
  }

  async call<T>(
    context: CallContext,
    spec: CallSpec,
    request: (options: RequestOptions, quotaUser: string) => Promise<{ data: T }>,
  ): Promise<T> {
    for (let triedAgain = false; ; triedAgain = true) {
      const { permit, subject, token } = await this.prepare(context, spec);
      try {
        const reply = await request({ headers: { authorization: `Bearer ${token}` } }, subjectKey(subject));
        this.note(context, spec.method, 200);
        return reply.data;
      } catch (error) {
        const failure = await this.inOurWords(context, spec, permit, error);
        if (failure.reason !== 'token_expired' || triedAgain) throw failure;
        this.tokens.forget({ subject, scopes: spec.scopes });
      }
    }
  }

  async close(): Promise<void> {
    await this.dispatcher.close();
  }

  private async prepare(context: CallContext, spec: CallSpec) {
    for (;;) {
      const employee = spec.employee ?? spec.admin;
      // The token first: minting may take long, and a permit is void soon.
      const early = employee === undefined ? undefined : await this.tokenFor(context, spec, employee);
      const permit = await this.permit(context, spec);
      const subject = employee ?? this.admins.get(permit.adminSubject ?? '') ?? this.options.admins[0] ?? '';
      const token = early ?? (await this.tokenFor(context, spec, subject));
      if (performance.now() > permit.expiresAt) continue;
      if (context.leaseUntil !== undefined && context.leaseUntil - performance.now() < this.options.callTimeoutMs) {
        throw new LeaseTooShortError(spec.method);
      }
      return { permit, subject, token };
    }
  }

  private permit(context: CallContext, spec: CallSpec): Promise<Permit> {
    const subject = spec.employee ?? spec.admin;
    return this.options.permits.acquire({
      method: spec.method,
      migrationId: context.migrationId,
      signal: context.signal,
      ...(subject === undefined ? { adminSubjects: [...this.admins.keys()] } : { userKey: subjectKey(subject) }),
      ...(spec.domain !== undefined && { domain: spec.domain }),
    });
  }

  private async tokenFor(context: CallContext, spec: CallSpec, subject: string): Promise<string> {
    const { migrationId, signal } = context;
    try {
      return await this.tokens.get({ subject, scopes: spec.scopes, migrationId, signal });
    } catch (error) {
      if (!(error instanceof GoogleCallError) || error.googleReason !== 'access_denied') throw error;
      // The same words mean a new account and a missing scope: an account known to work tells them apart.
      const everyone = spec.employee === undefined || (await this.canaryFails(spec.scopes));
      if (!everyone) throw error;
      throw new GoogleCallError({
        method: 'token.mint',
        reason: 'scope_not_delegated',
        status: error.status,
        effect: 'none',
      });
    }
  }

  private async canaryFails(scopes: readonly string[]): Promise<boolean> {
    const { canary } = this;
    if (canary === undefined) return false;
    const now = performance.now();
    if (this.canaryWorks === undefined || now - this.canaryWorks.at > canaryMemoryMs) {
      this.tokens.forget({ subject: canary, scopes });
      const works = this.tokens.get({ subject: canary, scopes }).then(
        () => true,
        (error: unknown) => !(error instanceof GoogleCallError && error.googleReason === 'access_denied'),
      );
      this.canaryWorks = { at: now, works };
    }
    return !(await this.canaryWorks.works);
  }

  private note(context: CallContext, method: string, status: number | undefined): void {
    this.options.onCall?.({ method, status, migrationId: context.migrationId });
  }

  /** The client library's error holds the URL and the body: it ends here. */
  private async inOurWords(
    context: CallContext,
    spec: CallSpec,
    permit: Permit,
    error: unknown,
  ): Promise<GoogleCallError> {
    const { method, safety } = spec;
    if (!(error instanceof GaxiosError)) throw error;
    const { response } = error;
    if (response === undefined) {
      this.note(context, method, undefined);
      const unsent = neverSent(error.cause);
      const effect = unsent || safety === 'read' ? 'none' : 'unknown';
      return new GoogleCallError({ method, reason: unsent ? 'google_unavailable' : 'reply_lost', effect });
    }
    this.note(context, method, response.status);
    const refusal = readRefusal(response.status, response.data);
    const reason = classify(method, refusal);
    const retryAfterMs = retryAfter(response.headers.get('retry-after'));
    if (reason === 'quota_refused') {
      await this.options.permits.reportThrottled(permit, {
        ...(refusal.quotaLimit !== undefined && { quotaLimit: refusal.quotaLimit }),
      });
    }
    const effect = safety !== 'read' && mayHaveHappened(reason) ? 'unknown' : 'none';
    const googleReason = refusal.detail === 'text' ? undefined : refusal.reason;
    return new GoogleCallError({ method, reason, status: response.status, effect, retryAfterMs, googleReason });
  }

  private async transport<T>(prepared: Prepared): Promise<Reply & { data: T }> {
    const headers: Record<string, string> = {};
    prepared.headers.forEach((value, name) => {
      if (name !== 'accept-encoding') headers[name] = value;
    });
    const { body } = prepared;
    const reply = await send(this.dispatcher, {
      url: String(prepared.url),
      method: prepared.method ?? 'GET',
      headers,
      ...(typeof body === 'string' && { body }),
      timeoutMs: this.options.callTimeoutMs,
    });
    return asResponse<T>({ ...reply, config: prepared, ok: reply.status < 300, statusText: '', bodyUsed: true });
  }
}

/**
 * The client library looks at status, headers, data and (for errors) bodyUsed only; building a whole fetch Response costs more than the call.
 */
function asResponse<T>(response: object): Reply & { data: T } {
  if (!isResponse<T>(response)) throw new Error('not a reply');
  return response;
}

const isResponse = <T>(value: object): value is Reply & { data: T } =>
  'status' in value && 'headers' in value && 'data' in value;

const mayHaveHappened = (reason: FailureReason) =>
  reason === 'google_unavailable' || reason === 'reply_lost' || reason === 'conflicting_request';

function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return seconds * 1_000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}
