import type { FastifyRequest } from 'fastify';
import { Problem } from '#libs/platform';

const waitSecondsMax = 300;

const quotedKey = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"(?:\s*;.*)?$/;
const bareKey = /^[\x21\x23-\x7e][\x20-\x7e]*$/;

/** `Idempotency-Key`: a quoted string (RFC 9651, 3.3.3) or the bare key; 1 to 255 characters. Null without the header. */
export function idempotencyKeyOf(request: FastifyRequest): string | null {
  const header = request.headers['idempotency-key'];
  if (header === undefined) return null;
  const text = String(header).trim();
  const quoted = quotedKey.exec(text)?.[1]?.replaceAll(/\\(["\\])/g, '$1');
  const key = quoted ?? (bareKey.test(text) ? text : '');
  if (key.length > 0 && key.length <= 255) return key;
  throw new Problem('invalid-field', 'The Idempotency-Key is wrong.', {
    errors: [{ field: 'Idempotency-Key', message: 'must have 1 to 255 ASCII characters, bare or in double quotes' }],
  });
}

/** `Prefer: wait=N` (RFC 7240, 4.3): seconds to wait for the outcome, at most 300; undefined when not asked for. */
export function waitSecondsOf(request: FastifyRequest): number | undefined {
  const header = String(request.headers['prefer'] ?? '');
  const wait = /(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?=[,;]|$)/i.exec(header)?.[1];
  return wait === undefined ? undefined : Math.min(waitSecondsMax, Number(wait));
}
