import type { EmployeeDetail, EmployeeEnrolment } from '#libs/ledger';
import {
  employeeRecordSchema,
  failures,
  type EmployeeRecord,
  type FailureReason,
  type StepName,
} from '#libs/vocabulary';

const stepWords = {
  account: 'making the account',
  aliases: 'adding the former addresses',
  licence: 'the licence',
  groups: 'joining the groups',
  mailbox: 'the mailbox',
  gmail: 'the mail settings',
  calendar: 'the calendar settings',
  confirm: 'the last check of the account',
} as const satisfies Record<StepName, string>;

/**
 * What the service desk reads aloud: can the person sign in, are mail and calendar ready, what it waits for or why it
 * failed and since when, and what to tell the caller. Times are UTC.
 */
export function plainSentence(detail: EmployeeDetail): string {
  const record = employeeRecordSchema.safeParse(detail.record).data;
  return [signIn(detail, record), mailAndCalendar(detail), whatNow(detail, record)]
    .filter((sentence) => sentence !== '')
    .join(' ');
}

type Step = EmployeeEnrolment['steps'][number];

const stepOf = (enrolment: EmployeeEnrolment | null, name: StepName): Step | undefined =>
  enrolment?.steps.find(({ step }) => step === name);

/** Whether the account is suspended, as far as is known: what we wrote counts for more than an older listing. */
function isSuspended({ account, enrolment }: EmployeeDetail): boolean {
  const written = stepOf(enrolment, 'account')?.state === 'done';
  return (written ? enrolment?.planned?.suspended : undefined) ?? account?.suspended ?? false;
}

function signIn(detail: EmployeeDetail, record: EmployeeRecord | undefined): string {
  const { account, enrolment } = detail;
  if (account === null) {
    return enrolment?.state === 'conflict'
      ? 'Cannot sign in with an account of Bascule’s: none has been made.'
      : 'Cannot sign in: there is no account yet.';
  }
  if (!isSuspended(detail)) {
    const how = account.origin === 'adopted' ? 'the account that they had before' : passwordWords(enrolment);
    return `Can sign in as ${account.primaryEmail}${how === '' ? '' : ` with ${how}`}.`;
  }
  if (record?.status === 'prehire') {
    return `Cannot sign in yet: the account is ready but suspended until the first working day (${record.hireDate}).`;
  }
  if (record?.status === 'terminated') return 'Cannot sign in: they have left and the account is suspended.';
  return 'Cannot sign in: the account is suspended.';
}

function passwordWords(enrolment: EmployeeEnrolment | null): string {
  switch (enrolment?.planned?.password) {
    case 'sso':
      return 'the company’s own sign-in';
    case 'handover':
      return 'the password that they were handed';
    case undefined:
      return '';
  }
}

function mailAndCalendar({ account, enrolment }: EmployeeDetail): string {
  if (account === null) return '';
  const isReady = (...names: StepName[]) =>
    names.every((name) => ['done', 'skipped'].includes(stepOf(enrolment, name)?.state ?? 'done'));
  const mail = isReady('mailbox', 'gmail');
  const calendar = isReady('calendar');
  if (mail && calendar) return 'Mail and calendar are ready.';
  if (mail) return 'Mail is ready, the calendar is not.';
  return calendar ? 'The calendar is ready, mail is not.' : 'Mail and calendar are not ready.';
}

function whatNow(detail: EmployeeDetail, record: EmployeeRecord | undefined): string {
  const { enrolment } = detail;
  if (enrolment === null) return withoutMigration(detail);
  switch (enrolment.state) {
    case 'pending':
      return notYet(enrolment, `Their turn in “${enrolment.migrationName}” has not come.`);
    case 'inProgress':
      return notYet(enrolment, `“${enrolment.migrationName}” is setting them up.`);
    case 'waiting':
      return waiting(enrolment, record);
    case 'failed':
      return stuck(detail, enrolment, 'failed');
    case 'conflict':
      return stuck(detail, enrolment, 'conflict');
    case 'skipped':
      return leftOut(enrolment);
    case 'done':
      return finished(detail);
  }
}

function withoutMigration({ account }: EmployeeDetail): string {
  return account === null
    ? 'No migration that has started includes them. Tell the caller that their turn is still to come, and ask IT when.'
    : 'Nothing is under way. Tell the caller that Bascule has nothing left to do for them; if something is wrong, IT must look.';
}

