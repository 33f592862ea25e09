import { numberOf, type User } from '../account.js';
import { invalid } from '../refusal.js';

type Matcher = (user: User) => boolean;

const texts: Readonly<Record<string, (user: User) => readonly string[]>> = {
  email: (user) => [user.primaryEmail, ...(user.aliases ?? [])],
  givenName: ({ givenName }) => [givenName],
  familyName: ({ familyName }) => [familyName],
  name: ({ givenName, familyName }) => [`${givenName} ${familyName}`],
  orgUnitPath: ({ orgUnitPath }) => [orgUnitPath],
  externalId: (user) => [
    numberOf(user),
    ...[...(user.fields['externalIds'] ?? '').matchAll(/"value":"([^"]*)"/g)].map(([, value]) => value ?? ''),
  ],
  isAdmin: ({ isAdmin }) => [String(isAdmin)],
  isDelegatedAdmin: ({ isDelegatedAdmin }) => [String(isDelegatedAdmin)],
  isSuspended: ({ suspended }) => [String(suspended)],
  isArchived: ({ archived }) => [String(archived === true)],
};

const clause = /\s*(?:(\w+)(=|:))?(?:'((?:[^'\\]|\\.)*)'|"([^"]*)"|(\S+))/y;

/**
 * The search language of users.list, as far as it is used here: clauses `field=value` (whole) and `field:value*` (beginning
 * or part) that must all hold. Source: https://developers.google.com/workspace/admin/directory/v1/guides/search-users
 */
export function matcherOf(query: string | null): Matcher {
  if (query === null || query.trim() === '') return () => true;
  const matchers: Matcher[] = [];
  clause.lastIndex = 0;
  const text = query.trim();
  while (clause.lastIndex < text.length) {
    const [whole, field, operator, quoted, doubled, bare] = clause.exec(text) ?? [];
    if (whole === undefined) throw invalid('query');
    matchers.push(one(field ?? 'name', operator ?? ':', quoted ?? doubled ?? bare ?? ''));
  }
  return (user) => matchers.every((matches) => matches(user));
}

function one(field: string, operator: string, value: string): Matcher {
  const read = texts[field];
  if (read === undefined) throw invalid('query');
  const wanted = value.toLowerCase();
  if (operator === '=') return (user) => read(user).some((text) => text.toLowerCase() === wanted);
  if (wanted.endsWith('*')) {
    const beginning = wanted.slice(0, -1);
    return (user) => read(user).some((text) => text.toLowerCase().startsWith(beginning));
  }
  return (user) => read(user).some((text) => text.toLowerCase().includes(wanted));
}
