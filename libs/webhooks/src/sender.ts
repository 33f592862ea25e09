import { leaseMessages, noteAttempt, type Attempt, type LeasedMessage, type Ledger } from '#libs/ledger';
import { postOnce, type Answer } from './post.js';
import { standardSchedule, waitBeforeRetry } from './schedule.js';
import { signedHeaders } from './signing.js';
import type { TargetRule } from './targets.js';

/** Of one endpoint, by all processes together (two that look at the same moment may take a few more). */
const atOnce = 4;
/** A process that has neither noted nor lost its try by then is dead. */
const leaseMarginMs = 15_000;

interface SenderOptions {
  readonly rule: TargetRule;
  readonly schedule?: readonly number[];
  readonly timeoutMs?: number;
  /** Sees each try: its result, and what comes next. */
  readonly onAttempt?: (attempt: Attempt) => void;
}

/**
 * Sends what is due. Any number of processes may do so at once: a message is leased before it leaves. A process that dies
 * between sending and noting makes it come twice, with the same id.
 */
export class WebhookSender {
  private readonly schedule: readonly number[];
  private readonly timeoutMs: number;
  private readonly stop = new AbortController();

  constructor(
    private readonly ledger: Ledger,
    private readonly options: SenderOptions,
  ) {
    this.schedule = options.schedule ?? standardSchedule;
    this.timeoutMs = options.timeoutMs ?? 15_000;
  }

  /** Sends all that is due now, each once; ends with how many tries that were. */
  async sendDue(): Promise<number> {
    const leaseMs = this.timeoutMs + leaseMarginMs;
    const messages = await leaseMessages(this.ledger.db, { leaseMs, atOnce });
    await Promise.all(messages.map((message) => this.send(message)));
    return messages.length;
  }

  /** Waits for no answer any more: what is under way comes again when its lease has run out. */
  giveUp(): void {
    this.stop.abort();
  }

  private async send(message: LeasedMessage): Promise<void> {
    const headers = signedHeaders(message, new Date());
    const answer = await postOnce(
      message.url,
      { body: message.body, headers },
      { rule: this.options.rule, timeoutMs: this.timeoutMs, stop: this.stop.signal },
    );
    if ('trouble' in answer && answer.trouble === 'given_up') return;
    const attempt = this.judge(message, answer);
    await noteAttempt(this.ledger.db, attempt);
    this.options.onAttempt?.(attempt);
  }

  private judge({ id, attempt }: LeasedMessage, answer: Answer): Attempt {
    const tried = { id, attempt, result: 'trouble' in answer ? answer.trouble : String(answer.status) };
    if ('status' in answer && answer.status >= 200 && answer.status < 300) return { ...tried, end: { state: 'sent' } };
    if ('status' in answer && answer.status === 410) return { ...tried, end: { state: 'gone' } };
    const inMs = waitBeforeRetry(attempt, this.schedule, 'status' in answer ? answer.retryAfter : undefined);
    return { ...tried, end: inMs === undefined ? { state: 'dead' } : { state: 'again', inMs } };
  }
}
