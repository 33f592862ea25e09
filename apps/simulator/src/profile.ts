import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { apiNames } from './documents.js';

const range = z.tuple([z.number().min(0), z.number().min(0)]);
const amount = z.number().nullable();

/** A time in which a share of the calls of one API, or of all, is refused in several shapes. */
export const stormSchema = z.strictObject({
  /** Seconds of Google's time since the world began; absent: at once, until it is turned off. */
  from: z.number().min(0).default(0),
  seconds: z.number().positive().default(Infinity),
  share: z.number().min(0).max(1),
  api: z.enum(apiNames).optional(),
});

/** Faults for each 10,000 calls. */
const faultRates = z.strictObject({
  unavailable: z.number().default(0),
  internal: z.number().default(0),
  lostReply: z.number().default(0),
  lostReply409: z.number().default(0),
  htmlBadGateway: z.number().default(0),
  tokenExpired: z.number().default(0),
  throttled: z.number().default(0),
  /** At the token endpoint. */
  tokenUnavailable: z.number().default(0),
  tokenLostReply: z.number().default(0),
});

/** What an admin may lack, as the Admin console's API names it. */
export const privileges = [
  'USERS_CREATE',
  'USERS_RETRIEVE',
  'USERS_UPDATE',
  'USERS_DELETE',
  'ORGANIZATION_UNITS_RETRIEVE',
  'ORGANIZATION_UNITS_CREATE',
  'ORGANIZATION_UNITS_DELETE',
  'GROUPS_RETRIEVE',
  'GROUPS_CREATE',
  'GROUPS_UPDATE',
  'GROUPS_DELETE',
  'LICENSING',
  'DOMAIN_MANAGEMENT',
  'USER_INVITATIONS',
] as const;
export type Privilege = (typeof privileges)[number];

/** What kind of Google this is: every number a knob. Delays are ranges in seconds of Google's time. */
export const profileSchema = z.strictObject({
  customer: z.string().default('C0demo001'),
  domains: z.array(z.string()).min(1),
  admins: z.array(z.string()).min(1),
  /** Admin address → the privileges that this one lacks. */
  adminsWithout: z.record(z.string(), z.array(z.enum(privileges))).default({}),
  /** Scopes that domain-wide delegation lists for the client id, whole or without their prefix; absent: all. */
  delegatedScopes: z.array(z.string()).optional(),
  disabledApis: z.array(z.enum(apiNames)).default([]),
  invitationsPermitted: z.boolean().default(true),
  /** Whether per-user quotas go by `quotaUser`; else all of a service account's calls count as one user. */
  quotaUserHonoured: z.boolean().default(true),
  /** Amounts at time scale 1; null switches a quota off. */
  quotas: z
    .strictObject({
      /** Per-second quotas over an exact sliding second, instead of a bucket of one second's worth. */
      strict: z.boolean().default(false),
      directoryPerMinutePerUser: amount.default(2400),
      creationsPerSecondPerDomain: amount.default(10),
      orgUnitWritesPerSecond: amount.default(1),
      /** Calls at the Directory API that may be under way at once, all clients together. Not scaled with time. */
      directoryInFlight: amount.default(null),
      licensingPerMinute: amount.default(60),
      gmailUnitsPerMinutePerProject: amount.default(1_200_000),
      gmailUnitsPerMinutePerUser: amount.default(6_000),
      /** Calls to one mailbox that may be under way at once. Not scaled with time. */
      mailboxInFlight: amount.default(10),
      calendarPerMinutePerProject: amount.default(10_000),
      calendarPerMinutePerUser: amount.default(600),
      tokensPerSecond: amount.default(null),
    })
    .prefault({}),
  delays: z
    .strictObject({
      visibleById: range.default([0, 10]),
      /** Until a new account, a new group and a new org unit show in listings or can be used. */
      visibleInListing: range.default([0, 0]),
      group: range.default([0, 0]),
      orgUnit: range.default([0, 0]),
      /** Until a new membership can be read. */
      membership: range.default([0, 0]),
      complete: range.default([2, 40]),
      /** Seconds after a rename in which further updates answer 409. */
      rename: z.number().default(0),
      staleReads: z.strictObject({ share: z.number(), seconds: z.number() }).default({ share: 0.2, seconds: 60 }),
      token: range.default([1, 30]),
      mailbox: range.default([10, 180]),
      mailboxSlow: z.strictObject({ share: z.number(), seconds: z.number() }).default({ share: 0.01, seconds: 600 }),
      mailboxNeverShare: z.number().default(0),
      calendar: range.default([5, 60]),
      member: range.default([0, 10]),
      /** Real milliseconds of every call, not scaled. */
      latencyMs: range.default([0, 0]),
    })
    .prefault({}),
  pageTokenSeconds: z.number().default(3 * 86_400),
  faults: faultRates.prefault({}),
  storms: z.array(stormSchema).default([]),
  licences: z.array(z.strictObject({ productId: z.string(), skuId: z.string(), pool: z.number().int() })).default([]),
  /** True: the first licence, for everybody; a list: by the nearest org unit above. */
  automaticLicensing: z
    .union([
      z.boolean(),
      z.array(z.strictObject({ orgUnitPath: z.string(), productId: z.string(), skuId: z.string() })),
    ])
    .default(true),
  /** Whether licences that came by themselves can be changed or taken away by the API. */
  automaticLicencesLocked: z.boolean().default(false),
  seats: z.number().int().default(10_000_000),
  /** What a second calendarList.insert of the same calendar answers; the field has seen both. */
  repeatedSubscription: z.enum(['overwrite', 'conflict']).default('overwrite'),
  /** Known final failures, by employee number; `mailboxSlow` waits as long as delays.mailboxSlow says. */
  poison: z
    .strictObject({
      invalidInsert: z.array(z.string()).default([]),
      mailboxNever: z.array(z.string()).default([]),
      mailboxSlow: z.array(z.string()).default([]),
      calendarForbidden: z.array(z.string()).default([]),
    })
    .prefault({}),
});

export type Profile = z.infer<typeof profileSchema>;

export function readProfile(path: string): Profile {
  return profileSchema.parse(parse(readFileSync(path, 'utf8')));
}