/** What holds for everybody comes first: while a migration is paused, nothing else matters. */
function notYet(enrolment: EmployeeEnrolment, now: string): string {
  const { migrationState, migrationName, causeReason, causeSince } = enrolment;
  if (migrationState !== 'paused' && migrationState !== 'pausing') {
    return `${now} Tell the caller that it comes by itself and to try again later.`;
  }
  const why = causeReason === null ? '' : `: ${lowerFirst(failures[causeReason].summary)}`;
  const pause = `“${migrationName}” is paused${since(causeSince)}${why}`;
  return `${sentence(pause)} Tell the caller that it goes on by itself once IT resumes it.`;
}

function waiting(enrolment: EmployeeEnrolment, record: EmployeeRecord | undefined): string {
  const step = enrolment.steps.find(({ state }) => state === 'waiting');
  const reason = step?.reason ?? enrolment.reason;
  if (reason === 'suspended_until_start') {
    const day = record === undefined ? '' : ` (${record.hireDate})`;
    return `The rest waits for the first working day${day}. Tell the caller that mail and calendar are set up then, by themselves.`;
  }
  const why = reason === null ? 'It waits for Google.' : failures[reason].summary;
  const about = step === undefined ? '' : `It waits for ${stepWords[step.step]}${since(step.since)}. `;
  const latest = step?.deadlineAt ?? null;
  const until = latest === null ? '' : `, at the latest by ${moment(latest)}`;
  return notYetWaiting(enrolment, `${about}${why}`, until);
}

function notYetWaiting(enrolment: EmployeeEnrolment, now: string, until: string): string {
  if (enrolment.migrationState === 'paused' || enrolment.migrationState === 'pausing') return notYet(enrolment, now);
  return `${now} Tell the caller that nothing is wrong: it comes by itself${until}.`;
}

function stuck(detail: EmployeeDetail, enrolment: EmployeeEnrolment, state: 'failed' | 'conflict'): string {
  const step = enrolment.steps.find((one) => one.state === 'failed');
  const reason: FailureReason | null = step?.reason ?? enrolment.reason;
  const event = detail.timeline.find((one) => one.state === 'failed' && one.step === (step?.step ?? null));
  const what = step === undefined ? 'Nothing was done' : `${capital(stepWords[step.step])} failed`;
  const known = reason === null ? undefined : failures[reason];
  const summary =
    known === undefined
      ? sentence(what + since(event?.at))
      : `${what}${since(event?.at)}: ${lowerFirst(known.summary)}`;
  const whom = state === 'conflict' ? 'an admin must decide first' : 'IT must mend it first';
  const remedy = known === undefined ? '' : ` For IT: ${known.whatToDo}`;
  return `${summary} Tell the caller that ${whom} and that trying again does not help.${remedy}`;
}

function leftOut({ reason, migrationName }: EmployeeEnrolment): string {
  const why = reason === null ? 'An admin decided so.' : failures[reason].summary;
  switch (reason) {
    case 'left':
      return `Left out: ${lowerFirst(why)} Tell the caller that they are not at work here any more, says HR.`;
    case 'cancelled':
      return `Left out of “${migrationName}”: ${lowerFirst(why)} Tell the caller that a later migration will include them.`;
    case 'under_way_elsewhere':
      return `Left out of “${migrationName}”: ${lowerFirst(why)} Tell the caller that it comes by itself, from there.`;
    case 'google_admin':
      return `Left alone: ${lowerFirst(why)} Tell the caller that their account stays as it is.`;
    default:
      return `Left out of “${migrationName}”: ${lowerFirst(why)} Tell the caller that IT knows why.`;
  }
}

function finished(detail: EmployeeDetail): string {
  if (isSuspended(detail)) return 'Everything is done. Tell the caller that the account is meant to be suspended.';
  return `Everything is done${since(detail.timeline[0]?.at)}. Tell the caller to sign in; if that fails, the password is the likely cause.`;
}

const moment = (at: Date | string) => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
const since = (at: Date | string | null | undefined) => (at === null || at === undefined ? '' : ` since ${moment(at)}`);
const sentence = (text: string) => (text.endsWith('.') ? text : `${text}.`);
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
/** Names of products and of Bascule's environment keep their capitals. */
const lowerFirst = (text: string) =>
  /^(Google|Gmail|Calendar|Bascule)\b/.test(text) ? text : text.charAt(0).toLowerCase() + text.slice(1);
