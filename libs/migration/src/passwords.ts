import { randomBytes, webcrypto } from 'node:crypto';
import type { AccountPassword } from './step.js';

/**
 * Under single sign-on nobody ever types the password that Google insists on: 256 random bits that are forgotten at once.
 * A plain hash of so many random bits is as safe as a slow one; it is made off the event loop.
 */
export async function throwAwayPassword(): Promise<AccountPassword> {
  const digest = await webcrypto.subtle.digest('SHA-1', randomBytes(32));
  return { value: Buffer.from(digest).toString('hex'), hashFunction: 'SHA-1' };
}
