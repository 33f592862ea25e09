import { createHmac, createPublicKey, generateKeyPairSync, randomBytes, verify, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { TokenRefusal } from './refusal.js';
import type { World } from './world.js';

const claimsSchema = z.object({
  iss: z.string(),
  sub: z.string(),
  scope: z.string(),
  aud: z.string(),
  iat: z.number(),
  exp: z.number(),
});

export interface Bearer {
  readonly subject: string;
  readonly scopes: string;
}

const skewSeconds = 300;
const lifeSeconds = 3_600;
const clientEmail = 'bascule@demo-project.iam.gserviceaccount.com';

/** The token endpoint: checks the assertion, then gives a token that needs no memory. */
export class Tokens {
  private readonly secret = randomBytes(32);
  private readonly publicKey: KeyObject;
  private readonly tokenUri: string;

  constructor(
    private readonly world: World,
    keyFile: string,
    origin: string,
  ) {
    this.tokenUri = `${origin}/token`;
    this.publicKey = makeKeyFile(keyFile, this.tokenUri);
  }

  exchange(body: string): string {
    const form = new URLSearchParams(body);
    if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer') {
      throw new TokenRefusal(400, 'unsupported_grant_type', 'Invalid grant_type');
    }
    const claims = this.verified(form.get('assertion') ?? '');
    this.checkSubject(claims.sub);
    const payload = Buffer.from(
      JSON.stringify({ s: claims.sub.toLowerCase(), c: claims.scope, e: Date.now() + lifeSeconds * 1_000 }),
    ).toString('base64url');
    return JSON.stringify({
      access_token: `${payload}.${this.mac(payload)}`,
      expires_in: lifeSeconds - 1,
      token_type: 'Bearer',
    });
  }

  /** Whose token this is; undefined when it is none of ours or over. */
  read(authorization: string | undefined): Bearer | undefined {
    const [payload, mac] = (authorization ?? '').replace(/^Bearer /, '').split('.');
    if (payload === undefined || mac === undefined || this.mac(payload) !== mac) return undefined;
    const { s, c, e } = z
      .object({ s: z.string(), c: z.string(), e: z.number() })
      .parse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
    return e > Date.now() ? { subject: s, scopes: c } : undefined;
  }

  private mac(payload: string): string {
    return createHmac('sha256', this.secret).update(payload).digest('base64url').slice(0, 22);
  }

  private verified(assertion: string) {
    const [header, payload, signature] = assertion.split('.');
    const bad = (message: string) => new TokenRefusal(400, 'invalid_grant', message);
    if (header === undefined || payload === undefined || signature === undefined) throw bad('Invalid JWT');
    const signed = Buffer.from(`${header}.${payload}`);
    if (!verify('RSA-SHA256', signed, this.publicKey, Buffer.from(signature, 'base64url'))) {
      throw bad('Invalid JWT Signature.');
    }
    const claims = claimsSchema.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
    const now = Date.now() / 1_000;
    if (claims.iss !== clientEmail) throw bad('Invalid grant: account not found');
    if (claims.aud !== this.tokenUri) throw bad('Invalid JWT: Failed audience check.');
    if (claims.exp - claims.iat > lifeSeconds || claims.iat > now + skewSeconds || claims.exp < now - skewSeconds) {
      throw bad(
        'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.',
      );
    }
    return claims;
  }

  private checkSubject(subject: string): void {
    const user = this.world.userByAddress.get(subject.toLowerCase());
    if (user === undefined || user.primaryEmail !== subject.toLowerCase()) {
      throw new TokenRefusal(400, 'invalid_grant', 'Invalid email or User ID');
    }
    const wait = this.world.delay(user.id, 'token', this.world.profile.delays.token);
    if (user.suspended || (user.ready !== true && this.world.ageOf(user) < wait)) {
      throw new TokenRefusal(403, 'access_denied', 'Requested client not authorized.');
    }
  }
}

/** Writes a service account's key file as Google's console would, unless one is there; returns its public half. */
function makeKeyFile(path: string, tokenUri: string): KeyObject {
  const present: unknown = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
  const kept = z.object({ private_key: z.string() }).safeParse(present);
  const pem = kept.success ? kept.data.private_key : newKey();
  const key = {
    type: 'service_account',
    project_id: 'demo-project',
    private_key_id: 'demo-key',
    private_key: pem,
    client_email: clientEmail,
    client_id: '100000000000000000001',
    token_uri: tokenUri,
  };
  writeFileSync(path, `${JSON.stringify(key, null, 2)}\n`, { mode: 0o600 });
  return createPublicKey(pem);
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
