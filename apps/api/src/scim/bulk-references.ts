/** RFC 7644, 3.7.2: `bulkId:` and the id that a POST of the same job was given by its client. */
const reference = /(?:^|\/)bulkId:([^/]+)$/;

/** No user and no PATCH is deeper. */
const depthMax = 20;

/** Whether a value is nested more than any that means something; what follows here goes down into it. */
export function isDeep(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === depthMax || Object.values(value).some((one) => isDeep(one, depth + 1));
}

/** The bulkIds that an operation's data or path refers to. */
export function referencesIn(value: unknown): string[] {
  if (typeof value === 'string') {
    const found = reference.exec(value)?.[1];
    return found === undefined ? [] : [found];
  }
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(referencesIn) : [];
}

/** The value with every reference replaced by the id that the server gave; one that has none yet is left out. */
export function withReferences(value: unknown, idOf: (bulkId: string) => string | undefined): unknown {
  if (typeof value === 'string') {
    const bulkId = reference.exec(value)?.[1];
    if (bulkId === undefined) return value;
    const id = idOf(bulkId);
    return id === undefined ? undefined : value.replace(`bulkId:${bulkId}`, id);
  }
  if (Array.isArray(value)) {
    return value.map((one: unknown) => withReferences(one, idOf)).filter((one) => one !== undefined);
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]: [string, unknown]) => [name, withReferences(one, idOf)]),
  );
}
