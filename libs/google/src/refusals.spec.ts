import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { failures, type FailureReason } from '#libs/vocabulary';
import { classify, quotaHint, readRefusal } from './classify.js';
import { refusals } from './refusals.js';

type Words = readonly [reason: string, message?: string];

/** Google's four shapes. */
const classic = (status: number, [reason, message = reason]: Words) => ({
  error: { code: status, message, errors: [{ domain: 'global', reason, message }] },
});
const newer = (status: number, [reason, message = reason]: Words, detail?: string, metadata: object = {}) => ({
  error: {
    code: status,
    message,
    status: 'PERMISSION_DENIED',
    errors: [{ domain: 'global', reason, message }],
    details: [
      { '@type': 'type.googleapis.com/google.rpc.Help', links: [] },
      {
        '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
        reason: detail ?? 'X',
        domain: 'googleapis.com',
        metadata,
      },
    ],
  },
});
const oauth = (error: string, description: string) => ({ error, error_description: description });
const html = (title: string) => `<html><title>${title}</title><body><h1>${title}</h1></body></html>`;

interface Case {
  readonly method: string;
  readonly status: number;
  readonly body: unknown;
  readonly means: FailureReason;
  readonly alone?: FailureReason;
}

/** Refusals in Google's words: of its guides, and as seen in the field. */
const cases: readonly Case[] = [
  ...tokenCases(),
  ...([
    of(
      'gmail.settings.updateImap',
      403,
      classic,
      ['dailyLimitExceeded', 'Daily Limit Exceeded'],
      'daily_quota_used_up',
    ),
    of(
      'licensing.licenseAssignments.get',
      403,
      classic,
      [
        'rateLimitExceeded',
        "Quota exceeded for quota metric 'Queries' and limit 'Queries per day' of service 'licensing.googleapis.com'",
      ],
      'daily_quota_used_up',
    ),
    of(
      'calendar.acl.insert',
      403,
      classic,
      ['quotaExceeded', 'Calendar usage limits exceeded.'],
      'calendar_usage_limited',
    ),
    of('directory.users.insert', 429, classic, ['rateLimitExceeded', 'Too many requests'], 'quota_refused'),
    {
      method: 'gmail.settings.sendAs.patch',
      status: 429,
      body: 'Quota exceeded for quota metric',
      means: 'quota_refused',
    },
    of('directory.users.get', 403, classic, ['quotaExceeded', 'Quota exceeded'], 'quota_refused'),
    of('directory.users.get', 403, classic, ['userRateLimitExceeded', 'User Rate Limit Exceeded'], 'quota_refused'),
    of(
      'gmail.settings.getImap',
      403,
      newer,
      ['rateLimitExceeded', "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user'"],
      'quota_refused',
    ),
    {
      method: 'calendar.calendars.get',
      status: 403,
      body: newer(403, ['forbidden', 'no'], 'RATE_LIMIT_EXCEEDED'),
      means: 'quota_refused',
    },
    { method: 'directory.users.get', status: 403, body: 'Request rate higher than configured', means: 'quota_refused' },
    {
      method: 'directory.users.insert',
      status: 503,
      body: 'Quota exceeded for the current request',
      means: 'quota_refused',
    },
    { method: 'directory.users.get', status: 302, body: '', means: 'wrong_endpoint' },
    { method: 'directory.users.get', status: 404, body: html('404 Not Found'), means: 'wrong_endpoint' },
    { method: 'gmail.settings.getImap', status: 405, body: 'Cannot GET', means: 'wrong_endpoint' },
    of(
      'directory.users.update',
      412,
      classic,
      ['conditionNotMet', 'User creation is not complete.'],
      'account_incomplete',
    ),
    of(
      'gmail.settings.getLanguage',
      400,
      newer,
      ['failedPrecondition', 'Mail service not enabled'],
      'mailbox_not_ready',
    ),
    of(
      'gmail.settings.getLanguage',
      400,
      classic,
      ['failedPrecondition', 'Precondition check failed.'],
      'mailbox_not_ready',
    ),
    of(
      'calendar.calendars.get',
      403,
      classic,
      ['notACalendarUser', 'The user must be signed up for Google Calendar.'],
      'calendar_not_ready',
    ),
    of('directory.users.insert', 400, classic, ['invalid', 'Invalid Input: INVALID_OU_ID'], 'org_unit_not_visible'),
    of('directory.users.update', 404, classic, ['notFound', 'Org unit not found'], 'org_unit_not_visible'),
    of('directory.orgunits.insert', 400, classic, ['invalid', 'Invalid Parent Orgunit Id'], 'org_unit_not_visible'),
    of('directory.orgunits.insert', 400, classic, ['invalid', 'Invalid Ou Id'], 'conflicting_request'),
    of('directory.orgunits.get', 404, classic, ['notFound', 'Org unit not found'], 'org_unit_not_visible'),
    of('directory.users.insert', 404, classic, ['notFound', 'Domain not found.'], 'domain_not_verified'),
    of('directory.members.insert', 404, classic, ['notFound', 'Resource Not Found: memberKey'], 'account_not_visible'),
    of('directory.members.insert', 400, classic, ['invalid', 'Invalid Input: memberKey'], 'account_not_visible'),
    of('directory.members.insert', 404, classic, ['notFound', 'Resource Not Found: groupKey'], 'group_missing'),
    of('directory.groups.get', 404, classic, ['notFound', 'Resource Not Found: groupKey'], 'group_missing'),
    of('groupsSettings.groups.patch', 404, classic, ['notFound', 'Not Found'], 'group_missing'),
    of('directory.users.get', 404, classic, ['notFound', 'Resource Not Found: userKey'], 'account_not_visible'),
    of(
      'licensing.licenseAssignments.insert',
      400,
      newer,
      ['invalid', 'Invalid value for userId'],
      'account_not_visible',
    ),
    of('licensing.licenseAssignments.get', 404, newer, ['notFound', 'User does not have a license'], 'licence_missing'),
    of('calendar.calendarList.insert', 404, classic, ['notFound', 'Not Found'], 'calendar_not_found'),
    of('gmail.settings.getImap', 403, classic, ['accessNotConfigured', 'Access Not Configured'], 'api_disabled'),
    {
      method: 'gmail.settings.getImap',
      status: 403,
      body: newer(403, ['forbidden', 'off'], 'SERVICE_DISABLED'),
      means: 'api_disabled',
    },
    {
      method: 'invitations.list',
      status: 403,
      body: newer(403, ['forbidden', 'Cloud Identity API has not been used in project 1 before or it is disabled.']),
      means: 'api_disabled',
    },
    {
      method: 'calendar.acl.list',
      status: 403,
      body: newer(
        403,
        ['insufficientPermissions', 'Request had insufficient authentication scopes.'],
        'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
      ),
      means: 'scope_not_delegated',
    },
    of(
      'directory.users.get',
      403,
      classic,
      ['domainCannotUseApis', 'The domain cannot use the APIs'],
      'google_domain_closed',
      'forbidden_for_account',
    ),
    of(
      'gmail.settings.getImap',
      403,
      classic,
      ['domainPolicy', 'The domain administrators have disabled Gmail apps.'],
      'google_domain_closed',
      'forbidden_for_account',
    ),
    of(
      'directory.users.update',
      412,
      classic,
      ['conditionNotMet', 'Insufficient archived user licenses'],
      'archive_licence_missing',
    ),
    of('directory.users.insert', 412, classic, ['limitExceeded', 'Domain user limit reached.'], 'seats_used_up'),
    of(
      'directory.users.insert',
      412,
      classic,
      ['conditionNotMet', 'Domain user limit reached. Buy more.'],
      'seats_used_up',
    ),
    of(
      'licensing.licenseAssignments.insert',
      412,
      classic,
      ['conditionNotMet', "There aren't enough available licenses for the specified product-SKU pair"],
      'licences_used_up',
    ),
    of(
      'licensing.licenseAssignments.insert',
      412,
      classic,
      ['conditionNotMet', 'User already has a license of the product, but with a different SKU'],
      'licence_conflict',
    ),
    of(
      'licensing.licenseAssignments.insert',
      412,
      classic,
      ['conditionNotMet', 'User already has a license for the specified product and SKU'],
      'licence_not_visible',
    ),
    of(
      'licensing.licenseAssignments.insert',
      412,
      classic,
      ['conditionNotMet', 'Auto License switching is not allowed.'],
      'licensing_misconfigured',
    ),
    of('licensing.licenseAssignments.insert', 400, classic, ['invalid', 'Invalid SKU'], 'licensing_misconfigured'),
    of(
      'directory.members.insert',
      412,
      classic,
      ['conditionNotMet', 'Cyclic memberships not allowed'],
      'cyclic_membership',
    ),
    of('directory.aliases.insert', 412, classic, ['limitExceeded', 'Alias limit'], 'alias_limit'),
    of(
      'directory.users.update',
      412,
      classic,
      ['adminCannotUnsuspend', 'Admin cannot unsuspend'],
      'suspended_by_google',
    ),
    of(
      'gmail.settings.sendAs.patch',
      400,
      newer,
      ['invalidArgument', 'Signature exceeds maximum length of 10000 characters'],
      'signature_too_long',
    ),
    of('gmail.settings.sendAs.get', 404, classic, ['notFound', 'Requested entity was not found.'], 'unknown_refusal'),
    of('invitations.list', 400, newer, ['badRequest', 'Customer is not eligible'], 'unknown_refusal'),
    of('directory.users.insert', 409, classic, ['duplicate', 'Entity already exists.'], 'conflicting_request'),
    of(
      'directory.members.insert',
      409,
      classic,
      ['conflict', 'Conflicting requests. Please try again'],
      'conflicting_request',
    ),
    of('calendar.calendars.update', 412, classic, ['conditionNotMet', 'Precondition Failed'], 'conflicting_request'),
    of('directory.users.insert', 400, classic, ['invalid', 'Invalid Input: primary_user_email'], 'invalid_field'),
    of('calendar.calendars.insert', 400, classic, ['required', 'Missing title.'], 'invalid_field'),
    of('gmail.settings.getImap', 401, newer, ['authError', 'Invalid Credentials'], 'token_expired'),
    of('directory.users.get', 401, classic, ['required', 'Login Required'], 'token_expired'),
    of(
      'gmail.settings.getImap',
      403,
      classic,
      ['forbidden', 'Delegation denied for somebody'],
      'google_domain_closed',
      'forbidden_for_account',
    ),
    of(
      'calendar.calendars.get',
      403,
      classic,
      ['forbidden', 'Forbidden'],
      'google_domain_closed',
      'forbidden_for_account',
    ),
    of(
      'directory.users.insert',
      403,
      classic,
      ['forbidden', 'Not Authorized to access this resource/api'],
      'admin_privilege_missing',
      'forbidden_for_account',
    ),
    { method: 'directory.users.get', status: 408, body: '', means: 'google_unavailable' },
    { method: 'directory.users.get', status: 502, body: html('502 Bad Gateway'), means: 'google_unavailable' },
    of(
      'directory.users.get',
      503,
      classic,
      ['backendError', 'Service unavailable. Please try again'],
      'google_unavailable',
    ),
    of('gmail.settings.getImap', 500, newer, ['internalError', 'Internal error encountered.'], 'google_unavailable'),
    { method: 'directory.users.get', status: 418, body: 'teapot', means: 'unknown_refusal' },
  ] satisfies Case[]),
];

