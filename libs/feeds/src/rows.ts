import { z } from 'zod';
import { unshownOfName } from '#libs/blueprint';
import {
  rejection,
  warning,
  type EmployeeRecord,
  type FeedField as Field,
  type RejectionReason,
  type RowProblem,
  type WarningReason,
} from '#libs/vocabulary';
import { columnOf, type FieldValues } from './fields.js';
import { documentedSpelling, foldWord, type Spelling } from './spelling.js';

/**
 * The number of the rules by which a row becomes a record. Raise it with every change after which the same words give another
 * record or another problem: rows that were sent before are read anew then.
 */
export const rowRules = 1;

/** A row that was checked: with a record, `problems` are warnings; without one, all that is wrong. */
export interface CheckedRow {
  readonly employeeNumber: string | undefined;
  readonly previousNumber: string | undefined;
  readonly record: EmployeeRecord | undefined;
  readonly problems: readonly RowProblem[];
  /** Of a row without a record: it says all the same that the worker has left. */
  readonly hasLeft: boolean;
}

/**
 * Turns one row, whatever its dialect, into a canonical record or into all that is wrong with it.
 */
export function checkRow(values: FieldValues, bounds: RowBounds, spelling = documentedSpelling): CheckedRow {
  return new RowCheck(values, bounds, spelling).checked();
}

/** What no row of a delivery may go beyond. */
export interface RowBounds {
  /** The last first day that it may name, YYYY-MM-DD. */
  readonly latestHireDate: string;
  /** Of which countries the source may send people, ISO 3166-1; empty for all. */
  readonly countries: ReadonlySet<string>;
}

/** The last first day that a delivery of this moment may name (YYYY-MM-DD): 366 days later. */
export function latestHireDateAt(moment: Date): string {
  return new Date(moment.getTime() + hireAheadMs).toISOString().slice(0, 10);
}

const textMax = 255;
/** Of a worker’s number. */
export const workerNumberMax = 64;
const addressesMax = 30;
const addressMax = 254;

