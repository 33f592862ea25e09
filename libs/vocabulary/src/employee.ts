import { z } from 'zod';

/** RFC 3339 full-date, a real day. */
export const dateSchema = z.iso.date();

const text = z.string().min(1).max(255);

const personName = z.object({ givenName: z.string().max(255), familyName: z.string().max(255) });

export const employmentStatuses = ['active', 'prehire', 'leave', 'terminated'] as const;
export const workerTypes = ['employee', 'temp', 'contractor', 'intern'] as const;

/**
 * The canonical employee record: what HR says of one person, in one shape, whatever the feed looked like.
 * Optional fields are absent rather than empty. Names keep their script; only Google's copy is cut to 60 characters.
 */
export const employeeRecordSchema = z.strictObject({
  employeeNumber: z.string().min(1).max(64),
  status: z.enum(employmentStatuses),
  workerType: z.enum(workerTypes),
  legalName: personName,
  preferredName: personName.partial().optional(),
  latinName: personName.partial().optional(),
  /** First day of this employment. */
  hireDate: dateSchema,
  /** Last day with access. */
  endDate: dateSchema.optional(),
  /** ISO 3166-1 alpha-2, upper case. */
  country: z.string().regex(/^[A-Z]{2}$/),
  locationCode: text.optional(),
  companyCode: text.optional(),
  department: text.optional(),
  costCentre: text.optional(),
  jobTitle: text.optional(),
  managerNumber: z.string().min(1).max(64).optional(),
  /** The source's former number of the same person: a rehire or a conversion under a new number. */
  previousNumber: z.string().min(1).max(64).optional(),
  /** BCP 47. */
  workLanguage: z.string().min(2).max(35).optional(),
  /** Share of full time, 0 to 1. */
  fte: z.number().min(0).max(2).optional(),
  /** The address the person has today, if any; on a verified domain it is the primary address. */
  workEmail: z.email().optional(),
  legacyEmails: z.array(z.email()).max(30).default([]),
  workPhone: text.optional(),
  mobilePhone: text.optional(),
});

export type EmployeeRecord = z.infer<typeof employeeRecordSchema>;

/** The name that Google shows: preferred over legal, part by part. */
export function displayedName(record: EmployeeRecord): { givenName: string; familyName: string } {
  return {
    givenName: record.preferredName?.givenName ?? record.legalName.givenName,
    familyName: record.preferredName?.familyName ?? record.legalName.familyName,
  };
}
