const zones = new Map<string, boolean>();

/** Whether this is an IANA time zone. Answers are kept: there are some hundreds of names. */
export function isTimeZone(name: string): boolean {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const valid =
    /^[A-Za-z][A-Za-z0-9_+\-/]*$/u.test(name) && accepts(() => new Intl.DateTimeFormat('en', { timeZone: name }));
  if (zones.size < 2_000) zones.set(name, valid);
  return valid;
}

/** Whether this is a well-formed BCP 47 tag. */
export function isLanguageTag(tag: string): boolean {
  return accepts(() => Intl.getCanonicalLocales(tag));
}

export function isAddress(text: string): boolean {
  return /^[a-z0-9._'+-]{1,64}@([a-z0-9-]+\.)+[a-z]{2,63}$/u.test(text);
}

function accepts(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
