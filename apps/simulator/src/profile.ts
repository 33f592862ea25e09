import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

const range = z.tuple([z.number().min(0), z.number().min(0)]);

/** What kind of Google this is: every number a knob. Delays are ranges in seconds of Google's time. */
export const profileSchema = z.strictObject({
  customer: z.string().default('C0demo001'),
  domains: z.array(z.string()).min(1),
  admins: z.array(z.string()).min(1),
  invitationsPermitted: z.boolean().default(true),
  /** Amounts at time scale 1; null switches a quota off. */
  quotas: z
    .strictObject({
      directoryPerMinutePerUser: z.number().nullable().default(2400),
      creationsPerSecondPerDomain: z.number().nullable().default(10),
      orgUnitWritesPerSecond: z.number().nullable().default(1),
      directoryInFlight: z.number().nullable().default(null),
      licensingPerMinute: z.number().nullable().default(60),
      gmailUnitsPerMinutePerProject: z.number().nullable().default(1_200_000),
      gmailUnitsPerMinutePerUser: z.number().nullable().default(6_000),
      calendarPerMinutePerProject: z.number().nullable().default(10_000),
      calendarPerMinutePerUser: z.number().nullable().default(600),
      tokensPerSecond: z.number().nullable().default(null),
    })
    .prefault({}),
  delays: z
    .strictObject({
      visibleById: range.default([0, 10]),
      complete: range.default([2, 40]),
      staleReads: z.strictObject({ share: z.number(), seconds: z.number() }).default({ share: 0.2, seconds: 60 }),
      token: range.default([1, 30]),
      mailbox: range.default([10, 180]),
      mailboxSlow: z.strictObject({ share: z.number(), seconds: z.number() }).default({ share: 0.01, seconds: 600 }),
      mailboxNeverShare: z.number().default(0),
      calendar: range.default([5, 60]),
      member: range.default([0, 10]),
      latencyMs: range.default([0, 0]),
    })
    .prefault({}),
  /** Faults for each 10,000 calls. */
  faults: z
    .strictObject({
      unavailable: z.number().default(0),
      internal: z.number().default(0),
      lostReply: z.number().default(0),
      lostReply409: z.number().default(0),
      htmlBadGateway: z.number().default(0),
      tokenExpired: z.number().default(0),
      throttled: z.number().default(0),
    })
    .prefault({}),
  licences: z.array(z.strictObject({ productId: z.string(), skuId: z.string(), pool: z.number().int() })).default([]),
  automaticLicensing: z.boolean().default(true),
  seats: z.number().int().default(10_000_000),
  /** Known final failures, by employee number. */
  poison: z
    .strictObject({
      invalidInsert: z.array(z.string()).default([]),
      mailboxNever: z.array(z.string()).default([]),
      calendarForbidden: z.array(z.string()).default([]),
    })
    .prefault({}),
});

export type Profile = z.infer<typeof profileSchema>;

export function readProfile(path: string): Profile {
  return profileSchema.parse(parse(readFileSync(path, 'utf8')));
}
