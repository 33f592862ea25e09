import { createPublicKey, createSign, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { TestSimulator } from './simulator.js';

/** One call that Bascule sent to what it takes for Google. */
export interface GatewayCall {
  readonly method: string;
  readonly url: URL;
  readonly body: string;
}

/** Answered instead of passing the call on; or another path and query to pass it on with. */
export type Interception = { readonly status: number; readonly body: unknown } | { readonly pathAndQuery: string };

/**
 * Another server that speaks Google's API: its own port, its own service account and token endpoint, no side door. It
 * passes on to a simulated Google what the test does not answer itself.
 */
export interface GoogleGateway {
  readonly apiRoot: string;
  readonly keyFile: string;
  /** Method and first path segments of every call that came. */
  readonly seen: ReadonlySet<string>;
  /** Set by the test at any time: undefined passes the call on. */
  intercept: (call: GatewayCall) => Interception | undefined;
  stop(): Promise<void>;
}

const keySchema = z.object({ private_key: z.string(), client_email: z.string(), token_uri: z.url() });
const claimsSchema = z.object({ iss: z.string(), sub: z.string(), scope: z.string(), aud: z.string() });
const ourEmail = 'mover@another-project.iam.gserviceaccount.com';
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

export async function startGateway(simulator: Pick<TestSimulator, 'apiRoot' | 'keyFile'>): Promise<GoogleGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'bascule-gateway-'));
  const keyFile = join(folder, 'key.json');
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const behind = keySchema.parse(JSON.parse(readFileSync(simulator.keyFile, 'utf8')));
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const seen = new Set<string>();
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void bodyOf(request).then((body) => serve(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const apiRoot = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const key = {
    type: 'service_account',
    client_email: ourEmail,
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    token_uri: `${apiRoot}/oauth/token`,
  };
  writeFileSync(keyFile, JSON.stringify(key), { mode: 0o600 });

  const gateway: GoogleGateway = {
    apiRoot,
    keyFile,
    seen,
    intercept: () => undefined,
    stop: async () => {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };

  function serve(request: IncomingMessage, response: ServerResponse, body: string): void {
    const url = new URL(request.url ?? '/', apiRoot);
    const method = request.method ?? 'GET';
    seen.add(`${method} ${url.pathname.split('/').slice(0, 3).join('/')}`);
    const taken = gateway.intercept({ method, url, body });
    if (taken !== undefined && 'status' in taken) {
      response.writeHead(taken.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(taken.body));
      return;
    }
    if (url.pathname === '/oauth/token') {
      const assertion = exchanged(body, `${apiRoot}/oauth/token`, publicPem, behind);
      if (assertion === undefined) {
        response.writeHead(400, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }));
        return;
      }
      const form = new URLSearchParams(body);
      form.set('assertion', assertion);
      passOn({ path: '/token', text: form.toString() });
      return;
    }
    passOn({ path: taken?.pathAndQuery ?? `${url.pathname}${url.search}`, text: body });

    function passOn({ path, text }: { path: string; text: string }): void {
      const headers = {
        ...request.headers,
        host: new URL(simulator.apiRoot).host,
        'content-length': Buffer.byteLength(text),
      };
      const onward = httpRequest(`${simulator.apiRoot}${path}`, { method, headers, agent }, (reply) => {
        response.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(response);
      });
      // A reply that the simulated Google loses is lost here as well.
      onward.on('error', () => request.socket.destroy());
      onward.end(text);
    }
  }
  return gateway;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

/** Checks an assertion made with our key and makes the same one with the key behind us. */
function exchanged(
  body: string,
  audience: string,
  publicPem: string,
  behind: z.infer<typeof keySchema>,
): string | undefined {
  const [header = '', payload = '', signature = ''] = (new URLSearchParams(body).get('assertion') ?? '').split('.');
  const signed = Buffer.from(`${header}.${payload}`);
  const isOurs = verify('RSA-SHA256', signed, createPublicKey(publicPem), Buffer.from(signature, 'base64url'));
  const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const { iss, aud } = claimsSchema.parse(claims);
  if (!isOurs || iss !== ourEmail || aud !== audience) return undefined;
  const copy = { ...z.record(z.string(), z.unknown()).parse(claims), iss: behind.client_email, aud: behind.token_uri };
  const unsigned = `${encoded({ alg: 'RS256', typ: 'JWT' })}.${encoded(copy)}`;
  return `${unsigned}.${createSign('RSA-SHA256').update(unsigned).sign(behind.private_key).toString('base64url')}`;
}

/** An error in Google's classic shape. */
export const googleError = (status: number, reason: string, message: string): Interception => ({
  status,
  body: { error: { code: status, message, errors: [{ domain: 'global', reason, message }] } },
});
