import { randomUUID } from 'node:crypto';
import { fastifyCookie } from '@fastify/cookie';
import { fastifyHelmet } from '@fastify/helmet';
import { Reflector, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AccessGuard, declaredRoutes, SchemaPipe, type Foundation } from '#libs/platform';
import { AppModule } from './app.module.js';
import { streamFeeds } from './feeds/feed-bodies.js';
import { InterfaceErrorFilter } from './scim/scim-errors.js';
import { ScimLimit } from './scim/scim-limit.js';
import { readScimBodies, withoutLastSlash } from './scim/scim-requests.js';
import { watchRequests } from './operations/request-watch.js';
import { serveDashboard } from './operations/dashboard-files.js';
import { OpenApiDocument } from './operations/open-api-document.js';

/** JSON bodies only: feeds are streams with limits of their own. */
const bodyBytesMax = 1024 * 1024;
/** After a request to stop, answers that still run get this long. */
const closeDeadlineMs = 8000;

const contentSecurityPolicy = {
  useDefaults: false,
  directives: {
    'default-src': ["'self'"],
    // Swagger UI carries its styles and icons within the page.
    'style-src': ["'self'", "'unsafe-inline'"],
    'img-src': ["'self'", 'data:'],
    'object-src': ["'none'"],
    'base-uri': ["'none'"],
    'form-action': ["'self'"],
    'frame-ancestors': ["'none'"],
  },
};

/**
 * The API, complete but not listening yet.
 *
 * @throws Error when a route says nothing about who may call it.
 */
export async function createApi(foundation: Foundation): Promise<NestFastifyApplication> {
  const { log, ledger, config } = foundation;
  const adapter = new FastifyAdapter({
    bodyLimit: bodyBytesMax,
    genReqId: () => randomUUID(),
    rewriteUrl: ({ url = '/' }) => withoutLastSlash(url),
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.on(foundation), adapter, {
    logger: log.forNest,
    abortOnError: false,
  });
  const limit = await ScimLimit.of(app, config.scimRequestsPerSecond);
  app.useGlobalGuards(new AccessGuard(ledger.db, app.get(Reflector)), limit);
  app.useGlobalFilters(new InterfaceErrorFilter(log));
  app.useGlobalPipes(new SchemaPipe());
  app.enableShutdownHooks(['SIGTERM', 'SIGINT']);
  await app.register(fastifyCookie);
  await app.register(fastifyHelmet, { contentSecurityPolicy, referrerPolicy: { policy: 'no-referrer' } });
  streamFeeds(app);
  readScimBodies(app);
  watchRequests(app, foundation);
  await serveDashboard(app, config);

  const undeclared = declaredRoutes(app).filter(({ access }) => access === undefined);
  if (undeclared.length > 0) {
    throw new Error(`these routes do not say who may call them: ${undeclared.map(({ name }) => name).join(', ')}`);
  }
  closeInTime(app);
  await app.init();
  app.get(OpenApiDocument).describe(app);
  return app;
}

/** Closing waits for open answers; neither a connection kept for later nor an answer that never ends holds it up. */
function closeInTime(app: NestFastifyApplication): void {
  const server = app.getHttpServer();
  const fastify = app.getHttpAdapter().getInstance();
  let closing = false;
  fastify.addHook('preClose', (done) => {
    closing = true;
    setTimeout(() => server.closeAllConnections(), closeDeadlineMs).unref();
    done();
  });
  fastify.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) void reply.header('connection', 'close');
    done();
  });
}
