import { feedColumns, feedFields, foldHeader, type FeedField, type RefusalReason } from '#libs/vocabulary';

/** What a row says of a field; values as the dialect gives them. */
export interface FieldValues {
  get(field: FeedField): unknown;
}

const fieldByHeader = new Map(
  feedFields.flatMap((field) => [field, ...feedColumns[field]].map((name) => [foldHeader(name), field] as const)),
);
const fieldByColumn = new Map<string, FeedField>(feedFields.map((field) => [feedColumns[field][0], field]));

/** Without these a whole file is refused; of the legal names one is enough. */
export const requiredFields = ['employeeNumber', 'workerType', 'status', 'hireDate', 'country'] as const;

/** Personal data that accounts do not need: a feed that carries it is refused, so that it never reaches the ledger. */
const unwantedHeaders = {
  birth_date: `birth_date, date_of_birth, dob, birthday, Geburtsdatum, Geburtstag, date de naissance, fecha de nacimiento,
    data di nascita, data de nascimento, data urodzenia, geboortedatum`,
  salary: `salary, pay, base_pay, base_salary, annual_salary, Gehalt, Grundgehalt, salaire, salario, stipendio, retribuzione,
    wynagrodzenie, salaris`,
  bank_account: 'iban, bank_account, bank_account_number, Kontonummer, Bankverbindung, konto bankowe',
  national_id: `national_id, national_identifier, ssn, social_security_number, social_insurance_number, tax_id,
    Sozialversicherungsnummer, SV-Nummer, Steuer-ID, Steueridentifikationsnummer, numéro de sécurité sociale, NIR, NSS,
    codice fiscale, PESEL, BSN, burgerservicenummer, NIF, DNI, CPF`,
  religion: 'religion, religious_affiliation, Konfession, wyznanie',
} as const;
const unwanted = new Map(
  Object.entries(unwantedHeaders).flatMap(([name, headers]) =>
    headers.split(',').map((header) => [foldHeader(header), name] as const),
  ),
);

export interface HeaderFault {
  readonly reason: RefusalReason;
  /** Never a header as it was sent, unless it is one of ours. */
  readonly column: string;
}

/** The documented column of a field: what reports call it. */
export function columnOf(field: FeedField): string {
  return feedColumns[field][0];
}

/** The unwanted data that a header means, by the name under which Bascule knows it. */
export function unwantedColumn(header: string): string | undefined {
  return unwanted.get(foldHeader(header));
}

/** What is settled about a source's headers: their header to our column, null for one that is ignored. */
type Mapping = Readonly<Record<string, string | null>>;

/**
 * What the headers of a source's files mean: first as it is settled for the source, then by the documented names. A field
 * that is mapped is taken from its header only, so that no other column slips into its place when that one is gone.
 */
export class Headers {
  private readonly meanings: ReadonlyMap<string, FeedField>;
  private readonly mapped = new Set<FeedField>();
  private readonly ignored = new Set<string>();

  /** `given` are fields that need no column, because they are the same in each row. */
  constructor(
    mapping: Mapping = {},
    private readonly given: ReadonlySet<FeedField> = new Set(),
  ) {
    const meanings = new Map<string, FeedField>();
    for (const [header, column] of Object.entries(mapping)) {
      const field = column === null ? undefined : fieldByColumn.get(column);
      if (field === undefined) this.ignored.add(foldHeader(header));
      else {
        meanings.set(foldHeader(header), field);
        this.mapped.add(field);
      }
    }
    for (const [header, field] of fieldByHeader) {
      if (!this.mapped.has(field) && !this.ignored.has(header) && !meanings.has(header)) meanings.set(header, field);
    }
    this.meanings = meanings;
  }

  /** The field that a header means, or undefined for columns that Bascule does not use. */
  fieldOf(header: string): FeedField | undefined {
    return this.meanings.get(foldHeader(header));
  }

  /** The unwanted data that a header means; what is settled as ignored is known, and never read. */
  unwantedColumn(header: string): string | undefined {
    return this.ignored.has(foldHeader(header)) ? undefined : unwantedColumn(header);
  }

  /** What is wrong with a header row as a whole. */
  fault(headers: readonly string[]): HeaderFault | undefined {
    const personal = headers.map((header) => this.unwantedColumn(header)).find((column) => column !== undefined);
    if (personal !== undefined) return { reason: 'header_unwanted_column', column: personal };
    const seen = new Set(this.given);
    for (const header of headers) {
      const field = this.fieldOf(header);
      if (field === undefined) continue;
      if (seen.has(field)) return { reason: 'header_duplicate_column', column: columnOf(field) };
      seen.add(field);
    }
    const missing = [...this.mapped, ...requiredFields].find((field) => !seen.has(field));
    if (missing !== undefined) return { reason: 'header_missing_column', column: columnOf(missing) };
    if (seen.has('legalGivenName') || seen.has('legalFamilyName')) return undefined;
    return { reason: 'header_missing_column', column: columnOf('legalFamilyName') };
  }
}
