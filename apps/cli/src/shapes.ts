import { z } from 'zod';

/** Shapes of the API's answers, as far as the command line shows them; the rest passes through. */
export const migrationShape = z.looseObject({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  blueprintName: z.string(),
  blueprintVersion: z.number(),
});

export const deliveryShape = z.looseObject({
  id: z.string(),
  source: z.string(),
  state: z.string(),
  cause: z.string().nullable(),
  rows: z.record(z.string(), z.number()),
  waitsFor: z.string().nullable(),
});

export const recordsShape = z.looseObject({
  records: z.array(
    z.looseObject({
      line: z.number(),
      employeeNumber: z.string().nullable(),
      outcome: z.string(),
      problems: z.array(z.looseObject({ field: z.string(), reason: z.string(), message: z.string().optional() })),
    }),
  ),
  cursor: z.number().nullable(),
});

export const planShape = z.looseObject({
  id: z.string(),
  state: z.string(),
  cause: z.string().nullable(),
  needsAcceptance: z.array(z.string()),
  acceptedUnknowns: z.array(z.string()),
  summary: z
    .looseObject({
      total: z.number(),
      actions: z.record(z.string(), z.number()),
      warnings: z.array(z.string()).default([]),
      reasons: z.record(z.string(), z.number()),
      accountsAtGoogle: z.number(),
      seatsNeeded: z.number(),
      shared: z.looseObject({ create: z.array(z.looseObject({ kind: z.string(), key: z.string() })) }),
      price: z.looseObject({
        hours: z.number(),
        bindingQuota: z.string().nullable(),
        callsPerApi: z.record(z.string(), z.number()),
        perQuota: z.array(z.looseObject({ quota: z.string(), hours: z.number() })),
      }),
    })
    .nullable(),
  items: z.array(
    z.looseObject({
      employeeNumber: z.string(),
      action: z.string(),
      reason: z.string().nullable(),
      address: z.string().nullable(),
    }),
  ),
});

const counts = z.record(z.string(), z.union([z.number(), z.string()]));

export const progressShape = z.looseObject({
  migration: z.looseObject({
    id: z.string(),
    name: z.string(),
    state: z.string(),
    startedAt: z.string().nullable(),
    finishedAt: z.string().nullable(),
    cause: z.looseObject({ reason: z.string(), whatToDo: z.string(), since: z.string() }).nullable(),
  }),
  employees: z.record(z.string(), z.number()),
  percent: z.number(),
  steps: z.array(counts),
  rate: z.looseObject({ employeesPerMinute: z.number(), callsPerMinute: z.number() }),
  eta: z.looseObject({
    finishAt: z.string().nullable(),
    earliest: z.string().optional(),
    latest: z.string().optional(),
    bindingQuota: z.string().nullable().optional(),
    reason: z.string().optional(),
  }),
  quotas: z.array(z.looseObject({ quota: z.string(), limit: z.number(), used: z.number(), rejected: z.number() })),
  waits: z.array(z.looseObject({ reason: z.string(), step: z.string(), count: z.number() })),
  failures: z.array(
    z.looseObject({
      reason: z.string(),
      step: z.string(),
      count: z.number(),
      exampleEmployee: z.string(),
      whatToDo: z.string(),
    }),
  ),
});
export type Progress = z.infer<typeof progressShape>;

export const findingsShape = z.looseObject({
  ok: z.boolean(),
  findings: z.array(
    z.looseObject({ check: z.string(), subject: z.string(), state: z.string(), whatToDo: z.string().optional() }),
  ),
});

export const employeeShape = z.looseObject({
  sentence: z.string(),
  source: z.string(),
  employeeNumber: z.string(),
  account: z.looseObject({ primaryEmail: z.string(), origin: z.string() }).nullable(),
  enrolment: z
    .looseObject({
      state: z.string(),
      migrationName: z.string(),
      steps: z.array(z.looseObject({ step: z.string(), state: z.string(), reason: z.string().nullable() })),
    })
    .nullable(),
  timeline: z.array(
    z.looseObject({
      at: z.string(),
      kind: z.string(),
      step: z.string().nullable(),
      state: z.string().nullable(),
      reason: z.string().nullable(),
    }),
  ),
});

export const hitsShape = z.array(
  z.looseObject({ id: z.string(), employeeNumber: z.string(), name: z.string(), address: z.string().nullable() }),
);

export const tokenShape = z.looseObject({
  id: z.string(),
  name: z.string(),
  role: z.string(),
  source: z.string().nullable(),
});
export const anything = z.unknown();
