import { z } from 'zod';
import { sourceNameSchema, webhookEvents, webhookMessageStates } from '#libs/vocabulary';
import { countSchema, momentSchema } from '../described.js';

export const newEndpointSchema = z.strictObject({
  url: z.string().max(2_000).meta({ example: 'https://hr.example/hooks/bascule' }),
  source: sourceNameSchema.optional().meta({ description: 'Left out: what happens in any source.' }),
  events: z
    .array(z.enum(webhookEvents))
    .min(1)
    .transform((events) => [...new Set(events)]),
});

export const rotationSchema = z.strictObject({
  overlapHours: z
    .number()
    .min(0)
    .max(168)
    .default(24)
    .meta({ description: 'How long the present secret signs as well.' }),
});

export const redeliverySchema = z.strictObject({
  messages: z.array(z.uuid()).min(1).max(1_000).optional().meta({ description: 'Left out: all dead ones.' }),
});

export const messagesQuerySchema = z.strictObject({
  state: z.enum(webhookMessageStates).optional(),
  cursor: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

export const endpointSchema = z.object({
  id: z.uuid(),
  url: z.string(),
  source: z.string().nullable().meta({ description: 'Null: any.' }),
  events: z.array(z.enum(webhookEvents)),
  createdAt: momentSchema,
  createdBy: z.string(),
  disabledAt: momentSchema.nullable(),
  disabledReason: z.enum(['gone']).nullable().meta({ description: 'gone: it answered 410.' }),
  pending: countSchema,
  dead: countSchema.meta({ description: 'Given up: to be redelivered by hand.' }),
  lastSentAt: momentSchema.nullable(),
});

export const createdEndpointSchema = endpointSchema.extend({
  secret: z.string().meta({ description: 'Verifies the signatures; shown this once.', example: 'whsec_…' }),
});

export const rotatedSchema = z.object({
  secret: z.string().meta({ description: 'Shown this once.' }),
  previousUntil: momentSchema.meta({ description: 'Until then the previous secret signs as well.' }),
});

export const messagesSchema = z.object({
  messages: z.array(
    z.object({
      id: z.uuid().meta({ description: 'The webhook-id.' }),
      event: z.string(),
      state: z.enum(webhookMessageStates),
      attempts: countSchema,
      dueAt: momentSchema.nullable(),
      lastResult: z.string().nullable().meta({
        description: 'A status, or not_reached, timed_out, address_refused, endpoint_gone.',
      }),
      createdAt: momentSchema,
      finishedAt: momentSchema.nullable(),
      body: z.string(),
    }),
  ),
  cursor: z.uuid().nullable(),
});
