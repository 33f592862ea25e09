import type { RefusalReason } from '#libs/vocabulary';

/**
 * Each canonical field with the header names that mean it, the documented one first. Headers are compared without case,
 * spaces, dashes and underscores.
 */
export const columns = {
  employeeNumber: ['worker_id', 'employee_number', 'employee_id', 'personnel_number', 'external_id', 'worker_number'],
  legalGivenName: ['legal_given_name', 'given_name', 'first_name'],
  legalFamilyName: ['legal_family_name', 'family_name', 'last_name', 'surname'],
  preferredGivenName: ['preferred_given_name', 'preferred_first_name'],
  preferredFamilyName: ['preferred_family_name', 'preferred_last_name'],
  latinGivenName: ['latin_given_name'],
  latinFamilyName: ['latin_family_name'],
  workerType: ['worker_type', 'employee_type', 'user_type'],
  status: ['status', 'employment_status'],
  hireDate: ['hire_date', 'start_date'],
  endDate: ['termination_date', 'end_date'],
  country: ['country', 'country_code'],
  locationCode: ['location_code', 'location', 'site'],
  companyCode: ['company_code', 'company', 'organization'],
  department: ['department'],
  costCentre: ['cost_centre', 'cost_center'],
  jobTitle: ['job_title', 'title'],
  managerNumber: ['manager_id', 'manager_number', 'manager'],
  workLanguage: ['work_language', 'preferred_language', 'language'],
  fte: ['fte'],
  workEmail: ['work_email', 'email'],
  legacyEmails: ['legacy_emails'],
  workPhone: ['work_phone', 'phone'],
  mobilePhone: ['mobile_phone', 'mobile'],
} as const;

export type Field = keyof typeof columns;
/** What a row says of a field; values as the dialect gives them. */
export interface FieldValues {
  get(field: Field): unknown;
}

const fold = (name: string) =>
  name
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_-]/g, '');

const isField = (name: string): name is Field => Object.hasOwn(columns, name);
const fields = Object.keys(columns).filter(isField);

const fieldByHeader = new Map(
  fields.flatMap((field) => [field, ...columns[field]].map((name) => [fold(name), field] as const)),
);

/** Without these a whole file is refused; of the legal names one is enough. */
const required = ['employeeNumber', 'workerType', 'status', 'hireDate', 'country'] as const;

/** Personal data that accounts do not need: a feed that carries it is refused, so that it never reaches the ledger. */
const unwanted = /^(birthdate|dateofbirth|dob|salary|pay|iban|bankaccount|nationalid|ssn|socialsecuritynumber)$/;

export interface HeaderFault {
  readonly reason: RefusalReason;
  /** Never a header as it was sent, unless it is one of ours. */
  readonly column: string;
}

/** The documented column of a field: what reports call it. */
export function columnOf(field: Field): string {
  return columns[field][0];
}

/** The field that a header means, or undefined for columns that Bascule does not use. */
export function fieldOf(header: string): Field | undefined {
  return fieldByHeader.get(fold(header));
}

/** The unwanted column that a header means, by the name under which Bascule knows it. */
export function unwantedColumn(header: string): string | undefined {
  return unwanted.exec(fold(header))?.[0];
}

/** What is wrong with a header row as a whole. */
export function headerFault(headers: readonly string[]): HeaderFault | undefined {
  const personal = headers.map(unwantedColumn).find((column) => column !== undefined);
  if (personal !== undefined) return { reason: 'header_unwanted_column', column: personal };
  const seen = new Set<Field>();
  for (const header of headers) {
    const field = fieldOf(header);
    if (field === undefined) continue;
    if (seen.has(field)) return { reason: 'header_duplicate_column', column: columnOf(field) };
    seen.add(field);
  }
  const missing = required.find((field) => !seen.has(field));
  if (missing !== undefined) return { reason: 'header_missing_column', column: columnOf(missing) };
  if (seen.has('legalGivenName') || seen.has('legalFamilyName')) return undefined;
  return { reason: 'header_missing_column', column: columnOf('legalFamilyName') };
}
