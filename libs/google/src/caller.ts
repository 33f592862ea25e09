import { createHash } from 'node:crypto';
import { GaxiosError } from 'gaxios';
import type { Agent } from 'undici';
import { failures, type FailureReason } from '#libs/vocabulary';
import { Canary, type CanaryProbes } from './canary.js';
import { classify, quotaHint, readRefusal, type Meaning } from './classify.js';
import type { ServiceAccountKey } from './credentials.js';
import { GoogleCallError, LeaseTooShortError } from './errors.js';
import { openConnections, retryAfter, withoutReply } from './http.js';
import { isRead, type Method } from './methods.js';
import { Permits, type Permit, type QuotaPermits } from './permits.js';
import { scopesOf } from './scopes.js';
import { TokenSource } from './tokens.js';
import { TrackRecord } from './track-record.js';
import { transportOver } from './transport.js';

/** What every call carries. */
export interface CallContext {
  /** The permit needs this migration's gate open. */
  readonly migrationId?: string | undefined;
  /** Ends waiting for a permit. A call that has left ends by its own time-out. */
  readonly signal?: AbortSignal | undefined;
  /** On the clock of performance.now(): a call leaves only if the lease outlives its hard time-out. */
  readonly leaseUntil?: number | undefined;
  /** Scopes of the employee's own token: those that the blueprint uses. Absent: all that Bascule can use. */
  readonly employeeScopes?: readonly string[] | undefined;
  /** This admin subject and no other, where an admin's token is used. */
  readonly admin?: string | undefined;
}

export interface CallerOptions {
  /** Another server that speaks Google's APIs; an origin without a path. */
  readonly apiRoot?: string | undefined;
  readonly credentials: ServiceAccountKey;
  /** Admin subjects to impersonate, at least one; the load is spread over them. */
  readonly admins: readonly string[];
  readonly permits: QuotaPermits;
  readonly callTimeoutMs: number;
  readonly connections?: number;
  /** An account known to have Gmail and Calendar. */
  readonly canary?: string | undefined;
  /** After every call: its method, HTTP status (absent: no reply) and time from sending to reply, in milliseconds. */
  readonly onCall?:
    | ((call: {
        method: Method;
        status: number | undefined;
        durationMs: number;
        migrationId: string | undefined;
      }) => void)
    | undefined;
}

/** What the client library takes with each call. */
export interface RequestOptions {
  readonly headers: Record<string, string>;
}

/** One call: its method, and whose token it needs. */
export interface CallSpec {
  readonly method: Method;
  /** The employee whose token is used; absent: an admin's. */
  readonly employee?: string;
  /** The e-mail domain on which an account is created. */
  readonly domain?: string;
}

/** An opaque key of a subject: for quota buckets and Google's `quotaUser` (at most 40 characters), never the address. */
export function subjectKey(subject: string): string {
  return createHash('sha256').update(subject.toLowerCase()).digest('base64url').slice(0, 22);
}

interface Prepared {
  readonly permit: Permit;
  readonly subject: string;
  readonly scopes: readonly string[];
  readonly token: string;
}

const tokensKept = 20_000;

/**
 * The one way out: a permit, a token, the lease's check, one request, and a refusal put in our own words. Nothing is
 * repeated here but a call whose token was refused as expired, once.
 */
export class Caller {
  readonly tokens: TokenSource;
  /** Options for the client library's constructors: our transport, none of its retries, Google's root or another. */
  readonly clientOptions;
  readonly canary: Canary;
  private readonly dispatcher: Agent;
  private readonly permits: Permits;
  private readonly admins: ReadonlyMap<string, string>;
  private readonly record = new TrackRecord();

  constructor(
    private readonly options: CallerOptions,
    probes: Omit<CanaryProbes, 'token'>,
  ) {
    if (options.admins.length === 0) throw new Error('no admin subject is named');
    this.dispatcher = openConnections(options.connections ?? 256, options.callTimeoutMs);
    const adapter = transportOver(this.dispatcher, options.callTimeoutMs);
    const { apiRoot } = options;
    this.clientOptions = { retry: false, adapter, ...(apiRoot !== undefined && { rootUrl: apiRoot }) };
    this.permits = new Permits(options.permits);
    this.admins = new Map(options.admins.map((admin) => [subjectKey(admin), admin]));
    this.tokens = new TokenSource({
      key: options.credentials,
      dispatcher: this.dispatcher,
      timeoutMs: options.callTimeoutMs,
      cacheSizeMax: tokensKept,
      permits: this.permits,
      onCall: (call) => options.onCall?.({ method: 'token.mint', migrationId: undefined, ...call }),
    });
    const token = (subject: string, scopes: readonly string[]) => {
      this.tokens.forget({ subject, scopes });
      return this.tokens.get({ subject, scopes });
    };
    this.canary = new Canary({ ...probes, token }, options.canary);
  }

  /** @throws GoogleCallError, LeaseTooShortError, or what waiting for a permit ended with (GateClosedError, the signal's). */
  async call<T>(
    context: CallContext,
    spec: CallSpec,
    request: (options: RequestOptions, quotaUser: string) => Promise<{ data: T }>,
  ): Promise<T> {
    for (let triedAgain = false; ; triedAgain = true) {
      const prepared = await this.prepare(context, spec);
      const { subject, scopes, token } = prepared;
      const sentAt = performance.now();
      try {
        const { data } = await request({ headers: { authorization: `Bearer ${token}` } }, subjectKey(subject));
        this.note(context, spec.method, 200, sentAt);
        if (typeof data === 'string' && data !== '') throw notJson(spec.method);
        this.record.succeeded(sameCall(spec, subject));
        return data;
      } catch (error) {
        if (error instanceof GoogleCallError) throw error;
        const failure = await this.inOurWords(context, spec, prepared, sentAt, error);
        if (failure.reason !== 'token_expired' || triedAgain) throw failure;
        this.tokens.forget({ subject, scopes }, token);
      }
    }
  }

