import type { EmployeeRecord, FailureReason } from '#libs/vocabulary';
import { isLegalLocalPart, isReservedByGoogle, localPartsFor, type NameParts } from './addresses.js';
import type { Blueprint, Choice, Rule } from './blueprint.js';
import { hasLeft } from './leaving.js';
import { EmployeeView, type RuleScope } from './record-view.js';
import { RuleError } from './rule-error.js';
import { TemplateError } from './templates.js';

/** Which primary address an employee shall have, before looking at who holds it. */
export type AddressWish =
  | { readonly kind: 'given'; readonly address: string }
  | {
      readonly kind: 'pattern';
      /** Tried in this order: the pattern's, then those of the alternatives. */
      readonly localParts: readonly [string, ...string[]];
      readonly domain: string;
      /** Who gets none of them gets the first with a number; else a person settles it. */
      readonly numbered: boolean;
    }
  | { readonly kind: 'problem'; readonly reason: FailureReason };

export interface WishedAddress {
  readonly wish: AddressWish;
  /** Present and legacy addresses on our domains, lower case, without the given one; at most Google's 30. */
  readonly aliases: readonly string[];
  readonly warnings: readonly AddressWarning[];
}

/** `given_address_elsewhere`: HR gives an address on a domain that is not ours. `aliases_cut`: more than 30. */
export type AddressWarning = 'given_address_elsewhere' | 'aliases_cut';

/** Google's limit per user. */
export const aliasesMax = 30;

/**
 * The address that the feed gives on one of our domains, else the pattern's. `today` (`YYYY-MM-DD`) is for conditions of
 * the domain rule. An address that was issued before is never asked for here again: planning keeps it.
 */
export function wishAddress(blueprint: Blueprint, record: EmployeeRecord, today: string): WishedAddress {
  const warnings: AddressWarning[] = [];
  const onOurs = (address: string) => blueprint.domains.includes(domainOf(address));
  const present = record.workEmail?.toLowerCase();
  if (present !== undefined && !onOurs(present)) warnings.push('given_address_elsewhere');

  const given =
    present !== undefined && onOurs(present) && blueprint.settings.address.given === 'keep' ? present : undefined;
  const wish = given === undefined ? patternWish(blueprint, record, today) : givenWish(given);
  const aliases = formerAddresses(blueprint, record).filter((address) => address !== given);
  if (aliases.length > aliasesMax) warnings.push('aliases_cut');
  return { wish, aliases: aliases.slice(0, aliasesMax), warnings };
}

/** What planning stores of a wish: what a record wants as its address, in one flat row. */
export interface WantedAddress {
  readonly hireDate: string;
  /** Terminated, or past the last day: wants nothing. */
  readonly left: boolean;
  readonly given: string | null;
  /** Of a new address, in the order in which they are tried; empty where HR gives one or none can be made. */
  readonly localParts: readonly string[];
  readonly domain: string | null;
  readonly numbered: boolean;
  readonly aliases: readonly string[];
  readonly problem: FailureReason | null;
}

/** The wish of a record as planning stores it. Whoever has left wants nothing. */
export function wantedAddress(blueprint: Blueprint, record: EmployeeRecord, today: string): WantedAddress {
  const { hireDate } = record;
  const left = hasLeft(record, today);
  const none = {
    hireDate,
    left,
    given: null,
    localParts: [],
    domain: null,
    numbered: false,
    aliases: [],
    problem: null,
  };
  if (left) return none;
  const { wish, aliases } = wishAddress(blueprint, record, today);
  switch (wish.kind) {
    case 'given':
      return { ...none, aliases, given: wish.address };
    case 'pattern':
      return { ...none, aliases, localParts: wish.localParts, domain: wish.domain, numbered: wish.numbered };
    case 'problem':
      return { ...none, aliases, problem: wish.reason };
  }
}

/**
 * Addresses that no person gets: those of declared groups, and the house's reserved words that a number could make.
 */
export function blockedAddresses({ declared, domains, settings }: Blueprint): string[] {
  const numbered = [...settings.address.reserved].filter((word) => /\d$/u.test(word));
  return [
    ...declared.groups.map(({ email }) => email),
    ...domains.flatMap((domain) => numbered.map((word) => `${word}@${domain}`)),
  ];
}

/** Present and legacy addresses of the record on domains of the blueprint, lower case, once each. */
export function formerAddresses(blueprint: Blueprint, record: EmployeeRecord): string[] {
  const present = record.workEmail === undefined ? [] : [record.workEmail];
  const legacy = blueprint.settings.address.legacy === 'keep' ? record.legacyEmails : [];
  const known = [...present, ...legacy].map((address) => address.toLowerCase());
  return [...new Set(known)].filter((address) => blueprint.domains.includes(domainOf(address)));
}

function givenWish(address: string): AddressWish {
  const localPart = address.slice(0, address.lastIndexOf('@'));
  if (!isLegalLocalPart(localPart)) return { kind: 'problem', reason: 'invalid_field' };
  return isReservedByGoogle(localPart) ? { kind: 'problem', reason: 'address_reserved' } : { kind: 'given', address };
}

function patternWish(blueprint: Blueprint, record: EmployeeRecord, today: string): AddressWish {
  const { settings, tables } = blueprint;
  const employee = new EmployeeView(record);
  const scope: RuleScope = { employee, today, tables, address: '', localPart: '', managerAddress: '' };
  try {
    const domain = firstMatch(settings.domain, scope)(scope);
    const { pattern, alternatives, collision } = settings.address;
    const written = (text: (scope: RuleScope) => string) => (parts: NameParts) => text({ ...scope, ...parts });
    const others = alternatives.filter(({ when }) => conditionHolds(when, scope)).map(({ value }) => written(value));
    const found = localPartsFor(record, [written(firstMatch(pattern, scope)), ...others], settings.address);
    if ('reason' in found) return { kind: 'problem', reason: found.reason };
    const numbered = firstMatch(collision, scope)(scope) === 'number';
    return { kind: 'pattern', localParts: found.localParts, domain, numbered };
  } catch (error) {
    if (error instanceof RuleError) return { kind: 'problem', reason: error.reason };
    if (error instanceof TemplateError) return { kind: 'problem', reason: 'template_failed' };
    throw error;
  }
}

function firstMatch<T>(rule: Rule<T>, scope: RuleScope): (scope: RuleScope) => T {
  const choice = rule.choices.find(({ when }) => conditionHolds(when, scope));
  if (choice === undefined) throw new RuleError('template_failed', 'No rule holds for this record.');
  return choice.value;
}

function conditionHolds(when: Choice<unknown>['when'], scope: RuleScope): boolean {
  if (when === undefined) return true;
  try {
    return when(scope);
  } catch (error) {
    throw new RuleError('template_failed', error instanceof Error ? 'The condition fails for this record.' : '');
  }
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}
