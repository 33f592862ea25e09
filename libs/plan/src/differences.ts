import {
  employeeNumberOf,
  markOf,
  type DesiredAccount,
  type FieldChange,
  type ObservedAccount,
} from '#libs/vocabulary';
import { isManager, ownOrganization, phoneOf, preferredLanguage, textOf } from './account-lists.js';
import {
  canonicalAddress,
  canonicalLanguage,
  canonicalName,
  canonicalOrgUnit,
  canonicalPhone,
  canonicalText,
} from './canonical.js';

export const organizationFields = ['name', 'title', 'department', 'costCenter', 'location', 'description'] as const;

export interface DifferenceOptions {
  /** The employee's UUID, which the account must carry as our mark. */
  readonly mark: string;
  /**
   * Fields that Google rewrote in its reply to our write: that form is the expected one when reading back.
   * Keys are the `field` names of the changes.
   */
  readonly expected?: Readonly<Record<string, unknown>>;
}

type Canonical = (text: string) => string;

/**
 * Field by field, where the observed account differs from the desired one. Only fields that the blueprint sets are
 * compared, each in canonical form: addresses without case, names as Google cuts them, language tags without case.
 * Aliases, groups and licences are not fields of the account; see `missingAliases`.
 */
export function accountDifferences(
  desired: DesiredAccount,
  observed: ObservedAccount,
  options: DifferenceOptions,
): FieldChange[] {
  const changes: FieldChange[] = [];
  const compare = (field: string, from: string | undefined, to: string | undefined, canonical: Canonical) => {
    const expected = options.expected?.[field];
    const wanted = typeof expected === 'string' ? expected : to;
    if (wanted === undefined || canonical(wanted) === canonical(from ?? '')) return;
    changes.push({ field, from: from ?? null, to });
  };

  compare('primaryEmail', observed.primaryEmail, desired.primaryEmail, canonicalAddress);
  compare('name.givenName', observed.name.givenName, desired.name.givenName, canonicalName);
  compare('name.familyName', observed.name.familyName, desired.name.familyName, canonicalName);
  compare('orgUnitPath', observed.orgUnitPath, desired.orgUnitPath, canonicalOrgUnit);
  if (observed.suspended !== desired.suspended) {
    changes.push({ field: 'suspended', from: observed.suspended, to: desired.suspended });
  }
  const archived = desired.leaving?.archive ?? (desired.suspended && observed.archived);
  if (observed.archived !== archived) changes.push({ field: 'archived', from: observed.archived, to: archived });
  compare('mark', markOf(observed), options.mark, (text) => text.toLowerCase());
  compare('employeeNumber', employeeNumberOf(observed), desired.employeeNumber, (text) => text.trim());

  const organization = ownOrganization(observed);
  for (const key of organizationFields) {
    compare(`organization.${key}`, textOf(organization, key), desired.organization[key], canonicalText);
  }
  const manager = observed.relations.find(isManager);
  compare('managerEmail', textOf(manager, 'value'), desired.managerEmail, canonicalAddress);
  for (const phone of desired.phones) {
    compare(`phones.${phone.type}`, textOf(phoneOf(observed, phone.type), 'value'), phone.value, canonicalPhone);
  }
  const language = textOf(preferredLanguage(observed), 'languageCode');
  compare('language', language, desired.language, canonicalLanguage);
  return changes;
}

/** Desired aliases that the account does not answer to yet, lower-cased. Aliases beyond the desired ones are kept. */
export function missingAliases(desired: DesiredAccount, observed: ObservedAccount): string[] {
  const held = new Set(
    [observed.primaryEmail, ...observed.aliases, ...observed.nonEditableAliases].map(canonicalAddress),
  );
  held.add(canonicalAddress(desired.primaryEmail));
  return [...new Set(desired.aliases.map(canonicalAddress))].filter((alias) => !held.has(alias));
}

/** Desired groups of which the account is no direct member yet, lower-cased. */
export function missingGroups(desired: DesiredAccount, memberOf: ReadonlySet<string>): string[] {
  const held = new Set([...memberOf].map(canonicalAddress));
  return [...new Set(desired.groups.map(canonicalAddress))].filter((group) => !held.has(group));
}