function of(
  method: string,
  status: number,
  shape: (status: number, words: Words) => unknown,
  words: Words,
  means: FailureReason,
  alone?: FailureReason,
): Case {
  return { method, status, body: shape(status, words), means, ...(alone !== undefined && { alone }) };
}

function tokenCases(): Case[] {
  const token = (status: number, body: unknown, means: FailureReason, alone?: FailureReason): Case => ({
    method: 'token.mint',
    status,
    body,
    means,
    ...(alone !== undefined && { alone }),
  });
  return [
    token(
      401,
      oauth(
        'unauthorized_client',
        'Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.',
      ),
      'scope_not_delegated',
    ),
    token(400, oauth('invalid_scope', 'Invalid OAuth scope or ID token audience provided.'), 'scope_not_delegated'),
    token(403, oauth('access_denied', 'Requested client not authorized.'), 'scope_not_delegated', 'token_not_ready'),
    token(403, oauth('access_denied', 'Account restricted'), 'forbidden_for_account'),
    token(400, oauth('invalid_grant', 'Invalid email or User ID'), 'token_not_ready'),
    token(400, oauth('invalid_grant', 'The account has been deleted'), 'account_missing'),
    token(400, oauth('invalid_request', 'Invalid impersonation prn email address.'), 'token_not_ready'),
    token(400, oauth('invalid_request', 'Invalid impersonation &quot;sub&quot; field: x'), 'token_not_ready'),
    token(
      400,
      oauth(
        'invalid_grant',
        'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.',
      ),
      'credentials_refused',
    ),
    token(400, oauth('invalid_grant', 'Invalid JWT Signature.'), 'credentials_refused'),
    token(400, oauth('invalid_grant', 'Invalid JWT: Failed audience check.'), 'credentials_refused'),
    token(400, oauth('invalid_grant', 'Invalid grant: account not found'), 'credentials_refused'),
    token(500, oauth('internal_failure', 'Backend Error'), 'google_unavailable'),
    token(429, html('Too many requests'), 'quota_refused'),
    token(403, classic(403, ['rateLimitExceeded', 'Rate Limit Exceeded']), 'quota_refused'),
    token(404, html('404 Not Found'), 'wrong_endpoint'),
    token(503, html('Service Unavailable'), 'google_unavailable'),
  ];
}

