import { employeeRecordSchema, type EmployeeRecord } from '#libs/vocabulary';
import { fieldOf } from './fields.js';

/** What is wrong with one field of a row: words that stay the same, and a sentence with the fix. */
export interface RowProblem {
  readonly field: string;
  readonly reason: string;
  readonly message: string;
}

export type CheckedRow =
  | { readonly record: EmployeeRecord; readonly warnings: readonly RowProblem[] }
  | { readonly employeeNumber: string | undefined; readonly problems: readonly RowProblem[] };

const fieldMax = 255;

const statuses: Readonly<Record<string, EmployeeRecord['status']>> = {
  active: 'active',
  prehire: 'prehire',
  leave: 'leave',
  terminated: 'terminated',
};
const workerTypes: Readonly<Record<string, EmployeeRecord['workerType']>> = {
  employee: 'employee',
  temp: 'temp',
  contractor: 'contractor',
  intern: 'intern',
};

/** Turns one row, whatever its dialect, into a canonical record or into all that is wrong with it. */
export function checkRow(row: Readonly<Record<string, unknown>>): CheckedRow {
  const fields = new RowFields(row);
  const employeeNumber = fields.text('employeeNumber');
  const record = fields.record(employeeNumber);
  if (fields.problems.length > 0) return { employeeNumber, problems: fields.problems };
  const parsed = employeeRecordSchema.safeParse(record);
  if (parsed.success) return { record: parsed.data, warnings: fields.warnings };
  const problems = parsed.error.issues.map(({ path, message }) => ({
    field: String(path[0] ?? ''),
    reason: 'field_invalid',
    message: `${path.join('.')} is not acceptable: ${message}.`,
  }));
  return { employeeNumber, problems };
}

class RowFields {
  readonly problems: RowProblem[] = [];
  readonly warnings: RowProblem[] = [];
  private readonly values = new Map<string, string>();
  private readonly lists = new Map<string, string[]>();

  constructor(row: Readonly<Record<string, unknown>>) {
    for (const [header, value] of Object.entries(row)) {
      const field = fieldOf(header);
      if (field !== undefined) this.take(field, value);
    }
  }

