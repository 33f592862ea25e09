/** Canonical field → header names that mean it, compared without case, spaces, dashes and underscores. */
const synonyms: Readonly<Record<string, readonly string[]>> = {
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
};

const fold = (name: string) =>
  name
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_-]/g, '');

const fieldByHeader = new Map(
  Object.entries(synonyms).flatMap(([field, names]) => [field, ...names].map((name) => [fold(name), field] as const)),
);

/** Without these a whole file is refused. */
const required = ['employeeNumber', 'workerType', 'status', 'hireDate', 'country'] as const;

/** Personal data that accounts do not need: a feed that carries it is refused, so that it never reaches the ledger. */
const unwanted = /^(birth ?date|dateofbirth|dob|salary|pay|iban|bankaccount|nationalid|ssn|socialsecuritynumber)$/;

export interface HeaderFault {
  readonly code: 'header_missing_column' | 'header_duplicate_column' | 'header_unwanted_column';
  readonly column: string;
}

/** The canonical field of a column, or undefined for columns that Bascule does not use. */
export function fieldOf(header: string): string | undefined {
  return fieldByHeader.get(fold(header));
}

/** What is wrong with a header row as a whole. */
export function headerFault(headers: readonly string[]): HeaderFault | undefined {
  const personal = headers.find((header) => unwanted.test(fold(header)));
  if (personal !== undefined) return { code: 'header_unwanted_column', column: personal };
  const seen = new Set<string>();
  for (const header of headers) {
    const field = fieldOf(header);
    if (field === undefined) continue;
    if (seen.has(field)) return { code: 'header_duplicate_column', column: header };
    seen.add(field);
  }
  const missing = required.find((field) => !seen.has(field));
  if (missing !== undefined) return { code: 'header_missing_column', column: synonyms[missing]?.[0] ?? missing };
  return undefined;
}
