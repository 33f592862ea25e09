import { GoogleCallError } from './errors.js';

/** What an account known to work can be asked. */
export interface CanaryProbes {
  /** A fresh token of these scopes. */
  token(address: string, scopes: readonly string[]): Promise<unknown>;
  /** One harmless read that these scopes permit. */
  gmail(address: string, scopes: readonly string[]): Promise<unknown>;
  calendar(address: string, scopes: readonly string[]): Promise<unknown>;
}

const brokenForMs = 30_000;
const worksForMs = 2_000;

/**
 * An employee account known to have Gmail and Calendar. Google says the same words to an account that is too new and to a
 * service account that lacks a scope; the canary tells them apart. Asked once however many want to know, and not again
 * for 30 seconds after a refusal, 2 after a success.
 */
export class Canary {
  private readonly answers = new Map<string, Answer>();

  constructor(
    private readonly probes: CanaryProbes,
    private address: string | undefined,
  ) {}

  set(address: string): void {
    if (address !== this.address) this.answers.clear();
    this.address = address;
  }

  is(subject: string): boolean {
    return subject.toLowerCase() === this.address?.toLowerCase();
  }

  /** Whether it still gets a token of these scopes; undefined when no canary is known. */
  getsToken(scopes: readonly string[]): Promise<boolean> | undefined {
    return this.ask(`token ${scopes.join(' ')}`, (address) => this.probes.token(address, scopes));
  }

  /** Whether the API still answers it under these scopes; undefined when no canary is known. */
  reaches(api: 'gmail' | 'calendar', scopes: readonly string[]): Promise<boolean> | undefined {
    return this.ask(`${api} ${scopes.join(' ')}`, (address) => this.probes[api](address, scopes));
  }

  private ask(question: string, probe: (address: string) => Promise<unknown>): Promise<boolean> | undefined {
    if (this.address === undefined) return undefined;
    const known = this.answers.get(question);
    if (known !== undefined && performance.now() < known.until) return known.works;
    const answer = new Answer(probe(this.address));
    this.answers.set(question, answer);
    return answer.works;
  }
}

class Answer {
  readonly works: Promise<boolean>;
  /** On the clock of performance.now(). */
  until = Infinity;

  constructor(probe: Promise<unknown>) {
    this.works = this.told(probe);
  }

  private async told(probe: Promise<unknown>): Promise<boolean> {
    const works = await permitted(probe);
    this.until = performance.now() + (works ? worksForMs : brokenForMs);
    return works;
  }
}

/** Only a refusal of permission says no; an outage, a quota or a lost reply says nothing about scopes. */
async function permitted(probe: Promise<unknown>): Promise<boolean> {
  try {
    await probe;
    return true;
  } catch (error) {
    const { status, reason } = error instanceof GoogleCallError ? error : {};
    return !((status === 401 || status === 403) && reason !== 'quota_refused');
  }
}
