import type { FailureReason } from '#libs/vocabulary';

export interface RefusalRule {
  /** Prefix of the method's name; absent: any. */
  readonly method?: string;
  readonly status?: readonly number[];
  readonly shape?: 'google' | 'oauth' | 'text';
  /** Any of these, as `errors[0].reason` or `details[].reason`. */
  readonly reason?: readonly string[];
  readonly message?: RegExp;
  readonly means: FailureReason;
  /** What it means when the same call lately worked for others: then it concerns this account alone. */
  readonly alone?: FailureReason;
}

const quotaWords = ['userRateLimitExceeded', 'rateLimitExceeded', 'quotaExceeded', 'RATE_LIMIT_EXCEEDED'];

const tokenEndpoint: readonly RefusalRule[] = [
  { method: 'token.', reason: ['access_denied'], message: /account restricted/i, means: 'forbidden_for_account' },
  { method: 'token.', reason: ['access_denied'], means: 'scope_not_delegated', alone: 'token_not_ready' },
  { method: 'token.', reason: ['unauthorized_client', 'invalid_scope'], means: 'scope_not_delegated' },
  { method: 'token.', reason: ['invalid_grant'], message: /deleted/i, means: 'account_missing' },
  { method: 'token.', reason: ['invalid_grant'], message: /email/i, means: 'token_not_ready' },
  { method: 'token.', reason: ['invalid_request'], message: /impersonation/i, means: 'token_not_ready' },
  { method: 'token.', reason: ['internal_failure'], means: 'google_unavailable' },
  { method: 'token.', status: [429], means: 'quota_refused' },
  { method: 'token.', status: [403], reason: quotaWords, means: 'quota_refused' },
  { method: 'token.', shape: 'oauth', status: [400, 401, 403], means: 'credentials_refused' },
  { method: 'token.', status: [400, 401, 403, 404, 405], means: 'wrong_endpoint' },
];

const quota: readonly RefusalRule[] = [
  { status: [403, 429], reason: ['dailyLimitExceeded'], means: 'daily_quota_used_up' },
  { status: [403, 429], message: /quota exceeded.*per day/i, means: 'daily_quota_used_up' },
  { method: 'calendar.', status: [403], reason: ['quotaExceeded'], means: 'calendar_usage_limited' },
  { status: [429], means: 'quota_refused' },
  { status: [403], reason: quotaWords, means: 'quota_refused' },
  { status: [403, 503], message: /quota exceeded|request rate higher|rate limit exceeded/i, means: 'quota_refused' },
];

const notGoogle: readonly RefusalRule[] = [
  { status: [301, 302, 303, 307, 308], means: 'wrong_endpoint' },
  { status: [404, 405], shape: 'text', means: 'wrong_endpoint' },
];

const notReadyYet: readonly RefusalRule[] = [
  { status: [412], message: /user creation is not complete/i, means: 'account_incomplete' },
  { method: 'gmail.', status: [400], reason: ['failedPrecondition'], means: 'mailbox_not_ready' },
  { method: 'calendar.', status: [403], reason: ['notACalendarUser'], means: 'calendar_not_ready' },
  { method: 'directory.users', status: [400], message: /INVALID_OU_ID/i, means: 'org_unit_not_visible' },
  { method: 'directory.users', status: [404], message: /org ?unit not found/i, means: 'org_unit_not_visible' },
  { method: 'directory.orgunits', status: [400], message: /invalid parent/i, means: 'org_unit_not_visible' },
  { method: 'directory.orgunits', status: [400], message: /invalid ou id/i, means: 'conflicting_request' },
  { method: 'directory.users.insert', status: [404], message: /domain not found/i, means: 'domain_not_verified' },
  { method: 'directory.members', status: [400, 404], message: /memberKey/i, means: 'account_not_visible' },
  { method: 'directory.members', status: [404], means: 'group_missing' },
  { method: 'directory.groups', status: [404], means: 'group_missing' },
  { method: 'groupsSettings.', status: [404], means: 'group_missing' },
  { method: 'directory.orgunits', status: [404], means: 'org_unit_not_visible' },
  { method: 'directory.', status: [404], means: 'account_not_visible' },
  { method: 'licensing.', status: [400], message: /userId/i, means: 'account_not_visible' },
  { method: 'licensing.', status: [404], means: 'licence_missing' },
  { method: 'calendar.', status: [404, 410], means: 'calendar_not_found' },
];

const everyone: readonly RefusalRule[] = [
  { status: [403], reason: ['accessNotConfigured', 'SERVICE_DISABLED'], means: 'api_disabled' },
  { status: [403], message: /has not been used in project|it is disabled/i, means: 'api_disabled' },
  {
    status: [403],
    reason: ['insufficientPermissions', 'ACCESS_TOKEN_SCOPE_INSUFFICIENT'],
    means: 'scope_not_delegated',
  },
  { status: [403], reason: ['domainCannotUseApis'], means: 'google_domain_closed', alone: 'forbidden_for_account' },
  { status: [403], reason: ['domainPolicy'], means: 'google_domain_closed', alone: 'forbidden_for_account' },
  { status: [412], message: /archived user licen[cs]e/i, means: 'archive_licence_missing' },
  { method: 'directory.users', status: [412], reason: ['limitExceeded'], means: 'seats_used_up' },
  { status: [412], message: /domain user limit/i, means: 'seats_used_up' },
  { method: 'licensing.', status: [412], message: /enough available licenses/i, means: 'licences_used_up' },
  { method: 'licensing.', status: [412], message: /different sku/i, means: 'licence_conflict' },
  { method: 'licensing.', status: [412], message: /already has a license/i, means: 'licence_not_visible' },
  { method: 'licensing.', status: [400, 412], means: 'licensing_misconfigured' },
];

const oneEmployee: readonly RefusalRule[] = [
  { status: [412], message: /cyclic/i, means: 'cyclic_membership' },
  { method: 'directory.aliases', status: [412], means: 'alias_limit' },
  { status: [412], reason: ['adminCannotUnsuspend'], means: 'suspended_by_google' },
  { method: 'gmail.', status: [400], message: /signature exceeds/i, means: 'signature_too_long' },
  { method: 'gmail.', status: [404], means: 'unknown_refusal' },
  { method: 'invitations.', status: [400, 404], means: 'unknown_refusal' },
  { status: [409, 412], means: 'conflicting_request' },
  { status: [400, 413], means: 'invalid_field' },
  { status: [401], means: 'token_expired' },
  { method: 'gmail.', status: [403], means: 'google_domain_closed', alone: 'forbidden_for_account' },
  { method: 'calendar.', status: [403], means: 'google_domain_closed', alone: 'forbidden_for_account' },
  { status: [403], means: 'admin_privilege_missing', alone: 'forbidden_for_account' },
  { status: [408], means: 'google_unavailable' },
];

/**
 * Google's refusals, in the order in which they are tried; the first that fits decides, and docs/google.md shows them to
 * admins. Sources: the error guides of the Directory, Licensing, Gmail and Calendar APIs
 * (https://developers.google.com/workspace/calendar/api/guides/errors and its siblings), and wordings seen in the field.
 */
export const refusals: readonly RefusalRule[] = [
  ...tokenEndpoint,
  ...quota,
  ...notGoogle,
  ...notReadyYet,
  ...everyone,
  ...oneEmployee,
];
