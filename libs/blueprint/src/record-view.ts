import { displayedName, type EmployeeRecord } from '#libs/vocabulary';

/**
 * The employee as conditions and templates see it: every field is there, absent text is the empty text, so that no rule
 * has to ask first whether a field is there. Dates are `YYYY-MM-DD`, which compare as text.
 */
export class EmployeeView {
  readonly employeeNumber: string;
  readonly status: string;
  readonly workerType: string;
  readonly givenName: string;
  readonly familyName: string;
  readonly legalGivenName: string;
  readonly legalFamilyName: string;
  readonly hireDate: string;
  readonly endDate: string;
  readonly country: string;
  readonly locationCode: string;
  readonly companyCode: string;
  readonly department: string;
  readonly costCentre: string;
  readonly jobTitle: string;
  readonly managerNumber: string;
  readonly workLanguage: string;
  readonly fte: number;
  readonly workEmail: string;
  readonly legacyEmails: readonly string[];
  readonly workPhone: string;
  readonly mobilePhone: string;

  constructor(record: EmployeeRecord) {
    const shown = displayedName(record);
    this.employeeNumber = record.employeeNumber;
    this.status = record.status;
    this.workerType = record.workerType;
    this.givenName = shown.givenName;
    this.familyName = shown.familyName;
    this.legalGivenName = record.legalName.givenName;
    this.legalFamilyName = record.legalName.familyName;
    this.hireDate = record.hireDate;
    this.endDate = record.endDate ?? '';
    this.country = record.country;
    this.locationCode = record.locationCode ?? '';
    this.companyCode = record.companyCode ?? '';
    this.department = record.department ?? '';
    this.costCentre = record.costCentre ?? '';
    this.jobTitle = record.jobTitle ?? '';
    this.managerNumber = record.managerNumber ?? '';
    this.workLanguage = record.workLanguage ?? '';
    this.fte = record.fte ?? 1;
    this.workEmail = record.workEmail?.toLowerCase() ?? '';
    this.legacyEmails = record.legacyEmails.map((address) => address.toLowerCase());
    this.workPhone = record.workPhone ?? '';
    this.mobilePhone = record.mobilePhone ?? '';
  }
}

/** CEL types of the view's fields: conditions are checked against them before any record is seen. */
export const employeeFields = {
  employeeNumber: 'string',
  status: 'string',
  workerType: 'string',
  givenName: 'string',
  familyName: 'string',
  legalGivenName: 'string',
  legalFamilyName: 'string',
  hireDate: 'string',
  endDate: 'string',
  country: 'string',
  locationCode: 'string',
  companyCode: 'string',
  department: 'string',
  costCentre: 'string',
  jobTitle: 'string',
  managerNumber: 'string',
  workLanguage: 'string',
  fte: 'double',
  workEmail: 'string',
  legacyEmails: 'list<string>',
  workPhone: 'string',
  mobilePhone: 'string',
} as const satisfies Record<keyof EmployeeView, string>;

export type Tables = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What a rule may look at. `address` and `managerAddress` are known to texts only, after addresses are chosen. */
export interface RuleScope {
  readonly employee: EmployeeView;
  readonly today: string;
  readonly tables: Tables;
  readonly address: string;
  readonly localPart: string;
  readonly managerAddress: string;
}
