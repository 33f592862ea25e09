import { z } from 'zod';
import { previewOrigins } from '#libs/ledger';
import { countSchema, countsOf, momentSchema } from '../described.js';

const personSchema = z.object({
  row: z.int().meta({ description: 'Counted from 1 in the order of the file.' }),
  line: z.int().meta({ description: 'Where the row begins in the file, from 1.' }),
  employeeNumber: z.string().nullable(),
  how: z.enum(previewOrigins),
  address: z.string().nullable().meta({ description: 'Null for who is held or has left, and for rows not applied.' }),
  wanted: z.string().nullable().meta({
    description:
      'The feed’s or the pattern’s address that is not theirs; of who has one for good, what they would get now: a suggestion.',
  }),
  holder: z
    .object({ source: z.string(), employeeNumber: z.string() })
    .nullable()
    .meta({ description: 'The known employee who has the wanted address.' }),
  reason: z
    .string()
    .nullable()
    .meta({ description: 'Why nothing is given: a reason of a conflict or of a rejected row.' }),
  aliases: z.array(z.string()),
  aliasesLeftOut: z
    .array(z.string())
    .meta({ description: 'Former addresses that cannot become aliases: somebody or something else has them.' }),
});

export const previewSchema = z.object({
  blueprint: z.object({ name: z.string(), version: z.int() }),
  source: z.string(),
  listedAt: momentSchema
    .nullable()
    .meta({ description: 'When Google’s directory was last listed; null: never, so nothing of it is known.' }),
  rows: countSchema,
  counts: countsOf(previewOrigins),
  reasons: z.record(z.string(), countSchema),
  people: z.array(personSchema),
});
