import { z } from 'zod';
import { failureBudgetSchema, selectionSchema, standingSettingsSchema } from '#libs/ledger';
import { migrationStates, planActions, sharedActionKinds } from '#libs/vocabulary';
import { countSchema, countsOf, momentSchema } from '../described.js';
import { employeesSchema, reasonSchema, stepSchema } from '../progress/progress.schemas.js';

const selectionAnswer = z
  .discriminatedUnion('kind', [...selectionSchema.options, z.object({ kind: z.literal('round') })])
  .meta({ description: 'Whom it enrols; a round is for those who were chosen when it was made.' });

const migrationFields = {
  id: z.uuid(),
  name: z.string(),
  blueprintId: z.uuid(),
  blueprintName: z.string(),
  blueprintVersion: z.int(),
  selection: selectionAnswer,
  failureBudget: failureBudgetSchema,
  state: z.enum(migrationStates),
  causeReason: reasonSchema.nullable().meta({ description: 'Why it is pausing or paused.' }),
  causeSince: momentSchema.nullable(),
  planId: z.uuid().nullable(),
  createdAt: momentSchema,
  startedAt: momentSchema.nullable(),
  finishedAt: momentSchema.nullable(),
  budgetFrom: z.int(),
  addressesChecked: z.boolean().meta({ description: 'New addresses were looked up again after the start.' }),
  handoverKey: z.string().nullable().meta({ description: 'Public key (PEM) to which first passwords are sealed.' }),
  standingId: z.uuid().nullable().meta({ description: 'The standing migration of which this one is a round.' }),
  heldBecause: z.string().nullable().meta({ description: 'Why a round waits for approval, in a sentence.' }),
};

export const migrationSchema = z.object(migrationFields).meta({ id: 'Migration' });

export const migrationListSchema = z.array(
  z.object({
    ...migrationFields,
    percent: z.int(),
    employees: employeesSchema.meta({ description: 'As in the progress document.' }),
  }),
);

export const standingSchema = z.object({
  migrationId: z.uuid(),
  isOn: z.boolean(),
  settings: standingSettingsSchema,
  switchedBy: z.string().meta({ description: 'In whose name rounds within the guard are approved.' }),
  switchedAt: momentSchema,
});

export const roundsSchema = z.object({
  rounds: z.array(
    z.object({
      id: z
        .uuid()
        .meta({ description: 'A migration of its own: its plan, progress and report are read as of any other.' }),
      state: z.enum(migrationStates),
      heldBecause: z.string().nullable(),
      createdAt: momentSchema,
      people: countSchema,
    }),
  ),
  cursor: z.uuid().nullable().meta({ description: 'Ask with it for the next page; null: this was the last.' }),
});

const priceSchema = z.object({
  callsPerApi: z.record(z.string(), z.number()),
  perQuota: z.array(z.looseObject({ quota: z.string(), scope: z.string(), amount: z.number(), hours: z.number() })),
  bindingQuota: z.string().nullable(),
  hours: z.number().meta({ description: 'At least, at the pace that Google’s quotas allow.' }),
});

const summarySchema = z.looseObject({
  total: countSchema,
  actions: countsOf(planActions),
  reasons: z.record(z.string(), countSchema).meta({ description: 'Employees by reason of conflict or skip.' }),
  steps: z.record(z.string(), countSchema),
  changes: z.record(z.string(), countSchema).meta({ description: 'Employees by changed field.' }),
  accountsAtGoogle: countSchema,
  seatsNeeded: countSchema,
  shared: z.object({
    create: z.array(z.object({ kind: z.enum(sharedActionKinds), key: z.string() })),
    present: countSchema,
  }),
  price: priceSchema,
  unknowns: z.array(z.string()),
  warnings: z.array(z.string()).default([]).meta({ description: 'What to know beside the numbers, in sentences.' }),
});

export const planSchema = z.looseObject({
  id: z.uuid(),
  migrationId: z.uuid(),
  state: z.enum(['computing', 'ready', 'refused', 'discarded']),
  cause: z.string().nullable().meta({ description: 'Why it was refused.' }),
  summary: summarySchema.nullable().meta({ description: 'Null while it is computed, or when it was refused.' }),
  needsAcceptance: z.array(z.string()).meta({ description: 'What Google would not tell: approve with these words.' }),
  acceptedUnknowns: z.array(z.string()),
  sharedActions: z.array(
    z.object({
      id: z.int(),
      kind: z.enum(sharedActionKinds),
      key: z.string(),
      desired: z.unknown(),
      action: z.enum(['create', 'nothing']),
      state: z.string(),
      reason: z.string().nullable(),
      googleId: z.string().nullable(),
      attempts: z.int(),
    }),
  ),
  items: z.array(
    z.object({
      employeeId: z.uuid(),
      employeeNumber: z.string(),
      action: z.enum(planActions),
      reason: reasonSchema.nullable(),
      address: z.string().nullable(),
      steps: z.array(stepSchema),
      changes: z.array(z.object({ field: z.string(), from: z.unknown().optional(), to: z.unknown().optional() })),
      desired: z
        .unknown()
        .meta({ description: 'The account as the blueprint wants it; null where nothing is planned.' }),
    }),
  ),
  cursor: z.uuid().nullable().meta({ description: 'Ask with it for the next page; null: this was the last.' }),
});

export const planStartedSchema = z.object({ planId: z.uuid() });
export const reopenedSchema = z.object({ reopened: countSchema.meta({ description: 'Steps that run again.' }) });

export const handoverSchema = z.object({
  scheme: z.literal('RSA-OAEP-256'),
  passwords: z.array(
    z.object({
      employeeId: z.uuid(),
      source: z.string(),
      employeeNumber: z.string(),
      address: z.string(),
      keyId: z.string(),
      sealed: z.string().meta({ description: 'Base64; only the private key opens it.' }),
    }),
  ),
  cursor: z.uuid().nullable(),
});

export const findingsSchema = z.object({
  ok: z.boolean().meta({ description: 'No finding is a blocker.' }),
  findings: z.array(
    z.object({
      check: z.string(),
      subject: z.string().meta({ description: '`admin 1`, `admin 2`, … or `canary`: never an address.' }),
      state: z.enum(['pass', 'warning', 'blocker']),
      reason: reasonSchema.optional(),
      whatToDo: z.string().optional(),
    }),
  ),
});
