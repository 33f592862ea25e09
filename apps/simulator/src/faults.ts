import type { Profile } from './profile.js';
import { Refusal } from './refusal.js';

export interface Fault {
  /** Answered instead of doing anything. */
  readonly before?: { status: number; body: string; type?: string };
  /** Done, and then the reply is lost, or says that it was there already. */
  readonly after?: 'cut' | 'conflict';
}

const html = '<html><title>502 Bad Gateway</title><body>Bad Gateway</body></html>';
const error = (status: number, reason: string, message: string) => ({
  status,
  body: new Refusal(status, reason, message).body(),
});

/** Draws faults from one seed, so often in ten thousand calls as the profile says; an outage or storm can be switched on. */
export class Faults {
  rates: Profile['faults'];
  outage = false;
  private state: number;

  constructor(
    private readonly profile: Profile,
    seed: number,
  ) {
    this.rates = { ...profile.faults };
    this.state = seed >>> 0;
  }

  draw(): Fault | undefined {
    if (this.outage) return { before: error(503, 'backendError', 'The service is currently unavailable.') };
    const { unavailable, internal, htmlBadGateway, throttled, tokenExpired, lostReply, lostReply409 } = this.rates;
    let point = this.next() * 10_000;
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

  latencyMs(): number {
    const [from, to] = this.profile.delays.latencyMs;
    return to === 0 ? 0 : from + this.next() * (to - from);
  }

  /** xorshift32: small, seeded, quick. */
  private next(): number {
    let x = this.state === 0 ? 2_463_534_242 : this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x >>> 0;
    return this.state / 2 ** 32;
  }
}
