/** Google keeps at most this many characters of a given or family name. Source: Directory API, REST resource users. */
const googleNameLength = 60;

/** Cuts by code points: half a surrogate pair would be refused. */
export function cutCodePoints(text: string, length: number): string {
  return text.length <= length ? text : Array.from(text).slice(0, length).join('').trimEnd();
}

/** A given or family name as Google keeps it: trimmed, NFC, cut to 60 characters. */
export function canonicalName(name: string): string {
  return cutCodePoints(name.normalize('NFC').replace(/\s+/gu, ' ').trim(), googleNameLength);
}

export function canonicalAddress(address: string): string {
  return address.trim().toLowerCase();
}

/** Sibling org units differ by more than case, so case is no difference. */
export function canonicalOrgUnit(path: string): string {
  const trimmed = path.trim().replace(/\/+$/u, '').toLowerCase();
  return trimmed === '' ? '/' : trimmed;
}

export function canonicalText(text: string): string {
  return text.normalize('NFC').replace(/\s+/gu, ' ').trim();
}

export function canonicalPhone(number: string): string {
  return number.replace(/[\s().\-/]/gu, '');
}

/** BCP 47 tags are compared without case; older entries carry an underscore. */
export function canonicalLanguage(tag: string): string {
  return tag.trim().replaceAll('_', '-').toLowerCase();
}
