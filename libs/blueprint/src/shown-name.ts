import { canonicalPart } from './name-text.js';
import { displayedName, type EmployeeRecord } from '#libs/vocabulary';

/**
 * The name that Google shows: preferred over legal, without control characters, emoji and angle brackets, cut to 60.
 * Google wants both parts: where there is one name alone, it stands in both.
 */
export function shownName(record: EmployeeRecord): { givenName: string; familyName: string } {
  const { givenName, familyName } = displayedName(record);
  const given = canonicalPart(givenName);
  const family = canonicalPart(familyName);
  return { givenName: given === '' ? family : given, familyName: family === '' ? given : family };
}
