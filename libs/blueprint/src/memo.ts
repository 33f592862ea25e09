const entriesMax = 5_000;

/**
 * Keeps the answers of a pure function of a scope by the values that it looks at. Most rules look at a country or a
 * department, so that a company of 160,000 has some dozens of different answers. Where answers hardly ever repeat, such
 * as in a signature, it gives up; it never holds more than 5,000.
 */
export function memoised<Scope extends object, T>(
  compute: (scope: Scope) => T,
  /** Paths of the values looked at, such as `['employee', 'country']`. Undefined: not known, nothing is kept. */
  looksAt: readonly (readonly string[])[] | undefined,
): (scope: Scope) => T {
  if (looksAt === undefined) return compute;
  const answers = new Map<string, { readonly answer: T }>();
  let hits = 0;
  let active = true;
  return (scope) => {
    if (!active) return compute(scope);
    const key = keyOf(scope, looksAt);
    if (key === undefined) return compute(scope);
    const known = answers.get(key);
    if (known !== undefined) {
      hits += 1;
      return known.answer;
    }
    const answer = compute(scope);
    if (answers.size >= entriesMax) {
      active = hits > entriesMax;
      hits = 0;
      answers.clear();
    }
    answers.set(key, { answer });
    return answer;
  };
}

function keyOf(scope: object, looksAt: readonly (readonly string[])[]): string | undefined {
  let key = '';
  for (const path of looksAt) {
    let value: unknown = scope;
    for (const part of path) value = typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined;
    if (typeof value !== 'string' && typeof value !== 'number') return undefined;
    key += `${value}\u{0}`;
  }
  return key;
}
