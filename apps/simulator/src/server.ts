import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { adminSide } from './admin-side.js';
import { charge } from './charges.js';
import { refuseOtherCustomer } from './directory/customer.js';
import { findMethod, type Found } from './documents.js';
import type { Fault } from './faults.js';
import { masked, readMask } from './field-mask.js';
import { checkQuery, readBody } from './payload.js';
import type { Profile } from './profile.js';
import { badPayload, Refusal, TokenRefusal } from './refusal.js';
import { Nothing, Text, type Bearer, type Call, type Handler, type Result } from './request.js';
import { openSimulation } from './handlers.js';
import type { Simulation } from './simulation.js';
import { Tally } from './tally.js';
import { Tokens } from './token.js';

export interface ServerOptions {
  readonly profile: Profile;
  readonly timeScale: number;
  readonly seed: number;
  readonly keyFile: string;
  readonly port: number;
}

export interface RunningServer {
  readonly port: number;
  readonly apiRoot: string;
  close(): void;
}

const json = 'application/json; charset=UTF-8';
const bodyMax = 36_700_160;

/** Starts one simulated Google on the loopback interface. */
export function startServer(options: ServerOptions): Promise<RunningServer> {
  const google = new Google(options);
  const server = createServer({ keepAliveTimeout: 60_000, noDelay: true }, (request, response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > bodyMax) request.socket.destroy();
      else chunks.push(chunk);
    });
    request.on('end', () => {
      const [first] = chunks;
      const body = first === undefined ? '' : chunks.length === 1 ? first : Buffer.concat(chunks);
      google.serve(request, response, body.toString());
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const apiRoot = `http://127.0.0.1:${port}`;
      google.open(apiRoot);
      resolve({
        port,
        apiRoot,
        close: () => {
          server.close();
          server.closeAllConnections();
        },
      });
    });
  });
}

class Google {
  private readonly simulation: Simulation;
  private readonly handlers: ReadonlyMap<string, Handler>;
  private readonly tally = new Tally();
  private tokens: Tokens | undefined;

  constructor(private readonly options: ServerOptions) {
    const { simulation, handlers } = openSimulation(options.profile, options);
    this.simulation = simulation;
    this.handlers = handlers;
  }

  open(apiRoot: string): void {
    this.tokens = new Tokens(this.simulation.world, this.simulation.policy, this.options.keyFile, apiRoot);
  }

  serve(request: IncomingMessage, response: ServerResponse, body: string): void {
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    const path = mark === -1 ? url : url.slice(0, mark);
    if (path.startsWith('/_simulator/')) {
      const { simulation, tally, tokens } = this;
      if (tokens === undefined) throw new Error('asked before it listened');
      const side = adminSide({ simulation, tally, tokens }, request.method ?? 'GET', new URL(url, 'http://x'), body);
      answer(response, side.status, side.body, side.type);
      return;
    }
    const delayMs = this.simulation.faults.nextLatencyMs();
    if (path === '/token') later(delayMs, () => this.serveToken(request, response, body));
    else this.serveApi(request, response, { path, search: mark === -1 ? '' : url.slice(mark + 1), body, delayMs });
  }

  private serveToken(request: IncomingMessage, response: ServerResponse, body: string): void {
    const { quotas, world, faults } = this.simulation;
    const fault = faults.drawToken();
    try {
      if (fault?.before !== undefined) {
        answer(response, fault.before.status, fault.before.body, fault.before.type);
        return;
      }
      quotas.perSecond('tokens', '', world.profile.quotas.tokensPerSecond, 429, 'rateLimitExceeded');
      const token = this.tokens?.exchange(body) ?? '';
      if (fault?.after === 'cut') request.socket.destroy();
      else answer(response, 200, token);
    } catch (error) {
      refuse(response, error);
    } finally {
      this.tally.count(`${request.method} /token`, 'token', response.statusCode, fault?.after === 'cut');
    }
  }

