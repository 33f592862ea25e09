import { z } from 'zod';
import type { FailureReason } from '#libs/vocabulary';
import type { QuotaHint } from './permits.js';
import { refusals, type RefusalRule } from './refusals.js';

/** A reply that is not a success, as far as it can be told. Never leaves this library: the message may hold an address. */
export interface Refusal {
  readonly status: number;
  /** Google's JSON, the token endpoint's, or text and HTML. */
  readonly shape: 'google' | 'oauth' | 'text';
  /** `errors[0].reason`, or the token endpoint's `error`, in Google's words. */
  readonly reason: string;
  /** `details[].reason` of the newer shape. */
  readonly detail: string;
  readonly message: string;
  /** Which quota refused, and its size, where Google says so. */
  readonly quotaLimit: string | undefined;
  readonly limitValue: number | undefined;
}

const classicSchema = z.object({
  error: z.object({
    message: z.string().catch(''),
    errors: z
      .array(z.object({ reason: z.string().optional() }))
      .optional()
      .catch(undefined),
    details: z
      .array(z.object({ reason: z.string().optional(), metadata: z.record(z.string(), z.unknown()).optional() }))
      .optional()
      .catch(undefined),
  }),
});
const oauthSchema = z.object({ error: z.string(), error_description: z.string().catch('') });

/** A word of Google's vocabulary; anything else may be somebody's data. */
const wordOf = (text: string | undefined): string => (text !== undefined && /^[A-Za-z_]{1,64}$/.test(text) ? text : '');

/** Reads an error body of any of Google's four shapes: classic, with details, OAuth, or text and HTML. */
export function readRefusal(status: number, body: unknown): Refusal {
  const nothing = { status, reason: '', detail: '', message: '', quotaLimit: undefined, limitValue: undefined };
  const classic = classicSchema.safeParse(body);
  if (classic.success) {
    const { errors, details, message } = classic.data.error;
    const detail = details?.find(({ reason }) => reason !== undefined);
    const quotaLimit = detail?.metadata?.['quota_limit'];
    const limitValue = Number(detail?.metadata?.['quota_limit_value'] ?? Number.NaN);
    return {
      status,
      shape: 'google',
      reason: wordOf(errors?.[0]?.reason),
      detail: wordOf(detail?.reason),
      message,
      quotaLimit: typeof quotaLimit === 'string' && quotaLimit !== '' ? quotaLimit : undefined,
      limitValue: limitValue > 0 ? limitValue : undefined,
    };
  }
  const oauth = oauthSchema.safeParse(body);
  if (oauth.success) {
    return { ...nothing, shape: 'oauth', reason: wordOf(oauth.data.error), message: oauth.data.error_description };
  }
  return { ...nothing, shape: 'text', message: typeof body === 'string' ? body : '' };
}

/** What a refusal means, and what it means instead when the same call works for everybody else. */
export interface Meaning {
  readonly means: FailureReason;
  readonly alone?: FailureReason;
}

/** The one table's answer. Server errors are retried; what is unknown is a reason of its own. */
export function classify(method: string, refusal: Refusal): Meaning {
  const rule = refusals.find((candidate) => fits(candidate, method, refusal));
  if (rule !== undefined) return rule;
  return { means: refusal.status >= 500 ? 'google_unavailable' : 'unknown_refusal' };
}

function fits(rule: RefusalRule, method: string, refusal: Refusal): boolean {
  if (rule.method !== undefined && !method.startsWith(rule.method)) return false;
  if (rule.status !== undefined && !rule.status.includes(refusal.status)) return false;
  if (rule.shape !== undefined && rule.shape !== refusal.shape) return false;
  if (rule.reason !== undefined && !rule.reason.some((word) => word === refusal.reason || word === refusal.detail)) {
    return false;
  }
  return rule.message === undefined || rule.message.test(refusal.message);
}

/** What the governor is told of a quota's refusal. A limit of the person or admin must not slow everybody. */
export function quotaHint(refusal: Refusal, retryAfterMs?: number): QuotaHint {
  const { quotaLimit, limitValue, message, reason } = refusal;
  const perUser = reason === 'userRateLimitExceeded' || /per user|for user|user-rate/i.test(message);
  const limit = quotaLimit ?? (perUser ? 'perUser' : undefined);
  return {
    ...(limit !== undefined && { quotaLimit: limit }),
    ...(limitValue !== undefined && { limitValue }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(isDaily(refusal) && { daily: true }),
  };
}

const isDaily = ({ reason, quotaLimit, message }: Refusal) =>
  reason === 'dailyLimitExceeded' || /per ?day/i.test(quotaLimit ?? '') || /per day/i.test(message);
