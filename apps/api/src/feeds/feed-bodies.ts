import type { NestFastifyApplication } from '@nestjs/platform-fastify';

const deliveries = /^\/v1\/feeds\/[^/]+\/deliveries(\?|$)/;
/** What a JSON feed is called inside the server, so that only feeds get their JSON as a stream. */
export const jsonFeed = 'application/x-json-feed';

/**
 * Hands feeds to their route as streams: CSV and NDJSON by their media type, JSON on the feeds' address only (everywhere
 * else JSON is parsed whole, within a small limit).
 */
export function streamFeeds(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', (request, _reply, done) => {
    const type = request.headers['content-type'];
    if (deliveries.test(request.url) && type?.startsWith('application/json') === true) {
      request.headers['content-type'] = jsonFeed;
    }
    done();
  });
  for (const type of ['text/csv', 'application/x-ndjson', jsonFeed]) {
    fastify.addContentTypeParser(type, (_request, payload, done) => done(null, payload));
  }
}
