import { z } from 'zod';
import type { FailureReason } from '#libs/vocabulary';

/** A reply that is not a success, as far as it can be told. */
export interface Refusal {
  readonly status: number;
  /** `errors[0].reason`, in Google's words. */
  readonly reason: string;
  /** `details[0].reason`. */
  readonly detail: string;
  readonly message: string;
  /** Which quota refused, and its size, where Google says so. */
  readonly quotaLimit: string | undefined;
}

const classicSchema = z.object({
  error: z.object({
    message: z.string().default(''),
    errors: z.array(z.object({ reason: z.string().optional() })).optional(),
    details: z
      .array(z.object({ reason: z.string().optional(), metadata: z.record(z.string(), z.string()).optional() }))
      .optional(),
  }),
});
const oauthSchema = z.object({ error: z.string(), error_description: z.string().default('') });

/** Reads an error body of any of Google's four shapes: classic, with details, OAuth, or text and HTML. */
export function readRefusal(status: number, body: unknown): Refusal {
  const classic = classicSchema.safeParse(body);
  if (classic.success) {
    const { error } = classic.data;
    const detail = error.details?.find(({ reason }) => reason !== undefined);
    return {
      status,
      reason: error.errors?.[0]?.reason ?? '',
      detail: detail?.reason ?? '',
      message: error.message,
      quotaLimit: detail?.metadata?.['quota_limit'],
    };
  }
  const oauth = oauthSchema.safeParse(body);
  if (oauth.success) {
    return {
      status,
      reason: oauth.data.error,
      detail: 'oauth',
      message: oauth.data.error_description,
      quotaLimit: undefined,
    };
  }
  return { status, reason: '', detail: 'text', message: typeof body === 'string' ? body : '', quotaLimit: undefined };
}

interface Rule {
  /** Prefix of the method's name; absent: any. */
  readonly method?: string;
  readonly status?: number | readonly number[];
  readonly reason?: string;
  readonly message?: RegExp;
  readonly means: FailureReason;
}

/**
 * Google's refusals, in the order in which they are tried; the first that fits decides. Sources: the Directory, Licensing,
 * Gmail and Calendar error guides, and wordings seen in the field.
 */
export const refusals: readonly Rule[] = [
  // The token endpoint.
  { method: 'token.', reason: 'access_denied', means: 'token_not_ready' },
  { method: 'token.', reason: 'unauthorized_client', means: 'scope_not_delegated' },
  { method: 'token.', reason: 'invalid_scope', means: 'scope_not_delegated' },
  {
    method: 'token.',
    reason: 'invalid_grant',
    message: /Invalid email|not a valid email|deleted/i,
    means: 'token_not_ready',
  },
  { method: 'token.', reason: 'invalid_request', message: /prn|sub/i, means: 'token_not_ready' },
  { method: 'token.', status: [400, 401], means: 'credentials_refused' },

  // Quota, wherever it is said.
  { reason: 'dailyLimitExceeded', means: 'daily_quota_used_up' },
  { method: 'calendar.', reason: 'quotaExceeded', message: /usage limits/i, means: 'calendar_usage_limited' },
  { status: 429, means: 'quota_refused' },
  { status: 403, reason: 'userRateLimitExceeded', means: 'quota_refused' },
  { status: 403, reason: 'rateLimitExceeded', means: 'quota_refused' },
  { status: 403, reason: 'quotaExceeded', means: 'quota_refused' },
  { status: [403, 503], message: /quota exceeded|request rate higher/i, means: 'quota_refused' },

  // Not ready yet.
  { status: 412, message: /user creation is not complete/i, means: 'account_incomplete' },
  { method: 'gmail.', reason: 'failedPrecondition', means: 'mailbox_not_ready' },
  { method: 'calendar.', reason: 'notACalendarUser', means: 'calendar_not_ready' },
  { method: 'directory.users', status: 400, message: /INVALID_OU_ID/i, means: 'org_unit_not_visible' },
  { method: 'directory.members', status: [400, 404], message: /memberKey/i, means: 'account_not_visible' },
  { method: 'directory.members', status: 404, message: /groupKey/i, means: 'group_missing' },
  { method: 'licensing.', status: 400, message: /userId/i, means: 'account_not_visible' },
  { method: 'directory.', status: 404, means: 'account_not_visible' },
  { method: 'calendar.', status: 404, means: 'calendar_not_found' },

  // Everyone.
  { reason: 'accessNotConfigured', means: 'api_disabled' },
  { message: /has not been used in project|it is disabled/i, means: 'api_disabled' },
  { reason: 'domainCannotUseApis', means: 'google_domain_closed' },
  { reason: 'domainPolicy', means: 'google_domain_closed' },
  { reason: 'insufficientPermissions', means: 'scope_not_delegated' },
  { status: 412, message: /domain user limit/i, means: 'seats_used_up' },
  { method: 'licensing.', status: 412, message: /aren't enough available licenses/i, means: 'licences_used_up' },
  { method: 'licensing.', status: 412, message: /different sku/i, means: 'licence_conflict' },
  { method: 'licensing.', status: 412, message: /already has a license/i, means: 'licence_not_visible' },
  { method: 'licensing.', status: [400, 412], means: 'licensing_misconfigured' },

  // This employee.
  { status: 412, message: /cyclic/i, means: 'cyclic_membership' },
  { method: 'directory.aliases', status: 412, means: 'alias_limit' },
  { status: 412, reason: 'adminCannotUnsuspend', means: 'suspended_by_google' },
  { method: 'gmail.', status: 400, message: /signature exceeds/i, means: 'signature_too_long' },
  { status: 409, means: 'conflicting_request' },
  { status: 412, means: 'conflicting_request' },
  { status: 400, means: 'invalid_field' },
  { status: 401, means: 'token_expired' },
  { method: 'gmail.', status: 403, means: 'forbidden_for_account' },
  { method: 'calendar.', status: 403, means: 'forbidden_for_account' },
  { status: 403, means: 'admin_privilege_missing' },
  { status: 404, means: 'wrong_endpoint' },
];

/** The one table's answer. Server errors are retried; what is unknown is a row of its own, with an alarm. */
export function classify(method: string, refusal: Refusal): FailureReason {
  const rule = refusals.find((candidate) => fits(candidate, method, refusal));
  if (rule !== undefined) return rule.means;
  return refusal.status >= 500 || refusal.status === 408 ? 'google_unavailable' : 'unknown_refusal';
}

function fits(rule: Rule, method: string, refusal: Refusal): boolean {
  if (rule.method !== undefined && !method.startsWith(rule.method)) return false;
  if (rule.status !== undefined && ![rule.status].flat().includes(refusal.status)) return false;
  if (rule.reason !== undefined && rule.reason !== refusal.reason) return false;
  return rule.message === undefined || rule.message.test(refusal.message);
}
