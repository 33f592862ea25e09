import anyAscii from 'any-ascii';
import type { EmployeeRecord } from '#libs/vocabulary';

const apostrophes = /['’‘ʼʻʽʹ′`´＇]/gu;
const umlauts = /[äöüåø]/g;
const twoLetters: Readonly<Record<string, string>> = { ä: 'ae', ö: 'oe', ü: 'ue', å: 'aa', ø: 'oe' };

/** The words of a text as the service desk types them: Latin letters and digits, lower case, no accents. */
export function foldedWords(text: string): string[] {
  const plain = anyAscii(text.replace(apostrophes, '').normalize('NFC')).toLowerCase();
  return plain.split(/[^a-z0-9]+/).filter((word) => word !== '');
}

/** A company has fewer names than people. */
const known = new Map<string, readonly string[]>();
const knownMax = 20_000;

/** Müller also as Mueller, D’Angelo also as Angelo. */
function wordsOf(name: string): readonly string[] {
  const found = known.get(name);
  if (found !== undefined) return found;
  const spelt = name.toLowerCase().normalize('NFC');
  const german = spelt.replace(umlauts, (letter) => twoLetters[letter] ?? letter);
  const words = [...new Set([spelt, german, spelt.replace(apostrophes, ' ')])].flatMap(foldedWords);
  if (known.size >= knownMax) known.clear();
  known.set(name, words);
  return words;
}

/** Every word by which a person's names are found: legal, preferred and Latin. */
export function searchWords({ legalName, preferredName, latinName }: EmployeeRecord): string[] {
  const words = new Set<string>();
  for (const name of [legalName, preferredName, latinName]) {
    for (const part of [name?.givenName, name?.familyName]) {
      if (part !== undefined) for (const word of wordsOf(part)) words.add(word);
    }
  }
  return [...words];
}
