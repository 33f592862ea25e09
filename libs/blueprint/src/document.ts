import { z } from 'zod';

/**
 * The shape of the document: which keys there are. What a setting's value may be is read by `settings.ts`, because a
 * value may be a text, a list of rules or an object with a mode, and its problems shall name the innermost place.
 */
const anything = z.unknown();
const word = z.string().min(1);
const domain = z
  .string()
  .regex(/^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/iu, 'is no domain name');

export const whoCanPostWords = {
  nobody: 'NONE_CAN_POST',
  managers: 'ALL_MANAGERS_CAN_POST',
  members: 'ALL_MEMBERS_CAN_POST',
  domain: 'ALL_IN_DOMAIN_CAN_POST',
  anyone: 'ANYONE_CAN_POST',
} as const;

const tableName = z.string().regex(/^[a-zA-Z][a-zA-Z0-9]*$/u, 'is no name of letters and digits');

export const declaredOrgUnitSchema = z.strictObject({
  path: word,
  description: z.string().optional(),
  forEach: tableName.optional(),
});

export const declaredGroupSchema = z.strictObject({
  email: word,
  name: word,
  description: z.string().max(4096).optional(),
  whoCanPost: z.enum(['nobody', 'managers', 'members', 'domain', 'anyone']),
  forEach: tableName.optional(),
});

export const declaredCalendarSchema = z.strictObject({
  key: word,
  name: word,
  description: z.string().optional(),
  timeZone: word,
  owner: word,
  sharing: z.array(anything).optional(),
  forEach: tableName.optional(),
});

export const documentSchema = z.strictObject({
  blueprint: z.literal(1),
  name: word.max(100),
  description: z.string().optional(),
  tables: z.record(tableName, z.record(z.string(), z.string())).optional(),
  domains: z.array(domain).min(1).max(600),
  declare: z
    .strictObject({
      orgUnits: z.array(declaredOrgUnitSchema).optional(),
      groups: z.array(declaredGroupSchema).optional(),
      calendars: z.array(declaredCalendarSchema).optional(),
    })
    .optional(),
  domain: anything.optional(),
  address: z
    .strictObject({
      given: z.enum(['keep', 'ignore']).optional(),
      pattern: anything.optional(),
      alternatives: z.array(anything).max(10).optional(),
      collision: anything.optional(),
      legacy: z.enum(['keep', 'drop']).optional(),
      reuseAfter: z
        .string()
        .regex(
          /^(never|P(?=\d)(\d{1,3}Y)?(\d{1,3}M)?(\d{1,4}D)?)$/u,
          'is neither never nor a period such as P5Y or P18M',
        )
        .optional(),
      reserved: z.array(word).optional(),
      offensive: z.array(word).optional(),
    })
    .optional(),
  password: z.enum(['sso', 'handover']),
  orgUnit: anything,
  suspendWhen: z.string().optional(),
  joiners: z.strictObject({ leadDays: z.int().min(0).max(365).optional() }).optional(),
  leavers: z
    .strictObject({
      graceDays: z.int().min(0).max(365).optional(),
      orgUnit: anything.optional(),
      licence: z.enum(['keep', 'archive']).optional(),
    })
    .optional(),
  licence: anything,
  groups: z.array(anything).optional(),
  profile: z
    .strictObject({
      organization: z
        .strictObject({
          name: anything.optional(),
          title: anything.optional(),
          department: anything.optional(),
          costCenter: anything.optional(),
          location: anything.optional(),
          description: anything.optional(),
        })
        .optional(),
      phones: z.strictObject({ work: anything.optional(), mobile: anything.optional() }).optional(),
      language: anything.optional(),
      manager: z.boolean().optional(),
    })
    .optional(),
  gmail: z
    .strictObject({
      language: anything.optional(),
      signature: anything.optional(),
      imap: anything.optional(),
      pop: anything.optional(),
    })
    .optional(),
  calendar: z
    .strictObject({
      timeZone: anything.optional(),
      subscriptions: anything.optional(),
      sharing: anything.optional(),
    })
    .optional(),
});

export type BlueprintDocument = z.infer<typeof documentSchema>;
