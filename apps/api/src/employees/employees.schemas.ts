import { z } from 'zod';
import { employmentStatuses, migrationStates } from '#libs/vocabulary';
import { momentSchema } from '../described.js';
import { enrolledSchema, reasonSchema } from '../progress/progress.schemas.js';

export const hitsSchema = z.array(
  z.object({
    id: z.uuid(),
    source: z.string(),
    employeeNumber: z.string(),
    name: z.string(),
    address: z.string().nullable(),
    status: z.enum(employmentStatuses),
  }),
);

const accountSchema = z.object({
  googleId: z.string(),
  primaryEmail: z.string(),
  origin: z.enum(['created', 'adopted']),
  writtenAt: momentSchema.nullable(),
  suspended: z.boolean().nullable().meta({ description: 'As Google last listed it; null: not listed yet.' }),
});

const enrolmentSchema = enrolledSchema.extend({
  migrationId: z.uuid(),
  migrationName: z.string(),
  migrationState: z.enum(migrationStates),
  causeReason: reasonSchema.nullable(),
  causeSince: momentSchema.nullable(),
  planned: z
    .object({ suspended: z.boolean(), password: z.enum(['sso', 'handover']) })
    .nullable()
    .meta({ description: 'Null where nothing is planned.' }),
});

export const employeeSchema = z.object({
  sentence: z.string().meta({
    description: 'For the service desk to read aloud.',
    example:
      'Can sign in as zoe@example.com with the company’s own sign-in. The calendar is ready, mail is not. ' +
      'It waits for the mailbox since 2026-11-25 09:12 UTC. Google has not made the mailbox yet. ' +
      'Tell the caller that nothing is wrong: it comes by itself, at the latest by 2026-11-25 10:12 UTC.',
  }),
  id: z.uuid(),
  source: z.string(),
  employeeNumber: z.string(),
  version: z.int(),
  record: z.record(z.string(), z.unknown()).meta({ description: 'What HR says, in the canonical shape.' }),
  account: accountSchema.nullable().meta({ description: 'Null while there is none of ours.' }),
  enrolment: enrolmentSchema
    .nullable()
    .meta({ description: 'The latest migration of theirs; null: none has started.' }),
  timeline: z
    .array(
      z.object({
        at: momentSchema,
        kind: z.string(),
        step: z.string().nullable(),
        state: z.string().nullable(),
        reason: z.string().nullable(),
      }),
    )
    .meta({ description: 'The newest events, newest first.' }),
});
