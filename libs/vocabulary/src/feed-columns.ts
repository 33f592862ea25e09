/**
 * Each field of a feed with the header names that mean it, the documented one first. Headers are compared as `foldHeader`
 * gives them.
 */
export const feedColumns = {
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
  previousNumber: ['previous_worker_id', 'previous_employee_number', 'former_worker_id'],
  managerNumber: ['manager_id', 'manager_number', 'manager'],
  workLanguage: ['work_language', 'preferred_language', 'language'],
  fte: ['fte'],
  workEmail: ['work_email', 'email'],
  legacyEmails: ['legacy_emails'],
  workPhone: ['work_phone', 'phone'],
  mobilePhone: ['mobile_phone', 'mobile'],
} as const;

export type FeedField = keyof typeof feedColumns;
/** A column by its documented name: what settings and reports call it. */
export type FeedColumn = (typeof feedColumns)[FeedField][0];

const isField = (name: string): name is FeedField => Object.hasOwn(feedColumns, name);
export const feedFields = Object.keys(feedColumns).filter(isField);

/** A header as it is compared: without case, spaces, dashes and underscores. */
export const foldHeader = (header: string): string =>
  header
    .normalize('NFC')
    .toLowerCase()
    .replaceAll(/[\s_-]/g, '');