describe('the table of refusals', () => {
  it.each(cases)('takes $status of $method for $means', ({ method, status, body, means, alone }) => {
    const { means: found, alone: foundAlone } = classify(method, readRefusal(status, body));
    expect({ means: found, alone: foundAlone }).toEqual({ means, alone });
  });

  it('has no row that no refusal of Google’s reaches', () => {
    const reached = new Set(cases.map(({ method, status, body }) => classify(method, readRefusal(status, body))));
    expect(refusals.filter((rule) => !reached.has(rule))).toEqual([]);
  });

  it('reads the same refusal alike in the classic and in the newer shape', () => {
    for (const { method, status, body } of cases) {
      const refusal = readRefusal(status, body);
      if (refusal.shape !== 'google' || refusal.detail !== '') continue;
      const other = readRefusal(status, newer(status, [refusal.reason, refusal.message]));
      expect(classify(method, other), `${method} ${status} ${refusal.reason}`).toEqual(classify(method, refusal));
    }
  });

  it('knows a body that is nothing of Google’s by its status alone', () => {
    for (const body of [undefined, null, 7, [], {}, { error: 7 }, '', { error: { errors: 'x' } }]) {
      expect(classify('directory.users.get', readRefusal(503, body)).means).toBe('google_unavailable');
      expect(classify('directory.users.get', readRefusal(401, body)).means).toBe('token_expired');
    }
  });

  it('keeps only words of Google’s vocabulary, for anything else may be somebody’s data', () => {
    const words = readRefusal(403, classic(403, ['anna.muster@example.com', 'secret']));
    expect(words.reason).toBe('');
    expect(readRefusal(400, oauth('Bearer ya29.token', 'x')).reason).toBe('');
  });

  it('is shown to admins in docs/google.md, with what each reason means and what to do', () => {
    const page = readFileSync(new URL('../../../docs/google.md', import.meta.url), 'utf8');
    const rows = page
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| |\|$/g, '').trim()));
    const given = new Set<FailureReason>(['google_unavailable', 'unknown_refusal', 'reply_lost', 'wrong_endpoint']);
    for (const { means, alone } of refusals) {
      given.add(means);
      if (alone !== undefined) given.add(alone);
    }
    const wanted = [...given]
      .toSorted()
      .map((reason) => [`\`${reason}\``, failures[reason].kind, failures[reason].summary, failures[reason].whatToDo]);
    expect(rows).toEqual(wanted);
  });
});

