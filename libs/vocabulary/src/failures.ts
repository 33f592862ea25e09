import type { StepName } from './steps.js';

/**
 * Whom a reason hits and what happens next:
 * `retry`: the call is tried again after a back-off, a bounded number of times; `wait`: Google is not ready, no attempt is
 * used, a deadline bounds it; `employee`: this employee's step failed; `conflict`: a person must settle it; `everyone`: the
 * migration pauses with this cause; `skip`: nothing is to be done for this employee.
 */
export type FailureKind = 'retry' | 'wait' | 'employee' | 'conflict' | 'everyone' | 'skip';

interface Failure {
  readonly kind: FailureKind;
  /** One plain sentence without personal data: what is the matter. */
  readonly summary: string;
  /** One plain sentence: what a person should do about it. */
  readonly whatToDo: string;
}

const failure = (kind: FailureKind, summary: string, whatToDo: string): Failure => ({ kind, summary, whatToDo });

const nothing = 'Nothing: Bascule tries again by itself.';
const patience = 'Nothing: Bascule looks again by itself until the deadline.';

/** Every reason that Bascule can give, in one place. A reason that is not here cannot be stored. */
export const failures = {
  google_unavailable: failure('retry', 'Google answered with a server error.', nothing),
  reply_lost: failure(
    'retry',
    'The connection broke before Google answered; the effect is found out by reading.',
    nothing,
  ),
  quota_refused: failure('retry', 'Google refused the call for its quota.', `${nothing} The pace is lowered.`),
  conflicting_request: failure('retry', 'Google was busy with another change of the same object.', nothing),
  token_expired: failure('retry', 'The access token was refused as expired.', nothing),
  org_unit_not_visible: failure('retry', 'A new organisational unit is not visible everywhere yet.', nothing),

  account_not_visible: failure('wait', 'The new account cannot be read everywhere yet.', patience),
  account_incomplete: failure('wait', 'Google is still finishing the new account.', patience),
  token_not_ready: failure('wait', 'Google does not give a token for the new account yet.', patience),
  mailbox_not_ready: failure('wait', 'Google has not made the mailbox yet.', patience),
  calendar_not_ready: failure('wait', 'Google has not made the calendar yet.', patience),
  licence_not_visible: failure('wait', 'The automatic licence is not listed yet.', patience),
  membership_not_visible: failure('wait', 'The group membership is not visible yet.', patience),
  change_not_visible: failure('wait', 'The change is not visible in Google yet.', patience),
  calendar_usage_limited: failure('wait', 'Google limits this person’s calendar use for some hours.', patience),
  suspended_until_start: failure(
    'wait',
    'The account is suspended until the first working day.',
    'Nothing: Bascule goes on when the account is active.',
  ),

  invalid_field: failure(
    'employee',
    'Google refused a value of this employee’s record.',
    'Correct the record in HR or the blueprint’s template, then retry.',
  ),
  signature_too_long: failure(
    'employee',
    'The signature is longer than Gmail allows (10,000 characters).',
    'Shorten the signature template in the blueprint, then retry.',
  ),
  alias_limit: failure(
    'employee',
    'The account already has the 30 aliases that Google allows.',
    'Remove aliases in the Admin console or the feed, then retry.',
  ),
  cyclic_membership: failure(
    'employee',
    'The membership would make a group a member of itself.',
    'Correct the groups in the blueprint, then retry.',
  ),
  group_missing: failure(
    'employee',
    'A group of the blueprint is not there.',
    'Create the group or plan again, then retry.',
  ),
  account_missing: failure(
    'employee',
    'The account that the plan knew is gone.',
    'Find out who deleted it, restore it or plan again.',
  ),
  mailbox_never_ready: failure(
    'employee',
    'The mailbox did not appear within the deadline.',
    'Check the licence, that Gmail is on for the org unit, and Google’s status page, then retry.',
  ),
  calendar_never_ready: failure(
    'employee',
    'The calendar did not appear within the deadline.',
    'Check that Calendar is on for the org unit, then retry.',
  ),
  token_never_ready: failure(
    'employee',
    'Google gives no token for this account.',
    'Check that the account is active and its org unit may use the API, then retry.',
  ),
  licence_missing: failure(
    'employee',
    'The account has no licence.',
    'Check automatic licensing of its org unit or assign the licence, then retry.',
  ),
  licence_not_given: failure(
    'employee',
    'Google kept failing when the licence was assigned, which often means that none is left.',
    'Look in the Admin console whether licences are left, then retry.',
  ),
  licence_conflict: failure(
    'employee',
    'The account holds another licence of the same product.',
    'Remove the other licence or change the blueprint’s SKU, then retry.',
  ),
  never_visible: failure(
    'employee',
    'A change did not become visible within the deadline.',
    'Compare the account in the Admin console, then retry.',
  ),
  mismatch_persists: failure(
    'employee',
    'The account still differs after one repair.',
    'Compare the account in the Admin console: another tool may be writing to it. Then retry.',
  ),
  suspended_by_google: failure(
    'employee',
    'Google suspended the account for abuse.',
    'Restore the account in the Admin console, then retry.',
  ),
  calendar_not_found: failure(
    'employee',
    'A calendar to subscribe to cannot be seen by this person.',
    'Check the calendar’s sharing, then retry.',
  ),
  forbidden_for_account: failure(
    'employee',
    'Google forbids this call for this account alone.',
    'Check the account’s role and org unit in the Admin console, then retry.',
  ),
  archive_licence_missing: failure(
    'employee',
    'The account is suspended, but Google has no Archived User licence left to archive it.',
    'Buy Archived User licences or take `leavers.licence: archive` out of the blueprint, then retry.',
  ),
  retries_exhausted: failure('employee', 'Google kept failing for this employee.', 'Look at the timeline, then retry.'),
  unknown_refusal: failure(
    'employee',
    'Google gave an answer that Bascule does not know.',
    'Look at the timeline, report the answer, then retry.',
  ),
  internal_fault: failure(
    'employee',
    'Bascule met a fault of its own.',
    'Report it with the log line of this step, then retry.',
  ),
  name_not_romanised: failure(
    'employee',
    'The name cannot be written in Latin letters by rule.',
    'Add a Latin spelling to the record, then plan again.',
  ),
  name_mixed_script: failure(
    'employee',
    'A word of the name mixes two scripts.',
    'Correct the name in HR, then plan again.',
  ),
  template_failed: failure(
    'employee',
    'A template or condition of the blueprint fails for this record.',
    'Correct the blueprint or the record, then plan again.',
  ),

  maybe_same_person: failure(
    'conflict',
    'The wanted address belongs to an account that may be the same person’s.',
    'If it is theirs, adopt it; else give this employee another address.',
  ),
  address_held_by_group: failure(
    'conflict',
    'The wanted address belongs to a group.',
    'Rename the group or give this employee another address.',
  ),
  address_held_by_alias: failure(
    'conflict',
    'The wanted address is an alias of another account.',
    'Remove the alias or give this employee another address.',
  ),
  address_held_by_deleted: failure(
    'conflict',
    'The wanted address belongs to an account deleted within 20 days.',
    'Restore that account, wait, or give this employee another address.',
  ),
  address_held_by_unmanaged: failure(
    'conflict',
    'The wanted address is someone’s private consumer account.',
    'Invite its owner or give this employee another address: creating over it evicts them.',
  ),
  address_reserved: failure(
    'conflict',
    'The wanted address is a reserved word.',
    'Give this employee another address.',
  ),
  address_offensive: failure(
    'conflict',
    'The wanted address holds a word of the blueprint’s list of offensive words.',
    'Give this employee another address.',
  ),
  address_given_twice: failure('conflict', 'Two records give the same address.', 'Correct the feed, then plan again.'),
  address_held_by_colleague: failure(
    'conflict',
    'The wanted address belongs to another employee.',
    'Give one of the two another address in the feed, then plan again.',
  ),
  named_account_missing: failure(
    'conflict',
    'The account that the adoption list names for this employee is not there.',
    'Correct or remove the entry of the adoption list, then plan again.',
  ),
  address_change_unaccepted: failure(
    'conflict',
    'The feed gives another address than the one that was issued to this employee.',
    'If it is meant, accept it with `bascule addresses change`, else correct the feed; then plan again.',
  ),
  address_changed_since: failure('conflict', 'The address was changed after the plan was made.', 'Plan again.'),
  address_taken_since: failure('conflict', 'The address was taken after the plan was made.', 'Plan again.'),
  account_turned_up: failure(
    'conflict',
    'An account without our mark turned up where the plan said create.',
    'If it is this person’s, adopt it; then plan again.',
  ),
  employee_number_ambiguous: failure(
    'conflict',
    'Several accounts or records carry this employee number.',
    'Name the right account in an adoption list, then plan again.',
  ),
  account_claimed_twice: failure(
    'conflict',
    'Two employees lead to the same account.',
    'Name the right one in an adoption list, then plan again.',
  ),
  org_unit_undeclared: failure(
    'conflict',
    'The org unit is neither there nor declared in the blueprint.',
    'Declare it in the blueprint or correct the record, then plan again.',
  ),
  group_undeclared: failure(
    'conflict',
    'A group is neither there nor declared in the blueprint.',
    'Declare it in the blueprint, then plan again.',
  ),
  domain_not_verified: failure(
    'conflict',
    'The address is on a domain that is not verified at Google.',
    'Verify the domain or correct the blueprint, then plan again.',
  ),
  suspended_by_another: failure(
    'conflict',
    'Someone else suspended this account.',
    'Find out why; unsuspend it or exclude the employee, then plan again.',
  ),
  changed_beyond_approval: failure(
    'conflict',
    'The record changed in a way that the approved plan does not cover.',
    'Look at the change and plan this employee again.',
  ),
  rename_needed: failure(
    'conflict',
    'The account’s address differs from the wanted one.',
    'Ask for the wanted address with `bascule addresses change`, or keep the present one in the feed; then plan again.',
  ),

  credentials_refused: failure(
    'everyone',
    'Google refused the service account’s key.',
    'Check BASCULE_GOOGLE_CREDENTIALS and the machine’s clock, then resume.',
  ),
  scope_not_delegated: failure(
    'everyone',
    'A needed scope is not delegated to the service account.',
    'Run `bascule google check` to see which; add it under domain-wide delegation, then resume.',
  ),
  admin_privilege_missing: failure(
    'everyone',
    'The admin subject lacks a privilege.',
    'Run `bascule google check`; give the admin the missing role, then resume.',
  ),
  api_disabled: failure(
    'everyone',
    'A Google API is not enabled in the project.',
    'Enable it in the Google Cloud console, wait some minutes, then resume.',
  ),
  licences_used_up: failure('everyone', 'No licence is left.', 'Buy licences or free some, then resume.'),
  seats_used_up: failure(
    'everyone',
    'Google’s domain user limit is reached.',
    'Buy seats (deleted users hold theirs for 20 days), then resume.',
  ),
  licensing_misconfigured: failure(
    'everyone',
    'Google refuses the licence: automatic licensing and the blueprint disagree.',
    'Set licence.assignment to automatic or turn automatic licensing off, then resume.',
  ),
  daily_quota_used_up: failure(
    'everyone',
    'A daily quota is used up.',
    'Resume after the day turns at Google (midnight Pacific), or raise the quota.',
  ),
  customer_mismatch: failure(
    'everyone',
    'The credentials reach another Workspace customer.',
    'Use the credentials of the customer that this ledger belongs to.',
  ),
  google_domain_closed: failure(
    'everyone',
    'The customer’s APIs or Gmail are switched off domain-wide.',
    'Turn them on in the Admin console, then resume.',
  ),
  shared_action_failed: failure(
    'everyone',
    'An org unit, group or calendar that the plan needs could not be made.',
    'Look at the shared actions of the plan, mend the cause, then resume.',
  ),
  listing_refused: failure(
    'everyone',
    'Google’s listing of the directory is incomplete or much too small to be believed.',
    'Check the admin subject’s privileges and the directory in the Admin console, then resume.',
  ),
  wrong_endpoint: failure(
    'everyone',
    'The server at the API root does not speak Google’s API.',
    'Check BASCULE_GOOGLE_API_ROOT, then resume.',
  ),
  many_failures: failure(
    'everyone',
    'Too many of the last employees failed for the same reason.',
    'Look at the failures, mend the cause, then resume.',
  ),
  paused_by_admin: failure('everyone', 'An admin paused the migration.', 'Resume when you are ready.'),

  left: failure('skip', 'The employee left before their first write.', 'Nothing.'),
  hired_later: failure(
    'skip',
    'The first working day is still so far ahead that the blueprint makes no account yet.',
    'Nothing: a standing migration makes it in time, or plan again then.',
  ),
  excluded: failure('skip', 'An admin excluded the employee.', 'Nothing.'),
  cancelled: failure('skip', 'The migration was cancelled before this employee’s turn.', 'Nothing.'),
  not_needed: failure('skip', 'Nothing of this step is asked for.', 'Nothing.'),
  under_way_elsewhere: failure(
    'skip',
    'The employee is still under way in another migration.',
    'Wait until that one has finished with the employee, then plan again.',
  ),
  google_admin: failure(
    'skip',
    'The account is a Google admin’s and nobody named it.',
    'Name the account in an adoption list if it shall be managed.',
  ),
} as const satisfies Record<string, Failure>;

