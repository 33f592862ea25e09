import type { Licence, SettingMode, SharingRule } from '#libs/vocabulary';
import type { Condition } from './conditions.js';
import type { EmploymentRules } from './employment.js';
import type { RuleScope, Tables } from './record-view.js';

export interface DeclaredOrgUnit {
  /** From the root, such as `/Retail/FR`; parents stand before their children. */
  readonly path: string;
  readonly description?: string;
}

/** Google's `whoCanPostMessage`. Source: Groups Settings API, REST resource groups. */
export type WhoCanPost =
  'NONE_CAN_POST' | 'ALL_MANAGERS_CAN_POST' | 'ALL_MEMBERS_CAN_POST' | 'ALL_IN_DOMAIN_CAN_POST' | 'ANYONE_CAN_POST';

export interface DeclaredGroup {
  /** Lower case. */
  readonly email: string;
  readonly name: string;
  readonly description?: string;
  readonly whoCanPost: WhoCanPost;
}

export interface DeclaredCalendar {
  /** The name by which settings refer to it. */
  readonly key: string;
  readonly name: string;
  readonly description?: string;
  /** IANA name. */
  readonly timeZone: string;
  /** The account that makes and owns it: an admin's or a service's, never an employee of the migration. */
  readonly owner: string;
  readonly sharing: readonly SharingRule[];
}

/** A value by the first choice whose condition holds. */
export interface Rule<T> {
  readonly choices: readonly Choice<T>[];
}

export interface Choice<T> {
  /** Where it stands in the document. */
  readonly path: string;
  readonly when?: Condition;
  /** Throws RuleError or TemplateError if it fails for this record. */
  readonly value: (scope: RuleScope) => T;
}

export interface Moded<T> {
  readonly mode: SettingMode;
  readonly rule: T;
}

export interface Settings {
  readonly domain: Rule<string>;
  readonly address: AddressSettings;
  readonly password: 'sso' | 'handover';
  readonly orgUnit: Rule<string>;
  readonly suspendWhen?: Choice<true>;
  readonly employment: EmploymentRules;
  readonly leavers: {
    /** Where accounts go when they are barred: under automatic licensing that may free the licence. */
    readonly orgUnit?: Rule<string>;
    readonly licence: 'keep' | 'archive';
  };
  readonly licence: Rule<Licence>;
  /** All whose condition holds. */
  readonly groups: readonly Choice<string>[];
  readonly profile: ProfileSettings;
  readonly gmail: {
    readonly language?: Moded<Rule<string>>;
    readonly signature?: Moded<Rule<string>>;
    readonly imap?: Moded<Rule<{ enabled: boolean }>>;
    readonly pop?: Moded<Rule<{ accessWindow: 'disabled' | 'fromNowOn' | 'allMail' }>>;
  };
  readonly calendar: {
    readonly timeZone?: Moded<Rule<string>>;
    readonly subscriptions?: Moded<readonly Choice<string>[]>;
    readonly sharing?: Moded<readonly Choice<SharingRule>[]>;
  };
}

export interface AddressSettings {
  /** Whether an address that HR gives on one of our domains is kept as the primary one. */
  readonly given: 'keep' | 'ignore';
  readonly pattern: Rule<string>;
  /** All whose condition holds, tried in this order when the pattern's address is somebody else's. */
  readonly alternatives: readonly Choice<string>[];
  /** What becomes of whom all of them are somebody else's. */
  readonly collision: Rule<'number' | 'conflict'>;
  readonly legacy: 'keep' | 'drop';
  /** ISO 8601 duration after which the address of somebody who left may be given again; null: never. */
  readonly reuseAfter: string | null;
  /** Local parts that the pattern never gives, beside the built-in ones. */
  readonly reserved: ReadonlySet<string>;
  /** Words that stand nowhere in a local part that the pattern gives. */
  readonly offensive: ReadonlySet<string>;
}

export const organizationFields = ['name', 'title', 'department', 'costCenter', 'location', 'description'] as const;
export type OrganizationField = (typeof organizationFields)[number];

export interface ProfileSettings {
  readonly organization: Readonly<Partial<Record<OrganizationField, Rule<string>>>>;
  readonly phones: Readonly<Partial<Record<'work' | 'mobile', Rule<string>>>>;
  readonly language?: Rule<string>;
  readonly manager: boolean;
}

/** A checked and compiled blueprint. `document` is what was checked, as JSON, for keeping. */
export interface Blueprint {
  readonly name: string;
  readonly description?: string;
  readonly document: Readonly<Record<string, unknown>>;
  /** Domains on which this blueprint makes addresses, lower case, the primary one first. */
  readonly domains: readonly string[];
  readonly verifiedDomainsNeeded: readonly string[];
  readonly declared: {
    readonly orgUnits: readonly DeclaredOrgUnit[];
    readonly groups: readonly DeclaredGroup[];
    readonly calendars: readonly DeclaredCalendar[];
  };
  /** Least OAuth scopes, whole URLs: of the admin subject and of each employee's own token. */
  readonly scopesNeeded: { readonly admin: readonly string[]; readonly employee: readonly string[] };
  readonly tables: Tables;
  readonly settings: Settings;
  /** What is declared, by lower-cased path and address: looked up for each employee. */
  readonly declaredOrgUnits: ReadonlyMap<string, DeclaredOrgUnit>;
  readonly declaredGroups: ReadonlyMap<string, DeclaredGroup>;
}
