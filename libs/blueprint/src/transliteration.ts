import anyAscii from 'any-ascii';

type Letters = readonly (readonly [pattern: RegExp, replacement: string])[];

const german: Letters = [
  [/ä/gu, 'ae'],
  [/ö/gu, 'oe'],
  [/ü/gu, 'ue'],
];
const danish: Letters = [
  [/å/gu, 'aa'],
  [/ø/gu, 'oe'],
];
const serbian: Letters = [[/đ/gu, 'dj']];
const greek: Letters = [
  [/ο[υύὺῦ]/gu, 'ou'],
  [/γγ/gu, 'ng'],
];

/** Cabinet of Ministers of Ukraine, resolution 55 (2010). The start of a word comes before elsewhere. */
const ukrainian: Letters = [
  [/[ь’'ʼ]/gu, ''],
  [/зг/gu, 'zgh'],
  [/(?<![\p{L}\p{M}])є/gu, 'ye'],
  [/(?<![\p{L}\p{M}])ї/gu, 'yi'],
  [/(?<![\p{L}\p{M}])й/gu, 'y'],
  [/(?<![\p{L}\p{M}])ю/gu, 'yu'],
  [/(?<![\p{L}\p{M}])я/gu, 'ya'],
  [/є/gu, 'ie'],
  [/[її]/gu, 'i'],
  [/й/gu, 'i'],
  [/ю/gu, 'iu'],
  [/я/gu, 'ia'],
  [/щ/gu, 'shch'],
  [/г/gu, 'h'],
  [/ґ/gu, 'g'],
  [/и/gu, 'y'],
  [/х/gu, 'kh'],
];

const byCountry: Readonly<Record<string, Letters>> = {
  ...sameFor(['DE', 'AT', 'CH', 'LI', 'LU'], german),
  ...sameFor(['DK', 'NO', 'FO'], danish),
  ...sameFor(['RS', 'HR', 'BA', 'ME', 'XK'], serbian),
  ...sameFor(['GR', 'CY'], greek),
  UA: ukrainian,
};

const everywhere: Letters = [
  [/ß/gu, 'ss'],
  [/æ/gu, 'ae'],
  [/œ/gu, 'oe'],
  [/ł/gu, 'l'],
  [/þ/gu, 'th'],
  [/ı/gu, 'i'],
];

/**
 * Lower-case ASCII for a name in a script that can be romanised by rule: first the letters as the country of employment
 * writes them in ASCII, then any-ascii for all the others.
 */
export function romanise(text: string, country: string): string {
  let romanised = text.toLowerCase().normalize('NFC');
  for (const [pattern, replacement] of [...(byCountry[country] ?? []), ...everywhere]) {
    romanised = romanised.replace(pattern, replacement);
  }
  // any-ascii writes the soft sign as an apostrophe, and apostrophes vanish.
  return anyAscii(romanised).toLowerCase().replace(/['`]/gu, '');
}

function sameFor(countries: readonly string[], letters: Letters): Record<string, Letters> {
  return Object.fromEntries(countries.map((country) => [country, letters]));
}

const romanisable = [
  /\p{Script=Latin}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Georgian}/u,
];

/** Letters that every script shares, such as ª: they belong to none. */
const shared = /[\p{Script=Common}\p{Script=Inherited}]/u;

export type ScriptVerdict = 'latin' | 'romanisable' | 'other' | 'mixed';

/** Which scripts the words of a name are written in. `mixed` is two scripts within one word. */
export function scriptOf(text: string): ScriptVerdict {
  let verdict: ScriptVerdict = 'latin';
  for (const [word] of text.matchAll(/[\p{L}\p{M}]+/gu)) {
    const scripts = new Set<number>();
    for (const letter of word)
      if (!shared.test(letter)) scripts.add(romanisable.findIndex((script) => script.test(letter)));
    if (scripts.size > 1) return 'mixed';
    if (scripts.has(-1)) verdict = 'other';
    else if (verdict === 'latin' && scripts.size === 1 && !scripts.has(0)) verdict = 'romanisable';
  }
  return verdict;
}