export type FailureReason = keyof typeof failures;

export function isFailureReason(word: string): word is FailureReason {
  return Object.hasOwn(failures, word);
}

/** Reads a stored reason; a word that this version lacks is a fault of the deployment, not a default. */
export function parseFailureReason(word: string): FailureReason {
  if (!isFailureReason(word)) throw new Error(`unknown reason in the ledger: ${word}; is an older version running?`);
  return word;
}

/** How long a wait may last (Google's time: divided by the time scale), and what the step becomes when it is over. */
const waitDeadlines: Partial<Record<FailureReason, { deadlineMs: number; becomes: FailureReason }>> = {
  mailbox_not_ready: { deadlineMs: 3_600_000, becomes: 'mailbox_never_ready' },
  calendar_not_ready: { deadlineMs: 3_600_000, becomes: 'calendar_never_ready' },
  token_not_ready: { deadlineMs: 3_600_000, becomes: 'token_never_ready' },
  licence_not_visible: { deadlineMs: 3_600_000, becomes: 'licence_missing' },
};

const anyOtherWait = { deadlineMs: 3_600_000, becomes: 'never_visible' } as const;
const unbounded: readonly FailureReason[] = ['suspended_until_start', 'calendar_usage_limited'];

/** The deadline of a wait, or undefined for waits that last as long as they last. */
export function waitDeadline(reason: FailureReason): { deadlineMs: number; becomes: FailureReason } | undefined {
  return unbounded.includes(reason) ? undefined : (waitDeadlines[reason] ?? anyOtherWait);
}

/** What a step waits for from the moment that it is ready, where a page of a listing can confirm it without a call of its own. */
export const firstWaits: Partial<Record<StepName, FailureReason>> = {
  mailbox: 'mailbox_not_ready',
  licence: 'licence_not_visible',
  confirm: 'change_not_visible',
};

/** Waits that a page of Google's listings can end for many employees at once. */
export const listedWaits: readonly FailureReason[] = [
  'mailbox_not_ready',
  'licence_not_visible',
  'membership_not_visible',
  'change_not_visible',
];