  private take(field: string, value: unknown): void {
    if (value === null || value === undefined) return;
    if (Array.isArray(value)) {
      this.lists.set(
        field,
        value.filter((one): one is string => typeof one === 'string' && one.trim() !== ''),
      );
      return;
    }
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      this.refuse(field, 'field_invalid', 'holds a structure; send a text');
      return;
    }
    const text = String(value).trim();
    if (text.includes('\0')) this.refuse(field, 'row_nul_byte', 'holds a NUL byte; remove it');
    else if (text.length > fieldMax && field !== 'legacyEmails') {
      this.refuse(field, 'field_too_long', `is longer than ${fieldMax} characters; shorten it`);
    } else if (text !== '') this.values.set(field, text);
  }

  text(field: string): string | undefined {
    return this.values.get(field);
  }

  record(employeeNumber: string | undefined): unknown {
    if (employeeNumber === undefined)
      this.refuse('employeeNumber', 'worker_id_missing', 'is empty; every row needs one');
    else if (employeeNumber.length > 64)
      this.refuse('employeeNumber', 'field_too_long', 'is longer than 64 characters');
    const legalName = this.names('legal');
    if (legalName === undefined) this.refuse('legalName', 'name_missing', 'is empty; give one of the two names');
    const preferredName = this.names('preferred');
    const latinName = this.names('latin');
    const dates = this.dates();
    const workEmail = this.address('workEmail', this.values.get('workEmail'));
    return {
      employeeNumber,
      status: this.word('status', statuses, 'status_unknown'),
      workerType: this.word('workerType', workerTypes, 'worker_type_unknown'),
      legalName: { givenName: legalName?.givenName ?? '', familyName: legalName?.familyName ?? '' },
      ...(preferredName !== undefined && { preferredName }),
      ...(latinName !== undefined && { latinName }),
      ...dates,
      country: this.country(),
      ...this.plain(),
      ...this.fte(),
      ...(workEmail !== undefined && { workEmail }),
      legacyEmails: this.legacyEmails(),
    };
  }

  private names(kind: string): { givenName?: string; familyName?: string } | undefined {
    const givenName = this.values.get(`${kind}GivenName`);
    const familyName = this.values.get(`${kind}FamilyName`);
    if (givenName === undefined && familyName === undefined) return undefined;
    return { ...(givenName !== undefined && { givenName }), ...(familyName !== undefined && { familyName }) };
  }

  private word<T>(field: string, words: Readonly<Record<string, T>>, reason: string): T | undefined {
    const word = this.values.get(field)?.toLowerCase();
    const value = word === undefined || !Object.hasOwn(words, word) ? undefined : words[word];
    if (value === undefined) {
      this.refuse(field, reason, `must be one of ${Object.keys(words).join(', ').toUpperCase()}`);
    }
    return value;
  }

  private country(): string | undefined {
    const country = this.values.get('country')?.toUpperCase();
    if (country === undefined || !/^[A-Z]{2}$/.test(country)) {
      this.refuse('country', 'country_unknown', 'must be a two-letter country code (ISO 3166-1)');
      return undefined;
    }
    return country === 'UK' ? 'GB' : country;
  }

  private dates(): { hireDate?: string; endDate?: string } {
    const hireDate = this.date('hireDate');
    if (hireDate === undefined && !this.values.has('hireDate')) {
      this.refuse('hireDate', 'hire_date_missing', 'is empty; give the first day of the employment');
    }
    const endDate = this.date('endDate');
    const latest = new Date(Date.now() + 366 * 86_400_000).toISOString().slice(0, 10);
    if (hireDate !== undefined && (hireDate < '1940-01-01' || hireDate > latest)) {
      this.refuse('hireDate', 'date_out_of_range', 'must lie between 1940 and a year from now');
    }
    if (hireDate !== undefined && endDate !== undefined && endDate < hireDate) {
      this.refuse('endDate', 'date_order', 'lies before the hire date');
    }
    const ends = endDate !== undefined && endDate < '9999-01-01';
    return { ...(hireDate !== undefined && { hireDate }), ...(ends && { endDate }) };
  }

  /** The date as written, also of a date-time: no zone shifts a day, and nothing is guessed. */
  private date(field: string): string | undefined {
    const text = this.values.get(field);
    if (text === undefined) return undefined;
    const date = /^(\d{4})-(\d{2})-(\d{2})(?:T.*)?$/.exec(text);
    const day = date === null ? undefined : text.slice(0, 10);
    const real = day !== undefined && new Date(`${day}T00:00:00Z`).toString() !== 'Invalid Date';
    if (day === undefined || !real || new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) !== day) {
      this.refuse(field, 'date_invalid', 'must be a real day written YYYY-MM-DD');
      return undefined;
    }
    return day;
  }

  private plain(): Record<string, string> {
    const names = [
      'locationCode',
      'companyCode',
      'department',
      'costCentre',
      'jobTitle',
      'managerNumber',
      'workLanguage',
      'workPhone',
      'mobilePhone',
    ];
    return Object.fromEntries(
      names.flatMap((name) => {
        const value = this.values.get(name);
        return value === undefined ? [] : [[name, value] as const];
      }),
    );
  }

  private fte(): { fte?: number } {
    const text = this.values.get('fte');
    if (text === undefined) return {};
    const fte = Number(text.replace(',', '.'));
    if (Number.isFinite(fte) && fte >= 0 && fte <= 2) return { fte };
    this.refuse('fte', 'number_invalid', 'must be a share of full time such as 0.8');
    return {};
  }

  private legacyEmails(): string[] {
    const listed = this.lists.get('legacyEmails') ?? (this.values.get('legacyEmails') ?? '').split(/[;|,\s]+/);
    return listed
      .flatMap((address) => this.address('legacyEmails', address === '' ? undefined : address) ?? [])
      .slice(0, 30);
  }

  private address(field: string, text: string | undefined): string | undefined {
    if (text === undefined) return undefined;
    if (/^[^\s@<>]+@[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(text) && text.length <= 254) return text.toLowerCase();
    this.refuse(field, 'address_invalid', 'must be an e-mail address');
    return undefined;
  }

  private refuse(field: string, reason: string, what: string): void {
    this.problems.push({ field, reason, message: `${field} ${what}.` });
  }
}
