import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { parseArgs } from 'node:util';
import { adminSide } from './admin-side.js';
import { DirectoryService } from './directory.js';
import { Faults } from './faults.js';
import { readProfile } from './profile.js';
import { Quotas } from './quotas.js';
import { Refusal, TokenRefusal } from './refusal.js';
import { isRecord, type Call } from './request.js';
import { Services } from './services.js';
import { Tokens } from './token.js';
import { World } from './world.js';

const { values } = parseArgs({
  options: {
    profile: { type: 'string' },
    port: { type: 'string', default: '0' },
    'time-scale': { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    'key-file': { type: 'string' },
  },
});
if (values.profile === undefined || values['key-file'] === undefined) {
  process.stderr.write('simulator: --profile FILE and --key-file FILE are needed\n');
  process.exit(2);
}

const timeScale = Number(values['time-scale']);
const world = new World(readProfile(values.profile), timeScale, Number(values.seed));
const quotas = new Quotas(timeScale);
const directory = new DirectoryService(world, quotas);
const services = new Services(world, quotas);
const faults = new Faults(world.profile, Number(values.seed));
const calls = new Map<string, number>();
let tokens: Tokens | undefined;

function route(call: Call): unknown {
  const [first, second] = call.path;
  if (first === 'admin') return directory.handle(call);
  if (first === 'apps' && second === 'licensing') return services.licensing(call);
  if (first === 'groups') return services.groupsSettings(call);
  if (first === 'gmail') return services.gmail(call);
  if (first === 'calendar') return services.calendar(call);
  if (first === 'v1' && second === 'customers') return services.invitations(call);
  throw new Refusal(404, 'notFound', 'Not Found');
}

function answer(
  response: ServerResponse,
  status: number,
  body: string,
  type = 'application/json; charset=UTF-8',
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function serve(request: IncomingMessage, response: ServerResponse, body: string): void {
  const url = new URL(request.url ?? '/', 'http://simulator');
  if (url.pathname.startsWith('/_simulator/')) {
    const side = adminSide({ world, quotas, calls, faults }, request.method ?? 'GET', url, body);
    answer(response, side.status, side.body, side.type);
    return;
  }
  try {
    if (url.pathname === '/token') {
      quotas.perSecond('tokens', '', world.profile.quotas.tokensPerSecond, 429, 'rateLimitExceeded');
      answer(response, 200, tokens?.exchange(body) ?? '');
      return;
    }
    const fault = faults.draw();
    if (fault?.before !== undefined) {
      answer(response, fault.before.status, fault.before.body, fault.before.type);
      return;
    }
    const bearer = tokens?.read(request.headers.authorization);
    if (bearer === undefined) throw new Refusal(401, 'authError', 'Invalid Credentials');
    const parsed: unknown = body === '' ? {} : JSON.parse(body);
    const call: Call = {
      method: request.method ?? 'GET',
      path: url.pathname.split('/').slice(1),
      query: url.searchParams,
      body: isRecord(parsed) ? parsed : {},
      bearer,
    };
    const result = route(call);
    if (fault?.after === 'cut') {
      request.socket.destroy();
      return;
    }
    if (fault?.after === 'conflict' && call.method !== 'GET')
      throw new Refusal(409, 'duplicate', 'Entity already exists.');
    answer(response, 200, typeof result === 'string' ? result : JSON.stringify(result));
  } catch (error) {
    if (error instanceof Refusal || error instanceof TokenRefusal) answer(response, error.status, error.body());
    else answer(response, 500, new Refusal(500, 'internalError', String(error)).body());
  } finally {
    const name = `${request.method} ${nameOf(url.pathname)} ${response.statusCode}`;
    calls.set(name, (calls.get(name) ?? 0) + 1);
  }
}

/** The path with its ids taken out. */
function nameOf(path: string): string {
  return path
    .split('/')
    .map((part) => (part.includes('%40') || part.includes('@') || /^\d{6,}/.test(part) ? '*' : part))
    .join('/')
    .replace(/(orgunits)\/.*/, '$1/*');
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const go = () => serve(request, response, Buffer.concat(chunks).toString());
    const delayMs = faults.latencyMs();
    if (delayMs > 0) setTimeout(go, delayMs);
    else go();
  });
});

server.listen(Number(values.port), '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const apiRoot = `http://127.0.0.1:${port}`;
  tokens = new Tokens(world, values['key-file'] ?? '', apiRoot);
  process.stdout.write(`${JSON.stringify({ ready: true, port, apiRoot })}\n`);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
  });
}
