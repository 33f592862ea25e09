import { createPublicKey, generateKeyPairSync, randomUUID, verify, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { openWorkspace, type CallerOptions, type ServiceAccountKey, type Workspace } from '#libs/google';

export const admins = ['admin1@corp.example', 'admin2@corp.example'];
export const employee = 'anna.muster@corp.example';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly token: string;
  readonly body: string;
}

export interface Answer {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection breaks after the request was read; the reply never comes; or it comes so much later. */
  readonly cut?: boolean;
  readonly lateMs?: number;
}

const claimsSchema = z.object({
  iss: z.string(),
  sub: z.string(),
  scope: z.string(),
  aud: z.string(),
  iat: z.number(),
  exp: z.number(),
});
export type Claims = z.infer<typeof claimsSchema>;

/** A server that answers as a test tells it to, with a token endpoint that checks signatures. */
export interface ScriptedGoogle {
  readonly apiRoot: string;
  readonly key: ServiceAccountKey;
  readonly calls: Seen[];
  readonly mints: Claims[];
  /** Answers one API call; the default is an empty success. */
  onCall: (seen: Seen) => Answer;
  /** Answers a mint; undefined gives a token. */
  onMint: (claims: Claims) => Answer | undefined;
  tokenLifeSeconds: number;
  stop(): Promise<void>;
}

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

export async function startScriptedGoogle(): Promise<ScriptedGoogle> {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const google: ScriptedGoogle = {
    apiRoot: origin,
    key: keyOf(`${origin}/odd/token`, privateKey),
    calls: [],
    mints: [],
    onCall: () => ({ body: {} }),
    onMint: () => undefined,
    tokenLifeSeconds: 3_600,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await textOf(request);
    const url = new URL(request.url ?? '/', origin);
    if (url.pathname === '/odd/token') return reply(response, mint(google, body));
    const seen = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      token: (request.headers.authorization ?? '').replace('Bearer ', ''),
      body,
    };
    google.calls.push(seen);
    return reply(response, google.onCall(seen));
  }
  return google;
}

function mint(google: ScriptedGoogle, body: string): Answer {
  const form = new URLSearchParams(body);
  const [header = '', payload = '', signature = ''] = (form.get('assertion') ?? '').split('.');
  const signed = Buffer.from(`${header}.${payload}`);
  if (
    !verify(
      'RSA-SHA256',
      signed,
      createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })),
      Buffer.from(signature, 'base64url'),
    )
  ) {
    return { status: 400, body: { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' } };
  }
  const claims = claimsSchema.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
  google.mints.push(claims);
  const told = google.onMint(claims);
  if (told !== undefined) return told;
  return { body: { access_token: `ya29.${randomUUID()}`, expires_in: google.tokenLifeSeconds, token_type: 'Bearer' } };
}

async function reply(response: ServerResponse, { status = 200, body, headers, cut, lateMs }: Answer): Promise<void> {
  if (cut === true) {
    response.socket?.destroy();
    return;
  }
  if (lateMs !== undefined) await new Promise((resolve) => setTimeout(resolve, lateMs).unref());
  const text = typeof body === 'string' ? body : JSON.stringify(body ?? {});
  response.writeHead(status, {
    'content-type': typeof body === 'string' ? 'text/html' : 'application/json',
    ...headers,
  });
  response.end(text);
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) if (part instanceof Buffer) parts.push(part);
  return Buffer.concat(parts).toString();
}

const keyOf = (tokenUri: string, secret: KeyObject): ServiceAccountKey => ({
  clientEmail: 'bascule@project.iam.example',
  keyId: 'k1',
  projectId: 'project',
  tokenUri,
  privateKey: secret,
});

export interface Reported {
  readonly method: string;
  readonly hint: Parameters<CallerOptions['permits']['reportThrottled']>[1];
}

/** Permits without limit, that remember what was asked and reported. */
export function freePermits(lifeMs = 60_000) {
  const asked: Parameters<CallerOptions['permits']['acquire']>[0][] = [];
  const reported: Reported[] = [];
  const permits: CallerOptions['permits'] = {
    acquire: async (request) => {
      asked.push(request);
      request.signal?.throwIfAborted();
      const [adminSubject] = request.adminSubjects?.toReversed() ?? [];
      return {
        method: request.method,
        ...(adminSubject !== undefined && { adminSubject }),
        expiresAt: performance.now() + lifeMs,
        spent: [],
      };
    },
    reportThrottled: async ({ method }, hint) => {
      reported.push({ method, hint });
    },
  };
  return { asked, reported, permits };
}

export function workspaceOf(
  google: Pick<ScriptedGoogle, 'apiRoot' | 'key'>,
  more: Partial<CallerOptions> = {},
): Workspace {
  return openWorkspace({
    apiRoot: google.apiRoot,
    credentials: google.key,
    admins,
    customer: 'my_customer',
    permits: freePermits().permits,
    callTimeoutMs: 2_000,
    ...more,
  });
}

/** Google's classic error body. */
export const refusal = (status: number, reason: string, message = reason): Answer => ({
  status,
  body: { error: { code: status, message, errors: [{ domain: 'global', reason, message }] } },
});
