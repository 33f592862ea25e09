const apostrophes = /['’‘ʼʻʽʹ′`´＇]/gu;

/** Without control, format and private characters, symbols and emoji; spaces collapsed. */
export function cleanText(text: string): string {
  return text
    .replace(/\s+/gu, ' ')
    .normalize('NFKC')
    .replace(/[\p{C}\p{S}\p{Emoji_Presentation}\u{FE00}-\u{FE0F}]/gu, '')
    .replace(/\s+/gu, ' ')
    .trim();
}

export function withoutApostrophes(text: string): string {
  return text.replace(apostrophes, '');
}

const googleNameLength = 60;
const unshown = /[\p{C}\p{So}\p{Emoji_Presentation}\u{FE00}-\u{FE0F}<>]/gu;

/** What nearly every name is. */
const ordinary = /^\p{L}[\p{L}\p{M} '’.-]{0,58}$/u;

function shownText(text: string): string {
  const clean = text.replace(/\s+/gu, ' ').normalize('NFC').replace(unshown, '').replace(/\s+/gu, ' ').trim();
  return /[\p{L}\p{N}]/u.test(clean) ? clean : '';
}

/** One part of the name that Google shows; its script stays. Dashes alone are no name. */
export function canonicalPart(text: string): string {
  const clean = shownText(text);
  return clean.length <= googleNameLength ? clean : Array.from(clean).slice(0, googleNameLength).join('').trim();
}

/** What Google will not show of one part of a name: all of it, some characters, what lies beyond 60, or nothing. */
export function unshownOfName(text: string): 'all' | 'characters' | 'end' | undefined {
  if (ordinary.test(text)) return undefined;
  const clean = shownText(text);
  if (clean === '') return 'all';
  if (text.search(unshown) >= 0) return 'characters';
  return Array.from(clean).length > googleNameLength ? 'end' : undefined;
}
