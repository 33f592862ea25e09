import { z } from 'zod';
import { fileSettingsSchema } from './feed-file.js';
import { workerTypes } from './employee.js';
import { limitSchema } from './limit.js';
import { dropSettingsSchema, sftpSettingsSchema } from './feed-drop.js';

/** A source's name: it stands in addresses, file paths and metrics. */
export const sourceNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/i, 'may hold letters, digits, - and _, at most 63, a letter or digit first');

/** A part of a source that has full deliveries of its own, such as a country. */
export const populationSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_.-]{0,62}$/i, 'may hold letters, digits, -, _ and ., at most 63, a letter or digit first');

/** From which change on a delivery waits for a person's word; see docs/safeguards.md. */
const guardSchema = z.strictObject({
  leavers: limitSchema(50, 0.02).prefault({}),
  /** The same within each country: a small one would not be noticed in the whole. */
  leaversInCountry: limitSchema(20, 0.1).prefault({}),
  addressChanges: limitSchema(50, 0.01).prefault({}),
  addressChangesInCountry: limitSchema(20, 0.1).prefault({}),
  joiners: limitSchema(200, 0.05).prefault({}),
  renames: limitSchema(50, 0.01).prefault({}),
  moves: limitSchema(200, 0.3).prefault({}),
  /** Rows that give a person another number. */
  renumberings: limitSchema(50, 0.01).prefault({}),
  /** Of the delivery's rows. */
  rejectedRows: limitSchema(50, 0.1).prefault({}),
  /** More or fewer rows than in the full delivery before it. */
  rowCount: limitSchema(50, 0.1).prefault({}),
});
export type GuardSettings = z.infer<typeof guardSchema>;

/** Missing from full deliveries means left only when these are so far apart. */
const absenceSchema = z.strictObject({ hoursApart: z.number().min(0).max(8_760).default(20) });

const countrySchema = z.string().regex(/^[A-Z]{2}$/, 'must be two letters of ISO 3166-1, such as FR');

/** Of whom the source may speak at all; no countries stand for every one. */
const authoritySchema = z.strictObject({ countries: z.array(countrySchema).max(250).default([]) });
export type AuthoritySettings = z.infer<typeof authoritySchema>;

/** What SCIM has no word for, or identity platforms do not send; see docs/scim.md. */
const scimSchema = z.strictObject({
  /** Which attribute is the worker's number when a user is created; the other and userName follow when it is empty. */
  employeeNumberFrom: z.enum(['externalId', 'employeeNumber']).default('externalId'),
  /** For users who say neither; without it such a user is rejected. */
  workerType: z.enum(workerTypes).optional(),
  country: countrySchema.optional(),
  /** Whether the day on which the user was created counts as the first day, when no hire date is said. */
  hiredWhenCreated: z.boolean().default(true),
});
export type ScimSettings = z.infer<typeof scimSchema>;

/** What is settled for one source; every part has a default, so that a source works before anybody settles anything. */
export const feedSourceSettingsSchema = z.strictObject({
  guard: guardSchema.prefault({}),
  authority: authoritySchema.prefault({}),
  absence: absenceSchema.prefault({}),
  drop: dropSettingsSchema.prefault({}),
  file: fileSettingsSchema.prefault({}),
  scim: scimSchema.prefault({}),
  sftp: sftpSettingsSchema.nullable().default(null),
});
export type FeedSourceSettings = z.infer<typeof feedSourceSettingsSchema>;
