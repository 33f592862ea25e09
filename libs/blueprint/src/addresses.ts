import type { EmployeeRecord, FailureReason } from '#libs/vocabulary';
import { cleanText, withoutApostrophes } from './name-text.js';
import { romanise, scriptOf } from './transliteration.js';

/** Google's limit is 64; four are kept for a number. */
const localPartMax = 60;

/** What a local-part pattern may use: parts of the name, romanised, words joined by `-`. */
export interface NameParts {
  readonly given: string;
  readonly family: string;
  /** The first word of the given name, and the first letter of the second one. */
  readonly firstGiven: string;
  readonly middleInitial: string;
  readonly givenInitial: string;
  readonly familyInitial: string;
  readonly employeeNumber: string;
}

type Pattern = (parts: NameParts) => string;

/** What the house never gives, beside the built-in words; lower case. */
export interface HouseWords {
  /** Whole local parts. */
  readonly reserved: ReadonlySet<string>;
  /** Words that stand nowhere in a local part: neither between its dots and dashes, nor as what is left without them. */
  readonly offensive: ReadonlySet<string>;
}

const noWords: HouseWords = { reserved: new Set(), offensive: new Set() };

/** In the order in which they are tried, each once. */
export type LocalParts = { readonly localParts: readonly [string, ...string[]] } | { readonly reason: FailureReason };

/** Impossible or reserved for groups at Google (support.google.com/a/answer/33386 and 9193374). */
const googleReserved = 'abuse postmaster admin administrator hostmaster majordomo root ssl-admin webmaster';
/** Mailbox names with a meaning of their own. Source: RFC 2142. */
const rfc2142 = 'info marketing sales support noc security usenet news www uucp ftp';
const house = 'all everyone helpdesk help hr it mailer-daemon no-reply noreply billing payroll privacy legal office';

const cannotBeGiven: ReadonlySet<string> = new Set(googleReserved.split(' '));
const reservedWords: ReadonlySet<string> = new Set([googleReserved, rfc2142, house].join(' ').split(' '));

const nameSuffixes = new Set(['jr', 'sr', 'ii', 'iii', 'iv', 'phd']);

/**
 * The local parts that a new address may have: from the preferred, else the legal name, romanised by the country's
 * letters. The first pattern decides whether there is one at all; an alternative that gives nothing, a reserved word or what
 * an earlier one gave is left out. A pattern gets the parts and returns a text; what is longer than 60 loses last words of
 * the given name, then of the family name, then is cut. Always the same for the same record; always legal at Google.
 */
export function localPartsFor(
  record: EmployeeRecord,
  [pattern, ...alternatives]: readonly [Pattern, ...Pattern[]] = [({ given, family }) => `${given}.${family}`],
  words: HouseWords = noWords,
): LocalParts {
  const given = romanisedWords(record, 'givenName');
  if ('reason' in given) return given;
  const family = romanisedWords(record, 'familyName');
  if ('reason' in family) return family;

  const written = (one: Pattern) => fitted(given.words, family.words, record.employeeNumber, one);
  const first = written(pattern);
  if (first === '') return { reason: 'name_not_romanised' };
  const refused = refusedWord(first, words);
  if (refused !== undefined) return { reason: refused };
  const others = new Set(
    alternatives.map(written).filter((other) => other !== '' && refusedWord(other, words) === undefined),
  );
  others.delete(first);
  return { localParts: [first, ...others] };
}

function refusedWord(localPart: string, { reserved, offensive }: HouseWords): FailureReason | undefined {
  if (reservedWords.has(localPart) || reserved.has(localPart)) return 'address_reserved';
  const parts = [localPart.replaceAll(/[.-]/gu, ''), ...localPart.split(/[.-]/u)];
  return parts.some((part) => offensive.has(part)) ? 'address_offensive' : undefined;
}

/** Whether Google takes this as a user's local part. Given addresses may hold `_` and `'` too. */
export function isLegalLocalPart(localPart: string): boolean {
  return /^(?!\.)(?!.*\.\.)[a-z0-9._'-]{1,64}(?<!\.)$/u.test(localPart);
}

export function isReservedByGoogle(localPart: string): boolean {
  return cannotBeGiven.has(localPart);
}

function romanisedWords(
  record: EmployeeRecord,
  part: 'givenName' | 'familyName',
): { words: string[] } | { reason: FailureReason } {
  const text = chosenText(record, part);
  const script = scriptOf(text);
  if (script === 'mixed') return { reason: 'name_mixed_script' };
  if (script === 'other') return { reason: 'name_not_romanised' };
  const words = romanise(part === 'familyName' ? withoutSuffix(text) : text, record.country)
    .split(/[^a-z0-9]+/u)
    .filter((word) => word !== '');
  return { words };
}

function chosenText(record: EmployeeRecord, part: 'givenName' | 'familyName'): string {
  const clean = (text: string | undefined) => cleanText(withoutApostrophes(text ?? ''));
  const preferred = clean(record.preferredName?.[part]);
  const shown = preferred === '' ? clean(record.legalName[part]) : preferred;
  const latin = clean(record.latinName?.[part]);
  return latin !== '' && scriptOf(shown) !== 'latin' ? latin : shown;
}

function withoutSuffix(family: string): string {
  const words = family.split(/[\s,]+/u).filter((word) => word !== '');
  const last = words.at(-1)?.replaceAll('.', '').toLowerCase() ?? '';
  return words.length > 1 && nameSuffixes.has(last) ? words.slice(0, -1).join(' ') : family;
}

function fitted(
  givenWords: readonly string[],
  familyWords: readonly string[],
  employeeNumber: string,
  pattern: Pattern,
): string {
  const given = [...givenWords];
  const family = [...familyWords];
  for (;;) {
    const localPart = legalised(
      pattern({
        given: given.join('-'),
        family: family.join('-'),
        firstGiven: given[0] ?? '',
        middleInitial: given[1]?.charAt(0) ?? '',
        givenInitial: given[0]?.charAt(0) ?? '',
        familyInitial: family[0]?.charAt(0) ?? '',
        employeeNumber: romanise(employeeNumber, ''),
      }),
    );
    if (localPart.length <= localPartMax) return localPart;
    if (given.length > 1) given.pop();
    else if (family.length > 1) family.pop();
    else return legalised(localPart.slice(0, localPartMax));
  }
}

function legalised(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9.]+/gu, '-')
    .replace(/-*\.[.-]*/gu, '.')
    .replace(/^[.-]+|[.-]+$/gu, '');
}
