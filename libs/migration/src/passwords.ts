import { constants, createHash, createPublicKey, publicEncrypt, randomBytes, randomInt, webcrypto } from 'node:crypto';
import type { SealedPassword } from '#libs/ledger';
import type { AccountPassword } from './step.js';

async function sha1(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-1', bytes)).toString('hex');
}

/**
 * Under single sign-on nobody ever types the password that Google insists on: 256 random bits that are forgotten at once.
 * A plain hash of so many random bits is as safe as a slow one; it is made off the event loop.
 */
export async function throwAwayPassword(): Promise<AccountPassword> {
  return { value: await sha1(Uint8Array.from(randomBytes(32))), hashFunction: 'SHA-1' };
}

/** Letters and digits that nobody mistakes for each other, read from paper or heard over the telephone. */
const alphabet = 'abcdefghjkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXY34679';
const groups = 4;
const groupLength = 5;

/** `xxxxx-xxxxx-xxxxx-xxxxx`: 20 random characters, 112 bits. */
export function drawPassword(): string {
  const letter = () => alphabet.charAt(randomInt(alphabet.length));
  return Array.from({ length: groups }, () => Array.from({ length: groupLength }, letter).join('')).join('-');
}

const modulusBitsMin = 2048;

/** A handover key that cannot be used; the message says what to do. */
export class HandoverKeyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'HandoverKeyError';
  }
}

/**
 * Checks a public key (PEM) and names it: the beginning of the SHA-256 of its SPKI form, as
 * `openssl pkey -pubin -outform DER | sha256sum` shows it.
 */
export function handoverKeyId(publicKey: string): string {
  if (publicKey.includes('PRIVATE KEY')) throw new HandoverKeyError('is a private key: give the public one only');
  const key = readKey(publicKey);
  if (key.asymmetricKeyType !== 'rsa' || (key.asymmetricKeyDetails?.modulusLength ?? 0) < modulusBitsMin) {
    throw new HandoverKeyError(`must be an RSA key of at least ${modulusBitsMin} bits`);
  }
  const der = key.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex').slice(0, 16);
}

function readKey(publicKey: string) {
  try {
    return createPublicKey(publicKey);
  } catch {
    throw new HandoverKeyError('is no public key in PEM form (-----BEGIN PUBLIC KEY-----)');
  }
}

/**
 * Draws a first password for each employee. What is kept: the password sealed by RSA-OAEP with SHA-256 (RFC 8017, section
 * 7.1), and the hash that Google gets. A plain SHA-1, as users.insert takes it, is enough for 112 random bits: salt and
 * slowness protect passwords that people choose.
 */
export async function drawSealedPasswords(
  publicKey: string,
  employeeIds: readonly string[],
): Promise<SealedPassword[]> {
  const keyId = handoverKeyId(publicKey);
  const key = createPublicKey(publicKey);
  return Promise.all(
    employeeIds.map(async (employeeId) => {
      const password = Buffer.from(drawPassword());
      const options = { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
      return {
        employeeId,
        keyId,
        sealed: publicEncrypt(options, password),
        hashed: await sha1(Uint8Array.from(password)),
      };
    }),
  );
}
