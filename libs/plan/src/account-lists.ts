import { markCustomType, type ObservedAccount } from '#libs/vocabulary';

/** One entry of a list of Google's user resource, kept as it came. */
export type Entry = Readonly<Record<string, unknown>>;

export function textOf(entry: Entry | undefined, key: string): string | undefined {
  const value = entry?.[key];
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

export const isMark = (entry: Entry) => entry['type'] === 'custom' && entry['customType'] === markCustomType;
export const isEmployeeNumber = (entry: Entry) => entry['type'] === 'organization';
export const isManager = (entry: Entry) => entry['type'] === 'manager';

/** The organization entry that carries our fields: the primary one, else the first. */
export function ownOrganization(observed: Pick<ObservedAccount, 'organizations'>): Entry | undefined {
  return observed.organizations.find((entry) => entry['primary'] === true) ?? observed.organizations[0];
}

/** The language entry that Google shows as preferred; one without a preference counts if it is alone. */
export function preferredLanguage(observed: Pick<ObservedAccount, 'languages'>): Entry | undefined {
  const preferred = observed.languages.find((entry) => entry['preference'] === 'preferred');
  if (preferred !== undefined) return preferred;
  return observed.languages.length === 1 ? observed.languages[0] : undefined;
}

export function phoneOf(observed: Pick<ObservedAccount, 'phones'>, type: string): Entry | undefined {
  return observed.phones.find((entry) => entry['type'] === type);
}
