import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

/** 256 random bits, in the form of Standard Webhooks. */
export const newSigningSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

/**
 * The headers of a message (Standard Webhooks): a signature for each secret that holds, over id, time and the very bytes of
 * the body.
 */
export function signedHeaders(
  message: { id: string; body: string; secrets: readonly string[] },
  now: Date,
): Record<string, string> {
  const signatures = message.secrets.map((secret) => new Webhook(secret).sign(message.id, now, message.body));
  return {
    'webhook-id': message.id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': signatures.join(' '),
  };
}