  private serveApi(
    request: IncomingMessage,
    response: ServerResponse,
    asked: { path: string; search: string; body: string; delayMs: number },
  ): void {
    const verb = request.method ?? 'GET';
    const found = foundOr(verb, asked.path);
    const method = found instanceof Refusal || found === undefined ? undefined : found.method;
    const { faults, world } = this.simulation;
    const fault = faults.draw(method?.api, world.now());
    let release = () => {};
    const done = (isCut: boolean) => {
      release();
      const label = found instanceof Refusal || found === undefined ? '/unknown' : found.label;
      this.tally.count(`${verb} ${label}`, method?.id ?? 'unknown', response.statusCode, isCut);
    };
    const refused = (error: unknown) => {
      refuse(response, error);
      done(false);
    };
    try {
      if (found === undefined) {
        answer(response, 404, notFoundPage, 'text/html; charset=UTF-8');
        done(false);
        return;
      }
      if (found instanceof Refusal) throw found;
      if (fault?.before !== undefined) {
        answer(response, fault.before.status, fault.before.body, fault.before.type);
        done(false);
        return;
      }
      const bearer = this.tokens?.read(request.headers.authorization);
      if (bearer === undefined) throw invalidCredentials;
      release = this.enter(found, bearer);
      later(asked.delayMs, () => {
        try {
          const call = this.check(found, bearer, asked.search, asked.body);
          this.reply(request, response, call, fault);
          done(fault?.after === 'cut');
        } catch (error) {
          refused(error);
        }
      });
    } catch (error) {
      refused(error);
    }
  }

  /** Takes a place among the calls under way; gives back how to leave it. */
  private enter({ method }: Found, { subject }: Bearer): () => void {
    const { quotas, world } = this.simulation;
    const { directoryInFlight, mailboxInFlight } = world.profile.quotas;
    if (method.api.name === 'directory' && directoryInFlight !== null) {
      quotas.enter('directoryInFlight', '', directoryInFlight, 'Too many concurrent requests');
      return () => quotas.leave('directoryInFlight', '');
    }
    if (method.api.name === 'gmail' && mailboxInFlight !== null) {
      quotas.enter('mailboxInFlight', subject, mailboxInFlight, 'Too many concurrent requests for user');
      return () => quotas.leave('mailboxInFlight', subject);
    }
    return () => {};
  }

  private check({ method, params }: Found, bearer: Bearer, search: string, body: string): Call {
    const { simulation } = this;
    simulation.policy.refuseDisabled(method);
    const query = new URLSearchParams(search);
    checkQuery(method, query);
    const fields = query.get('fields');
    const call: Call = {
      method,
      params,
      query,
      body: readBody(method, body),
      bearer,
      mask: fields === null ? 'all' : readMask(fields, method.api, method.response),
    };
    simulation.policy.refuseWithoutScope(method, bearer);
    charge(simulation, call);
    simulation.policy.refuseUnlessAdmin(simulation.world, method, bearer);
    refuseOtherCustomer(simulation, call);
    return call;
  }

  private reply(request: IncomingMessage, response: ServerResponse, call: Call, fault: Fault | undefined): void {
    const handler = this.handlers.get(call.method.id);
    if (handler === undefined) throw new Refusal(501, 'notImplemented', `${call.method.id} is not simulated`);
    const result = handler(call);
    if (fault?.after === 'cut') {
      request.socket.destroy();
      return;
    }
    if (fault?.after === 'conflict' && call.method.httpMethod !== 'GET') {
      throw new Refusal(409, 'duplicate', 'Entity already exists.');
    }
    send(response, call, result);
  }
}

function foundOr(verb: string, path: string): Found | Refusal | undefined {
  try {
    const found = findMethod(verb, path);
    return found === 'wrongVerb' ? undefined : found;
  } catch {
    return badPayload('Invalid path: it is not well encoded');
  }
}

function later(delayMs: number, go: () => void): void {
  if (delayMs > 0) setTimeout(go, delayMs);
  else go();
}

const invalidCredentials = new Refusal(401, 'authError', 'Invalid Credentials', {
  rpcStatus: 'UNAUTHENTICATED',
  headers: { 'www-authenticate': 'Bearer realm="https://accounts.google.com/"' },
});

const notFoundPage =
  '<!DOCTYPE html><html lang=en><title>Error 404 (Not Found)!!1</title><p><b>404.</b> <ins>That’s an error.</ins></html>';

function send(response: ServerResponse, { mask }: Call, result: Result): void {
  if (result instanceof Nothing) {
    response.writeHead(result.status).end();
  } else if (result instanceof Text) {
    answer(response, result.status, result.json, result.type);
  } else {
    answer(response, 200, JSON.stringify(mask === 'all' ? result : masked(result, mask)));
  }
}

function refuse(response: ServerResponse, error: unknown): void {
  if (error instanceof Refusal || error instanceof TokenRefusal) {
    answer(response, error.status, error.body(), json, error.headers);
    return;
  }
  // A fault of the simulator's own: it must be seen, and it must not look like one of Google's.
  const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`simulator: ${words}\n`);
  answer(response, 500, new Refusal(500, 'internalError', 'the simulator is at fault').body());
}

function answer(
  response: ServerResponse,
  status: number,
  body: string,
  type = json,
  more: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), ...more });
  response.end(body);
}
