import { createHmac, createPublicKey, generateKeyPairSync, randomBytes, verify, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { allScopes } from './documents.js';
import type { Policy } from './policy.js';
import { TokenRefusal } from './refusal.js';
import type { Bearer } from './request.js';
import type { World } from './world.js';

const claimsSchema = z.object({
  iss: z.string(),
  sub: z.string(),
  scope: z.string(),
  aud: z.string(),
  iat: z.number(),
  exp: z.number(),
});
const headerSchema = z.object({ alg: z.literal('RS256') });

const tokenSchema = z.object({ s: z.string(), c: z.string(), e: z.number() });

interface Given extends Bearer {
  readonly until: number;
}

const skewSeconds = 300;
const lifeSeconds = 3_600;
const clientEmail = 'bascule@demo-project.iam.gserviceaccount.com';
const knownMax = 50_000;
const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

const bad = (message: string) => new TokenRefusal(400, 'invalid_grant', message);

/**
 * The token endpoint: checks the assertion, then gives a token that needs no memory.
 * Source: https://developers.google.com/identity/protocols/oauth2/service-account
 */
export class Tokens {
  private readonly secret = randomBytes(32);
  private readonly publicKey: KeyObject;
  private readonly tokenUri: string;
  /** Tokens seen of late, so that most calls need no reckoning. */
  private readonly known = new Map<string, Given>();
  private readonly scopeSets = new Map<string, ReadonlySet<string>>();
  private revokedBefore = 0;

  constructor(
    private readonly world: World,
    private readonly policy: Policy,
    keyFile: string,
    origin: string,
  ) {
    this.tokenUri = `${origin}/token`;
    this.publicKey = makeKeyFile(keyFile, this.tokenUri);
  }

  exchange(body: string): string {
    const form = new URLSearchParams(body);
    if (form.get('grant_type') !== grantType) {
      throw new TokenRefusal(400, 'unsupported_grant_type', 'Invalid grant_type');
    }
    const claims = this.verified(form.get('assertion') ?? '');
    this.checkScopes(claims.scope);
    this.checkSubject(claims.sub);
    const payload = Buffer.from(
      JSON.stringify({ s: claims.sub.toLowerCase(), c: claims.scope, e: Date.now() + lifeSeconds * 1_000 }),
    ).toString('base64url');
    return `{"access_token":"${payload}.${this.mac(payload)}","expires_in":${lifeSeconds - 1},"token_type":"Bearer"}`;
  }

  /** Whose token this is; undefined when it is none of ours, over or revoked. */
  read(authorization: string | undefined): Bearer | undefined {
    if (authorization === undefined) return undefined;
    let given = this.known.get(authorization);
    if (given === undefined) {
      given = this.decode(authorization);
      if (given === undefined) return undefined;
      if (this.known.size >= knownMax) this.known.clear();
      this.known.set(authorization, given);
    }
    const now = Date.now();
    const isOver = given.until <= now || given.until - lifeSeconds * 1_000 < this.revokedBefore;
    return isOver || !this.world.userByAddress.has(given.subject) ? undefined : given;
  }

  /** Every token given so far is refused from now on. */
  revokeAll(): void {
    this.revokedBefore = Date.now() + 1;
    this.known.clear();
  }

  private decode(authorization: string): Given | undefined {
    const [payload, mac] = authorization.replace(/^Bearer /, '').split('.');
    if (payload === undefined || mac === undefined || this.mac(payload) !== mac) return undefined;
    const { s, c, e } = tokenSchema.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
    return { subject: s, scopes: this.scopeSet(c), until: e };
  }

  private scopeSet(scope: string): ReadonlySet<string> {
    let set = this.scopeSets.get(scope);
    if (set === undefined) {
      if (this.scopeSets.size > 1_000) this.scopeSets.clear();
      this.scopeSets.set(scope, (set = new Set(scope.split(' ').filter(Boolean))));
    }
    return set;
  }

  private mac(payload: string): string {
    return createHmac('sha256', this.secret).update(payload).digest('base64url').slice(0, 22);
  }

  private verified(assertion: string): z.infer<typeof claimsSchema> {
    const [header, payload, signature] = assertion.split('.');
    if (header === undefined || payload === undefined || signature === undefined) throw bad('Invalid JWT');
    const signed = Buffer.from(`${header}.${payload}`);
    if (!headerSchema.safeParse(decoded(header)).success) throw bad('Invalid JWT: unsupported algorithm');
    if (!verify('RSA-SHA256', signed, this.publicKey, Buffer.from(signature, 'base64url'))) {
      throw bad('Invalid JWT Signature.');
    }
    const parsed = claimsSchema.safeParse(decoded(payload));
    if (!parsed.success) throw bad(`Invalid JWT: ${parsed.error.issues[0]?.path.join('.')} is missing or wrong`);
    const claims = parsed.data;
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

  /** One scope that is not delegated refuses the whole request. */
  private checkScopes(scope: string): void {
    const wanted = this.scopeSet(scope);
    if (wanted.size === 0) throw new TokenRefusal(400, 'invalid_scope', 'Empty or missing scope not allowed.');
    for (const one of wanted) {
      if (!allScopes.has(one)) {
        throw new TokenRefusal(400, 'invalid_scope', 'Invalid OAuth scope or ID token audience provided.');
      }
    }
    for (const one of wanted) {
      if (this.policy.isDelegated(one)) continue;
      throw new TokenRefusal(
        401,
        'unauthorized_client',
        'Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.',
      );
    }
  }

  private checkSubject(subject: string): void {
    const address = subject.toLowerCase();
    if (!/^[^@\s]+@[^@\s]+$/.test(address)) {
      throw new TokenRefusal(400, 'invalid_request', 'Invalid impersonation &quot;sub&quot; field: Not a valid email');
    }
    const user = this.world.userByAddress.get(address);
    if (user === undefined || user.primaryEmail !== address) throw bad('Invalid email or User ID');
    if (user.suspended || !this.world.isPast(user, 'token', this.world.profile.delays.token)) {
      throw new TokenRefusal(403, 'access_denied', 'Requested client not authorized.');
    }
  }
}

function decoded(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString());
  } catch {
    return undefined;
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
