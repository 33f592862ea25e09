/**
 * What an HR system is told of a worker of its own, each with what it means. Accepted is not provisioned: a record that was
 * taken in says nothing about the account yet.
 */
export const workerStateMeanings = {
  not_planned: 'HR’s record was taken in; no plan includes it yet.',
  planned: 'A plan includes the worker; it has not been started.',
  pending: 'The plan was started; the worker’s turn has not come.',
  in_progress: 'The account is being set up or changed now.',
  waiting: 'Something is still to come from Google or on a certain day; it goes on by itself.',
  provisioned: 'The account is confirmed to be as HR’s newest record asks.',
  change_pending: 'The account is as an older record asked; HR’s newest record waits to be planned.',
  failed: 'Something failed that IT must mend; `reason` says what.',
  conflict: 'A person must decide first; `reason` says what about.',
  skipped: 'Left out on purpose; `reason` says why.',
  left: 'HR says that the worker has left; the account is suspended, or there is none.',
} as const;
export type WorkerState = keyof typeof workerStateMeanings;

export const workerStates = Object.keys(workerStateMeanings).filter(isWorkerState);

function isWorkerState(word: string): word is WorkerState {
  return Object.hasOwn(workerStateMeanings, word);
}

/** `in_force`: the account's primary address; `allocated`: issued for good to this worker, the account is still to come. */
export const addressStates = ['in_force', 'allocated'] as const;
export type AddressState = (typeof addressStates)[number];
