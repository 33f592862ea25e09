import {
  failures,
  stepNames,
  steps,
  type EmployeeState,
  type FailureReason,
  type StepName,
  type StepState,
} from '#libs/vocabulary';

/** One step of one enrolment, as far as the graph cares. */
export interface StepStanding {
  readonly step: StepName;
  readonly state: StepState;
  readonly reason: FailureReason | null;
  /** All its prerequisites are satisfied: it may run when due. */
  readonly ready: boolean;
}

const satisfied = (state: StepState) => state === 'done' || state === 'skipped';

/**
 * The steps that become ready: not ready yet, and each prerequisite is done, skipped, soft (it holds nothing up, such as a
 * licence that Google assigns by itself), or not part of this enrolment.
 */
export function newlyReady(standings: readonly StepStanding[], softSteps: readonly StepName[] = []): StepName[] {
  const open = new Set(
    standings.filter(({ step, state }) => !satisfied(state) && !softSteps.includes(step)).map(({ step }) => step),
  );
  return standings
    .filter(({ state, ready }) => state === 'pending' && !ready)
    .filter(({ step }) => steps[step].waitsFor.every((prerequisite) => !open.has(prerequisite)))
    .map(({ step }) => step);
}

/**
 * The one rule by which an employee's state follows from the steps. Failed only when nothing of theirs is left to run:
 * a step whose prerequisite failed stays pending and not ready, and counts as nothing left.
 */
export function employeeStateOf(standings: readonly StepStanding[]): {
  state: EmployeeState;
  reason: FailureReason | null;
} {
  const first = (state: StepState) => standings.find((standing) => standing.state === state);
  if (first('running') !== undefined) return { state: 'inProgress', reason: null };
  if (standings.some(({ state, ready }) => state === 'pending' && ready)) {
    const untouched = standings.every(({ state, reason }) => state === 'pending' && reason === null);
    return { state: untouched ? 'pending' : 'inProgress', reason: null };
  }
  const waiting = first('waiting');
  if (waiting !== undefined) return { state: 'waiting', reason: waiting.reason };
  const failed = first('failed');
  if (failed !== undefined) {
    const conflict = failed.reason !== null && failures[failed.reason].kind === 'conflict';
    return { state: conflict ? 'conflict' : 'failed', reason: failed.reason };
  }
  const leftOut = standings.find(({ state, reason }) => state === 'skipped' && reason !== 'not_needed');
  return leftOut === undefined ? { state: 'done', reason: null } : { state: 'skipped', reason: leftOut.reason };
}

/** The employee's finished states: nothing is left to run. */
export function isFinished(state: EmployeeState): boolean {
  return state === 'done' || state === 'failed' || state === 'conflict' || state === 'skipped';
}

/** Steps in the order of the step table. */
export function inStepOrder(names: Iterable<StepName>): StepName[] {
  const wanted = new Set(names);
  return stepNames.filter((name) => wanted.has(name));
}
