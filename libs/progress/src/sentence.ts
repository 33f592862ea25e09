import type { EmployeeDetail } from '#libs/ledger';
import { failures, isFailureReason } from '#libs/vocabulary';

/**
 * One plain sentence for the service desk: can the person sign in, are mail and calendar ready, what it waits for or why
 * it failed, and what to tell the caller.
 */
export function plainSentence(detail: EmployeeDetail): string {
  const { enrolment, account } = detail;
  if (enrolment === null) {
    return account === null
      ? 'There is no account yet, and no migration includes this person.'
      : 'The account is there, and nothing is under way.';
  }
  const ready = (name: string) => {
    const step = enrolment.steps.find((one) => one.step === name);
    return step === undefined ? account !== null : step.state === 'done' || step.state === 'skipped';
  };
  const signIn = account === null ? 'Cannot sign in yet' : 'Can sign in';
  const things = `mail ${ready('gmail') && ready('mailbox') ? 'is ready' : 'is not ready'}, calendar ${ready('calendar') ? 'is ready' : 'is not ready'}`;
  return `${signIn}; ${things}. ${whatNow(enrolment)}`;
}

function whatNow(enrolment: NonNullable<EmployeeDetail['enrolment']>): string {
  const problem =
    enrolment.steps.find(({ state }) => state === 'failed')?.reason ??
    enrolment.steps.find(({ state }) => state === 'waiting')?.reason ??
    enrolment.reason;
  const known = problem !== null && isFailureReason(problem) ? failures[problem] : undefined;
  switch (enrolment.state) {
    case 'done':
      return 'Everything is done.';
    case 'failed':
    case 'conflict':
      return `${known?.summary ?? 'A step failed.'} Tell the caller that IT is looking at it. ${known?.whatToDo ?? ''}`.trim();
    case 'skipped':
      return `Left out: ${known?.summary ?? 'an admin decided so.'}`;
    case 'waiting':
      return `${known?.summary ?? 'It waits for Google.'} Tell the caller to try again in a while.`;
    default:
      return enrolment.migrationState === 'paused'
        ? 'The migration is paused. Tell the caller that it goes on later.'
        : 'It is under way. Tell the caller to try again in a while.';
  }
}
