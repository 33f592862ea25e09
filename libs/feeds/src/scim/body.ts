import { ScimError } from './scim-error.js';

/**
 * What a body says as JSON in UTF-8, with or without a byte order mark (RFC 8259, 8.1); undefined for an empty one.
 *
 * @throws ScimError `invalidSyntax`
 */
export function bodyOf(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined;
  try {
    const body: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return body;
  } catch {
    throw new ScimError(400, 'invalidSyntax', 'The body is not JSON in UTF-8.');
  }
}