/** NUL, the mark that decoding leaves where bytes are not UTF-8, and halves of surrogate pairs: PostgreSQL takes none. */
const unstorable = /[\0\uFFFD\uD800-\uDFFF]/;
const formulaStart = /^[=+\-@]/;
const languageTag = /^[a-z]{2,3}(-[a-z0-9]{1,8})*$/i;
const phone = /^(?=.*\d)[\d\s+()./-]+(\s*(ext\.?|x|#)\s*\d+)?$/i;
const hireAheadMs = 366 * 86_400_000;
const noEnd = '9999-01-01';

const isoDay = (day: Date) => day.toISOString().slice(0, 10);

/** Whether a text of the form YYYY-MM-DD is a day of the calendar. */
export function isRealDay(day: string): boolean {
  const [month, date] = [Number(day.slice(5, 7)), Number(day.slice(8, 10))];
  if (month >= 1 && month <= 12 && date >= 1 && date <= 28) return true;
  const at = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day);
}

/** A company has few languages, and asking for one costs as much as the rest of the row. */
const languages = new Map<string, string | undefined>();
const languagesMax = 1_000;

function canonicalLanguage(text: string): string | undefined {
  if (languages.has(text)) return languages.get(text);
  const tag = text.replaceAll('_', '-');
  let language: string | undefined;
  try {
    if (languageTag.test(tag) && tag.length <= 35) [language] = Intl.getCanonicalLocales(tag);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  // A short text is a copy; a longer one would keep the piece of the file alive that it was cut from.
  if (languages.size < languagesMax && text.length <= 12) languages.set(text, language);
  return language;
}

/** Names of one kind; a part that is not there is absent. */
interface Names {
  readonly familyName?: string;
  readonly givenName?: string;
}

class RowCheck {
  private readonly rejected: RowProblem[] = [];
  private readonly warned: RowProblem[] = [];

  constructor(
    private readonly values: FieldValues,
    private readonly bounds: RowBounds,
    private readonly spelling: Spelling,
  ) {}

  /** The record's members stand in the order of the alphabet, so that the same record always has the same JSON. */
  checked(): CheckedRow {
    const employeeNumber = this.number('employeeNumber');
    if (employeeNumber === undefined && this.isEmpty('employeeNumber')) {
      this.reject('worker_id_missing', 'employeeNumber');
    }
    const legal = this.legalName();
    const status = this.word('status', this.spelling.statuses, 'status_unknown');
    const workerType = this.word('workerType', this.spelling.workerTypes, 'worker_type_unknown');
    const country = this.country();
    const { hireDate, endDate } = this.dates();
    const workEmail = this.workEmail();
    const rest = {
      companyCode: this.plain('companyCode'),
      costCentre: this.plain('costCentre'),
      department: this.plain('department'),
      fte: this.fte(),
      jobTitle: this.plain('jobTitle'),
      latinName: this.names('latinGivenName', 'latinFamilyName'),
      legacyEmails: this.legacyEmails(workEmail),
      locationCode: this.plain('locationCode'),
      managerNumber: this.manager(employeeNumber),
      mobilePhone: this.phone('mobilePhone'),
      preferredName: this.names('preferredGivenName', 'preferredFamilyName'),
      previousNumber: this.previous(employeeNumber),
      workLanguage: this.language(),
      workPhone: this.phone('workPhone'),
    };
    const isWhole = employeeNumber !== undefined && legal !== undefined && status !== undefined;
    const isPlaced = workerType !== undefined && country !== undefined && hireDate !== undefined;
    if (this.rejected.length > 0 || !isWhole || !isPlaced) {
      // Whom the source may not speak of it cannot end.
      const hasLeft = status === 'terminated' && !this.rejected.some(({ reason }) => reason === 'not_your_worker');
      return {
        employeeNumber,
        previousNumber: rest.previousNumber,
        record: undefined,
        problems: this.rejected,
        hasLeft,
      };
    }
    const record: EmployeeRecord = {
      companyCode: rest.companyCode,
      costCentre: rest.costCentre,
      country,
      department: rest.department,
      employeeNumber,
      endDate,
      fte: rest.fte,
      hireDate,
      jobTitle: rest.jobTitle,
      latinName: rest.latinName,
      legacyEmails: rest.legacyEmails,
      legalName: legal,
      locationCode: rest.locationCode,
      managerNumber: rest.managerNumber,
      mobilePhone: rest.mobilePhone,
      preferredName: rest.preferredName,
      previousNumber: rest.previousNumber,
      status,
      workEmail,
      workLanguage: rest.workLanguage,
      workPhone: rest.workPhone,
      workerType,
    };
    return { employeeNumber, previousNumber: rest.previousNumber, record, problems: this.warned, hasLeft: false };
  }

  private reject(reason: RejectionReason, field: Field): undefined {
    this.rejected.push(rejection(reason, columnOf(field)));
    return undefined;
  }

  private warn(reason: WarningReason, field: Field): void {
    this.warned.push(warning(reason, columnOf(field)));
  }

  /** Nothing, or blanks only. */
  private isEmpty(field: Field): boolean {
    const value = this.values.get(field);
    return value === undefined || value === null || (typeof value === 'string' && value.trim() === '');
  }

  private text(field: Field, max = textMax): string | undefined {
    const value = this.values.get(field);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') return this.reject('field_invalid', field);
    return this.storable(value.trim(), field, max);
  }

  private storable(text: string, field: Field, max: number): string | undefined {
    if (text === '') return undefined;
    if (unstorable.test(text)) {
      if (text.includes('\0')) return this.reject('row_nul_byte', field);
      if (text.includes('\uFFFD') || !text.isWellFormed()) return this.reject('row_invalid_encoding', field);
    }
    return text.length > max ? this.reject('field_too_long', field) : text;
  }

  /** A text that nobody parses: stored as it is, but a spreadsheet would calculate it. */
  private plain(field: Field, max = textMax): string | undefined {
    const text = this.text(field, max);
    if (text !== undefined && formulaStart.test(text)) this.warn('formula_like_text', field);
    return text;
  }

  private number(field: Field): string | undefined {
    return this.plain(field, workerNumberMax);
  }

  private name(field: Field): string | undefined {
    const text = this.plain(field);
    if (text === undefined) return undefined;
    switch (unshownOfName(text)) {
      case 'all':
        this.warn('name_cleaned', field);
        return undefined;
      case 'characters':
        this.warn('name_cleaned', field);
        return text;
      case 'end':
        this.warn('name_truncated', field);
        return text;
      case undefined:
        return text;
    }
  }

  private names(given: Field, family: Field): Names | undefined {
    const familyName = this.name(family);
    const givenName = this.name(given);
    if (familyName === undefined && givenName === undefined) return undefined;
    return { ...(familyName !== undefined && { familyName }), ...(givenName !== undefined && { givenName }) };
  }

  private legalName(): EmployeeRecord['legalName'] | undefined {
    const before = this.rejected.length;
    const names = this.names('legalGivenName', 'legalFamilyName');
    if (names === undefined) {
      // A name that was sent but cannot be stored has been named already.
      return this.rejected.length > before ? undefined : this.reject('name_missing', 'legalFamilyName');
    }
    const { familyName = '', givenName = '' } = names;
    if (familyName === '') this.warn('name_single', 'legalFamilyName');
    if (givenName === '') this.warn('name_single', 'legalGivenName');
    return { familyName, givenName };
  }

  private word<T>(field: Field, words: ReadonlyMap<string, T>, reason: RejectionReason): T | undefined {
    const value = this.values.get(field);
    return words.get(typeof value === 'string' ? foldWord(value) : '') ?? this.reject(reason, field);
  }

  private country(): string | undefined {
    const value = this.values.get('country');
    const country = typeof value === 'string' ? this.spelling.countryOf(value.trim()) : undefined;
    if (country === undefined) return this.reject('country_unknown', 'country');
    const { countries } = this.bounds;
    return countries.size === 0 || countries.has(country) ? country : this.reject('not_your_worker', 'country');
  }

  private dates(): { hireDate: string | undefined; endDate: string | undefined } {
    if (this.isEmpty('hireDate')) this.reject('hire_date_missing', 'hireDate');
    const hireDate = this.date('hireDate');
    const endDate = this.date('endDate');
    if (hireDate !== undefined && (hireDate < '1940-01-01' || hireDate > this.bounds.latestHireDate)) {
      this.reject('date_out_of_range', 'hireDate');
    }
    if (hireDate !== undefined && endDate !== undefined && endDate < hireDate) this.reject('date_order', 'endDate');
    return { hireDate, endDate: endDate === undefined || endDate >= noEnd ? undefined : endDate };
  }

  /** The date as written, also of a date-time: no zone shifts a day, and nothing is guessed. */
  private date(field: Field): string | undefined {
    const value = this.values.get(field);
    if (this.isEmpty(field)) return undefined;
    const day =
      value instanceof Date ? isoDay(value) : typeof value === 'string' ? this.spelling.dayOf(value.trim()) : undefined;
    if (day === '') return field === 'hireDate' ? this.reject('hire_date_missing', field) : undefined;
    return day !== undefined && isRealDay(day) ? day : this.reject('date_invalid', field);
  }

  private fte(): number | undefined {
    const value = this.values.get('fte');
    if (this.isEmpty('fte')) return undefined;
    const text = typeof value === 'string' ? value.trim() : '';
    const fte = typeof value === 'number' ? this.spelling.shareOfNumber(value) : this.spelling.shareOf(text);
    return fte >= 0 && fte <= 2 ? fte : this.reject('number_invalid', 'fte');
  }

  /** The worker's own number is no former one. */
  private previous(employeeNumber: string | undefined): string | undefined {
    const previous = this.number('previousNumber');
    return previous === employeeNumber ? undefined : previous;
  }

  private manager(employeeNumber: string | undefined): string | undefined {
    const manager = this.number('managerNumber');
    if (manager === undefined || manager !== employeeNumber) return manager;
    this.warn('manager_self', 'managerNumber');
    return undefined;
  }

  /** In canonical form, so that fr_fr and fr-FR are one language. */
  private language(): string | undefined {
    const text = this.text('workLanguage');
    if (text === undefined) return undefined;
    const language = canonicalLanguage(text);
    if (language === undefined) this.warn('language_ignored', 'workLanguage');
    return language;
  }

  private phone(field: Field): string | undefined {
    const text = this.text(field);
    if (text === undefined || phone.test(text)) return text;
    this.warn('phone_ignored', field);
    return undefined;
  }

  private workEmail(): string | undefined {
    const text = this.text('workEmail');
    return text === undefined ? undefined : this.address(text, 'workEmail');
  }

  /** Each former address once, in the order in which they came; the present one is none of them. */
  private legacyEmails(workEmail: string | undefined): string[] {
    const value = this.values.get('legacyEmails');
    if (this.isEmpty('legacyEmails')) return [];
    const listed: unknown[] = Array.isArray(value)
      ? value
      : typeof value === 'string'
        ? value.split(/[;|,\s]+/)
        : [value];
    const addresses = new Set<string>();
    for (const one of listed) {
      if (one === null || one === '') continue;
      const address = typeof one === 'string' ? this.address(one.trim(), 'legacyEmails') : undefined;
      if (typeof one !== 'string') this.reject('field_invalid', 'legacyEmails');
      if (address !== undefined && address !== workEmail) addresses.add(address);
      if (this.rejected.at(-1)?.field === columnOf('legacyEmails')) return [];
    }
    if (addresses.size > addressesMax) this.reject('addresses_too_many', 'legacyEmails');
    return [...addresses];
  }

  private address(text: string, field: Field): string | undefined {
    if (text.length <= addressMax && z.regexes.email.test(text)) return text.toLowerCase();
    return this.reject('address_invalid', field);
  }
}
