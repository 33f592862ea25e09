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

/** One part of the name that Google shows; its script stays. Dashes alone are no name. */
export function canonicalPart(text: string): string {
  const clean = text
    .replace(/\s+/gu, ' ')
    .normalize('NFC')
    .replace(/[\p{C}\p{So}\p{Emoji_Presentation}\u{FE00}-\u{FE0F}<>]/gu, '')
    .replace(/\s+/gu, ' ')
    .trim();
  if (!/[\p{L}\p{N}]/u.test(clean)) return '';
  return Array.from(clean).slice(0, googleNameLength).join('').trim();
}
