import type { Api, ApiName } from './documents.js';
import { Draws } from './draws.js';
import type { Profile } from './profile.js';
import { Refusal, TokenRefusal } from './refusal.js';

export interface Fault {
  /** Answered instead of doing anything. */
  readonly before?: { status: number; body: string; type?: string };
  /** Done, and then the reply is lost, or says that it was there already. */
  readonly after?: 'cut' | 'conflict';
}

export type Storm = Profile['storms'][number];

const html = '<html><title>502 Bad Gateway</title><body>Bad Gateway</body></html>';
const error = (status: number, reason: string, message: string) => ({
  status,
  body: new Refusal(status, reason, message).body(),
});
const plain = (status: number, body: string) => ({ status, body, type: 'text/plain; charset=UTF-8' });
const down = error(503, 'backendError', 'The service is currently unavailable.');

/** Draws faults from one seed, so often in ten thousand calls as the profile says; outages and storms are switched on and off. */
export class Faults {
  readonly rates: Profile['faults'];
  latencyMs: readonly [number, number];
  /** APIs that are down; `token` is the token endpoint. */
  down: ReadonlySet<ApiName | 'token'> = new Set();
  private storms: readonly (Storm & { readonly until: number })[];
  private readonly draws: Draws;

  constructor(profile: Profile, seed: number) {
    this.rates = { ...profile.faults };
    this.latencyMs = profile.delays.latencyMs;
    this.storms = profile.storms.map((storm) => ({ ...storm, until: storm.from + storm.seconds }));
    this.draws = new Draws(seed);
  }

  /** A storm more, beginning `from` seconds after now (Google's time). */
  raise(storm: Storm, now: number): void {
    const from = now + storm.from;
    this.storms = [...this.storms.filter(({ until }) => until > now), { ...storm, from, until: from + storm.seconds }];
  }

  calm(): void {
    this.storms = [];
  }

  draw(api: Api | undefined, now: number): Fault | undefined {
    if (api !== undefined && this.down.has(api.name)) return { before: down };
    if (this.isThrottled(api, now)) return { before: this.throttling(api) };
    const { unavailable, internal, htmlBadGateway, throttled, tokenExpired, lostReply, lostReply409 } = this.rates;
    let point = this.draws.next() * 10_000;
    const falls = (rate: number) => {
      const hit = point >= 0 && point < rate;
      point -= rate;
      return hit;
    };
    if (falls(unavailable)) return { before: error(503, 'backendError', 'Service unavailable. Please try again') };
    if (falls(internal)) return { before: error(500, 'internalError', 'Internal Error') };
    if (falls(htmlBadGateway)) return { before: { status: 502, body: html, type: 'text/html' } };
    if (falls(throttled)) return { before: error(429, 'rateLimitExceeded', 'Too many requests') };
    if (falls(tokenExpired)) return { before: error(401, 'authError', 'Invalid Credentials') };
    if (falls(lostReply)) return { after: 'cut' };
    if (falls(lostReply409)) return { after: 'conflict' };
    return undefined;
  }

  /** Faults of the token endpoint. */
  drawToken(): Fault | undefined {
    const backend = { status: 503, body: new TokenRefusal(503, 'internal_failure', 'Backend Error').body() };
    if (this.down.has('token')) return { before: backend };
    const { tokenUnavailable, tokenLostReply } = this.rates;
    if (tokenUnavailable + tokenLostReply === 0) return undefined;
    const point = this.draws.next() * 10_000;
    if (point < tokenUnavailable) return { before: backend };
    return point < tokenUnavailable + tokenLostReply ? { after: 'cut' } : undefined;
  }

  /** Real milliseconds that the next call takes. */
  nextLatencyMs(): number {
    const [from, to] = this.latencyMs;
    return to === 0 ? 0 : from + this.draws.next() * (to - from);
  }

  private isThrottled(api: Api | undefined, now: number): boolean {
    return this.storms.some(
      (storm) =>
        now >= storm.from &&
        now < storm.until &&
        (storm.api === undefined || storm.api === api?.name) &&
        this.draws.next() < storm.share,
    );
  }

  /** The shapes that the field has seen, one as likely as the other. */
  private throttling(api: Api | undefined): NonNullable<Fault['before']> {
    const service = api?.service ?? 'googleapis.com';
    const details = { domain: 'usageLimits', quotaLimit: 'defaultPerMinutePerUser', quotaValue: 2_400, service };
    const words = `Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of service '${service}'`;
    const shapes = [
      () =>
        error(
          403,
          'userRateLimitExceeded',
          'User Rate Limit Exceeded. Rate of requests for user exceed configured project quota',
        ),
      () => ({ status: 403, body: new Refusal(403, 'rateLimitExceeded', words, details).body() }),
      () => ({ status: 429, body: new Refusal(429, 'rateLimitExceeded', words, details).body() }),
      () => error(429, 'rateLimitExceeded', 'Too many concurrent requests'),
      () => plain(403, 'Request rate higher than configured.'),
      () => plain(429, words),
      () => plain(503, 'Quota exceeded for the current request'),
    ];
    const shape = shapes[Math.floor(this.draws.next() * shapes.length)] ?? shapes[0];
    return shape?.() ?? down;
  }
}
