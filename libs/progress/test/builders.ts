import type { CounterRow, EmployeeDetail, EmployeeEnrolment, ProgressFacts } from '#libs/ledger';

export const now = new Date('2026-11-25T10:00:00.000Z');
export const minutesAgo = (minutes: number) => new Date(now.getTime() - minutes * 60_000);

export const row = (change: Partial<CounterRow> & { count: number }): CounterRow => ({
  wave: 1,
  step: '',
  state: 'pending',
  reason: '',
  ...change,
});

/** A sample of so many minutes ago. */
export const sample = (minutes: number, finished: number, calls: number): ProgressFacts['samples'][number] => ({
  at: minutesAgo(minutes),
  finished,
  calls,
  quotas: [],
});

/** A migration that runs since half an hour; whatever a test is about comes on top. */
export function facts(change: Partial<Omit<ProgressFacts, 'migration'>> & { migration?: object } = {}): ProgressFacts {
  const { migration, ...rest } = change;
  return {
    counters: [],
    waves: [],
    runningSince: minutesAgo(30),
    price: null,
    samples: [],
    waits: [],
    examples: [],
    now,
    ...rest,
    migration: {
      id: '00000000-0000-4000-8000-000000000001',
      name: 'The big move',
      state: 'running',
      startedAt: minutesAgo(30),
      finishedAt: null,
      lastOutcomeAt: minutesAgo(0),
      causeReason: null,
      causeSince: null,
      ...migration,
    },
  };
}

export type EnrolledStep = EmployeeEnrolment['steps'][number];

export const step = (change: Pick<EnrolledStep, 'step' | 'state'> & Partial<EnrolledStep>): EnrolledStep => ({
  reason: null,
  since: null,
  dueAt: null,
  deadlineAt: null,
  ...change,
});

export const enrolment = (change: Partial<EmployeeEnrolment> = {}): EmployeeEnrolment => ({
  enrolmentId: 1,
  employeeId: '00000000-0000-4000-8000-000000000002',
  employeeNumber: '1001',
  wave: 1,
  action: 'create',
  state: 'pending',
  reason: null,
  address: 'zoe@example.com',
  steps: [],
  migrationId: '00000000-0000-4000-8000-000000000001',
  migrationName: 'The big move',
  migrationState: 'running',
  causeReason: null,
  causeSince: null,
  planned: { suspended: false, password: 'sso' },
  ...change,
});

export const account = {
  googleId: '1',
  primaryEmail: 'zoe@example.com',
  origin: 'created',
  writtenAt: null,
  suspended: null,
} as const;

/** A person at work of whom nothing is known but HR's record. */
export const detail = (change: Partial<EmployeeDetail> & { status?: string } = {}): EmployeeDetail => {
  const { status = 'active', ...rest } = change;
  return {
    id: '00000000-0000-4000-8000-000000000002',
    source: 'hr',
    employeeNumber: '1001',
    version: 1,
    record: {
      employeeNumber: '1001',
      status,
      workerType: 'employee',
      legalName: { givenName: 'Zoë', familyName: 'Müller' },
      hireDate: '2026-12-01',
      country: 'DE',
    },
    account: null,
    enrolment: null,
    timeline: [],
    ...rest,
  };
};