describe('what the governor is told of a quota’s refusal', () => {
  it('is the quota that Google names and its true size', () => {
    const metadata = { quota_limit: 'defaultPerMinutePerUser', quota_limit_value: '15000' };
    const refusal = readRefusal(
      403,
      newer(403, ['rateLimitExceeded', 'Quota exceeded'], 'RATE_LIMIT_EXCEEDED', metadata),
    );
    expect(quotaHint(refusal, 2_000)).toEqual({
      quotaLimit: 'defaultPerMinutePerUser',
      limitValue: 15_000,
      retryAfterMs: 2_000,
    });
  });

  it('is at least whose it is, so that one person’s quota does not slow everybody', () => {
    expect(quotaHint(readRefusal(403, classic(403, ['userRateLimitExceeded'])))).toEqual({ quotaLimit: 'perUser' });
    const concurrent = readRefusal(429, classic(429, ['rateLimitExceeded', 'Too many concurrent requests for user']));
    expect(quotaHint(concurrent)).toEqual({ quotaLimit: 'perUser' });
    expect(quotaHint(readRefusal(429, classic(429, ['rateLimitExceeded', 'Too many requests'])))).toEqual({});
  });

  it('is that the day is used up, wherever Google says so', () => {
    expect(quotaHint(readRefusal(403, classic(403, ['dailyLimitExceeded'])))).toEqual({ daily: true });
    const message = "Quota exceeded for quota metric 'Queries' and limit 'Queries per day'";
    expect(quotaHint(readRefusal(429, classic(429, ['rateLimitExceeded', message])))).toMatchObject({ daily: true });
  });

  it('holds no size that is none', () => {
    for (const size of ['', 'many', '-1', '0', null]) {
      const metadata = { quota_limit: 'x', quota_limit_value: size };
      const refusal = readRefusal(429, newer(429, ['rateLimitExceeded'], 'RATE_LIMIT_EXCEEDED', metadata));
      expect(quotaHint(refusal).limitValue).toBeUndefined();
    }
  });
});
