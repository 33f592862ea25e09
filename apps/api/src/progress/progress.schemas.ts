import { z } from 'zod';
import {
  employeeStates,
  failures,
  isFailureReason,
  migrationStates,
  planActions,
  stepNames,
  stepStates,
  waveStates,
  type EmployeeState,
  type ProgressDocument,
  type StepState,
} from '#libs/vocabulary';
import { countSchema, momentSchema } from '../described.js';

export const reasonSchema = z.enum(Object.keys(failures).filter(isFailureReason));
export const stepSchema = z.enum(stepNames);

const employeeCounts = {
  pending: countSchema,
  inProgress: countSchema,
  waiting: countSchema,
  done: countSchema,
  failed: countSchema,
  conflict: countSchema,
  skipped: countSchema,
} as const satisfies Record<EmployeeState, z.ZodType>;

const stepCounts = {
  pending: countSchema,
  running: countSchema,
  waiting: countSchema,
  done: countSchema,
  failed: countSchema,
  skipped: countSchema,
} as const satisfies Record<StepState, z.ZodType>;

export const employeesSchema = z.object({ total: countSchema, ...employeeCounts });

const exampleOfProgress = {
  migration: {
    id: '7d4c6f0e-52a4-4d0a-9f0f-0c7f6f3b9b1e',
    name: 'The big move',
    state: 'running',
    startedAt: '2026-11-25T06:00:00.000Z',
    finishedAt: null,
    lastOutcomeAt: '2026-11-25T08:12:03.120Z',
    cause: null,
  },
  employees: {
    total: 160_000,
    pending: 98_411,
    inProgress: 1_202,
    waiting: 2_350,
    done: 57_998,
    failed: 7,
    conflict: 12,
    skipped: 20,
  },
  percent: 36,
  steps: [{ step: 'account', pending: 98_411, running: 480, waiting: 40, done: 61_029, failed: 2, skipped: 38 }],
  waves: [
    {
      wave: 1,
      state: 'running',
      total: 160_000,
      pending: 98_411,
      inProgress: 1_202,
      waiting: 2_350,
      done: 57_998,
      failed: 7,
      conflict: 12,
      skipped: 20,
    },
  ],
  rate: { employeesPerMinute: 441, callsPerMinute: 4_310 },
  eta: {
    finishAt: '2026-11-25T12:03:00.000Z',
    earliest: '2026-11-25T11:41:00.000Z',
    latest: '2026-11-25T12:40:00.000Z',
    bindingQuota: 'directoryQueriesPerUser',
  },
  quotas: [
    {
      quota: 'directoryQueriesPerUser',
      scope: 'adminSubject',
      window: 'minute',
      limit: 2_400,
      used: 2_331,
      rejected: 0,
    },
  ],
  waits: [
    {
      reason: 'mailbox_not_ready',
      step: 'mailbox',
      count: 2_350,
      oldestSince: '2026-11-25T08:05:40.000Z',
      dueBy: '2026-11-25T09:05:40.000Z',
    },
  ],
  failures: [
    {
      reason: 'signature_too_long',
      step: 'gmail',
      count: 5,
      exampleEmployee: '1000417',
      whatToDo: failures.signature_too_long.whatToDo,
    },
  ],
  asOf: '2026-11-25T08:12:04.020Z',
} as const satisfies ProgressDocument;

const etaSchema = z.union([
  z.object({
    finishAt: momentSchema,
    earliest: momentSchema,
    latest: momentSchema,
    bindingQuota: z.string().nullable().meta({ description: 'The quota that sets the pace, if one does.' }),
  }),
  z.object({ finishAt: z.null(), reason: z.string().meta({ description: 'Why there is no estimate.' }) }),
]);

export const progressSchema = z
  .object({
    migration: z.object({
      id: z.uuid(),
      name: z.string(),
      state: z.enum(migrationStates),
      startedAt: momentSchema.nullable(),
      finishedAt: momentSchema.nullable(),
      lastOutcomeAt: momentSchema.nullable(),
      cause: z
        .object({ reason: reasonSchema, whatToDo: z.string(), since: momentSchema })
        .nullable()
        .meta({ description: 'Null unless pausing or paused.' }),
    }),
    employees: employeesSchema.meta({
      description: 'Each employee is counted once; the states add up to the total.',
    }),
    percent: z.int().min(0).max(100).meta({
      description: 'done / (total − skipped), rounded down: 100 means everybody.',
    }),
    steps: z.array(z.object({ step: stepSchema, ...stepCounts })),
    waves: z.array(z.object({ wave: z.int(), state: z.enum(waveStates), total: countSchema, ...employeeCounts })),
    rate: z.object({ employeesPerMinute: z.number(), callsPerMinute: z.number() }),
    eta: etaSchema.meta({ description: 'Promises nothing for failed or conflicting employees.' }),
    quotas: z.array(
      z.object({
        quota: z.string(),
        scope: z.string(),
        window: z.string(),
        limit: z.number(),
        used: z.number(),
        rejected: z.number(),
      }),
    ),
    waits: z.array(
      z.object({
        reason: reasonSchema,
        step: stepSchema,
        count: countSchema,
        oldestSince: momentSchema,
        dueBy: momentSchema.nullable(),
      }),
    ),
    failures: z
      .array(
        z.object({
          reason: reasonSchema,
          step: z.enum([...stepNames, 'plan']),
          count: countSchema,
          exampleEmployee: z.string().meta({ description: 'An employee number.' }),
          whatToDo: z.string(),
        }),
      )
      .meta({ description: 'Those open now.' }),
    asOf: momentSchema,
  })
  .meta({ id: 'Progress', examples: [exampleOfProgress] }) satisfies z.ZodType<ProgressDocument>;

export const ratesSchema = z.array(
  z.object({
    at: momentSchema,
    finished: countSchema.meta({ description: 'Employees finished since the start.' }),
    calls: countSchema.meta({ description: 'Calls to Google since the start.' }),
    busiestQuota: z.string().nullable().meta({ description: 'Of which most was used at that moment.' }),
    busiestShare: z.number().nullable().meta({ description: 'How much of it was used; 1 is all.' }),
  }),
);

const enrolledStepSchema = z.object({
  step: stepSchema,
  state: z.enum(stepStates),
  reason: reasonSchema.nullable(),
  since: momentSchema.nullable().meta({ description: 'When its wait began.' }),
  dueAt: momentSchema.nullable().meta({ description: 'When it is looked at again.' }),
  deadlineAt: momentSchema.nullable().meta({ description: 'When the wait counts as failed; null: without end.' }),
});

export const enrolledSchema = z.object({
  enrolmentId: z.int(),
  employeeId: z.uuid(),
  employeeNumber: z.string(),
  wave: z.int(),
  action: z.enum(planActions),
  state: z.enum(employeeStates),
  reason: reasonSchema.nullable(),
  address: z.string().nullable(),
  steps: z.array(enrolledStepSchema),
});

export const enrolledPageSchema = z.object({
  employees: z.array(enrolledSchema),
  cursor: z.int().nullable().meta({ description: 'Ask with it for the next page; null: this was the last.' }),
});

export const reportSchema = z.array(
  z.object({
    employeeNumber: z.string(),
    wave: z.int(),
    action: z.enum(planActions),
    state: z.enum(employeeStates),
    reason: z.union([reasonSchema, z.literal('')]),
    step: z.union([stepSchema, z.literal('')]).meta({ description: 'The step that failed.' }),
    address: z.string(),
    whatToDo: z.string(),
    steps: z.string().meta({ description: 'Such as `account=done gmail=failed`.' }),
  }),
);