  async close(): Promise<void> {
    await this.dispatcher.close();
  }

  private async prepare(context: CallContext, spec: CallSpec): Promise<Prepared> {
    const scopes = scopesOf(spec.method, context.employeeScopes);
    const named = spec.employee ?? context.admin;
    for (;;) {
      // The token first: minting may take long, and a permit is void soon.
      const early = named === undefined ? undefined : await this.tokenFor(context, spec, named, scopes);
      const permit = await this.permit(context, spec);
      const subject = named ?? this.admins.get(permit.adminSubject ?? '') ?? this.options.admins[0] ?? '';
      const token = early ?? (await this.tokenFor(context, spec, subject, scopes));
      if (performance.now() > permit.expiresAt) continue;
      if (context.leaseUntil !== undefined && context.leaseUntil - performance.now() <= this.options.callTimeoutMs) {
        throw new LeaseTooShortError(spec.method);
      }
      return { permit, subject, scopes, token };
    }
  }

  private permit(context: CallContext, { method, employee, domain }: CallSpec): Promise<Permit> {
    const admins = context.admin === undefined ? [...this.admins.keys()] : [subjectKey(context.admin)];
    return this.permits.acquire({
      method,
      migrationId: context.migrationId,
      signal: context.signal,
      ...(employee === undefined ? { adminSubjects: admins } : { userKey: subjectKey(employee) }),
      ...(domain !== undefined && { domain }),
    });
  }

  private async tokenFor(
    context: CallContext,
    { employee }: CallSpec,
    subject: string,
    scopes: readonly string[],
  ): Promise<string> {
    const { migrationId, signal } = context;
    try {
      return await this.tokens.get({ subject, scopes, migrationId, signal });
    } catch (error) {
      if (!(error instanceof GoogleCallError)) throw error;
      const { method, status, googleReason, retryAfterMs } = error;
      const because = (reason: FailureReason) =>
        new GoogleCallError({ method, reason, status, effect: 'none', googleReason, retryAfterMs });
      if (employee === undefined) {
        // Admins are not new: what would be one employee's trouble stops everything when it is theirs.
        const oneAccount = ['wait', 'employee'].includes(failures[error.reason].kind);
        throw oneAccount ? because('admin_privilege_missing') : error;
      }
      if (googleReason !== 'access_denied' || error.reason !== 'scope_not_delegated') throw error;
      if (this.canary.is(employee) || (await this.canary.getsToken(scopes)) === false) throw error;
      throw because('token_not_ready');
    }
  }

  private note(context: CallContext, method: Method, status: number | undefined, sentAt: number): void {
    const { migrationId } = context;
    this.options.onCall?.({ method, status, durationMs: performance.now() - sentAt, migrationId });
  }

  /** The client library's error holds the URL and the body: it ends here. */
  private async inOurWords(
    context: CallContext,
    spec: CallSpec,
    prepared: Prepared,
    sentAt: number,
    error: unknown,
  ): Promise<GoogleCallError> {
    const { method } = spec;
    const ifSent = isRead(method) ? 'none' : 'unknown';
    if (!(error instanceof GaxiosError))
      return new GoogleCallError({ method, reason: 'internal_fault', effect: ifSent });
    const { response } = error;
    if (response === undefined) {
      this.note(context, method, undefined, sentAt);
      const { reason, sent } = withoutReply(error.cause);
      return new GoogleCallError({ method, reason, effect: sent ? ifSent : 'none' });
    }
    const { status } = response;
    this.note(context, method, status, sentAt);
    const refusal = readRefusal(status, response.data);
    const reason = await this.whoIsHit(spec, prepared, classify(method, refusal));
    const retryAfterMs = retryAfter(response.headers.get('retry-after'), refusal.message);
    if (reason === 'quota_refused' || reason === 'daily_quota_used_up') {
      this.permits.reportThrottled(prepared.permit, quotaHint(refusal, retryAfterMs));
    }
    const effect = mayHaveHappened.has(reason) ? ifSent : 'none';
    return new GoogleCallError({ method, reason, status, effect, retryAfterMs, googleReason: refusal.reason });
  }

  /** Google forbids one account and a whole company in the same words. */
  private async whoIsHit(
    spec: CallSpec,
    { scopes, subject }: Prepared,
    { means, alone }: Meaning,
  ): Promise<FailureReason> {
    if (alone === undefined) return means;
    const { method, employee } = spec;
    if (employee !== undefined) {
      if (this.canary.is(employee)) return means;
      const reaches = await this.canary.reaches(method.startsWith('gmail.') ? 'gmail' : 'calendar', scopes);
      if (reaches !== undefined) return reaches ? alone : means;
    }
    return this.record.refusedAlone(sameCall(spec, subject)) ? alone : means;
  }
}

/** Calls that the same cause would refuse: an employee's own, or those of one admin. */
const sameCall = ({ method, employee }: CallSpec, subject: string) =>
  employee === undefined ? `${method} ${subject}` : method;

const mayHaveHappened: ReadonlySet<FailureReason> = new Set([
  'google_unavailable',
  'reply_lost',
  'conflicting_request',
  'wrong_endpoint',
  'internal_fault',
]);

/** A page where JSON was promised: a proxy or a wrong root answered, and an empty listing must not be read out of it. */
const notJson = (method: Method) =>
  new GoogleCallError({
    method,
    reason: 'wrong_endpoint',
    status: 200,
    effect: isRead(method) ? 'none' : 'unknown',
  });
