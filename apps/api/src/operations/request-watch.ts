import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Foundation } from '#libs/platform';

/**
 * Counts and times every request by its route's pattern, logs those that change something, and keeps answers out of
 * caches unless a route says otherwise.
 */
export function watchRequests(app: NestFastifyApplication, { log, metrics }: Foundation): void {
  const durations = metrics.histogram({
    name: 'bascule_http_request_duration_seconds',
    help: 'Time to answer a request, by route and status.',
    labels: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  });
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onSend', (_request, reply, _payload, done) => {
    if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store');
    done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const { method } = request;
    const route = request.routeOptions.url ?? 'unknown';
    const status = reply.statusCode;
    durations.observe({ method, route, status: String(status) }, reply.elapsedTime / 1000);
    const fields = { requestId: request.id, method, route, status, durationMs: Math.round(reply.elapsedTime) };
    const isQuiet = status < 400 && ['GET', 'HEAD'].includes(method);
    if (isQuiet) log.debug('answered', fields);
    else log.info('answered', fields);
    done();
  });
}
