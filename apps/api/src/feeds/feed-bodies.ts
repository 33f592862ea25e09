import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { contentTypeOf, declaredFile, mediaTypes, UnknownMediaTypeError, type FileDeclaration } from '#libs/feeds';
import { Problem } from '#libs/platform';

const feedRoutes = /^\/v1\/(feeds\/[^/]+\/(deliveries|mapping\/guess)|addresses\/preview)\/?(\?|$)/;
/** What every feed is called inside the server, so that its bytes come as a stream. */
const anyFeed = 'application/x-any-feed';
const sentTypes = new WeakMap<IncomingMessage, string>();

const encodings = ['gzip', 'identity'] as const;
/** An upload from which nothing comes for so long is given up. */
const idleMs = 60_000;

/**
 * Hands feeds to their route as streams, whatever their media type, so that the caller is known before the type is judged.
 * Everywhere else JSON is parsed whole, within a small limit.
 */
export function streamFeeds(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', (request, _reply, done) => {
    if (request.method === 'POST' && feedRoutes.test(request.url)) {
      sentTypes.set(request.raw, request.headers['content-type'] ?? '');
      request.headers['content-type'] = anyFeed;
    }
    done();
  });
  fastify.addContentTypeParser(anyFeed, (_request, payload, done) => done(null, payload));
}

/** Its media type, with its charset if it names one. */
function mediaTypeOf(request: FastifyRequest): string {
  try {
    return contentTypeOf(declaredFile(sentTypes.get(request.raw) ?? ''));
  } catch (error) {
    throw error instanceof UnknownMediaTypeError ? new Problem('media-type', error.message) : error;
  }
}

/** RFC 9110, 15.5.16: a refused media type is answered with what would be taken. */
const accepted = { accept: mediaTypes.join(', '), 'accept-encoding': encodings.join(', ') };

function encodingOf(request: FastifyRequest): string | null {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase();
  if (encoding === undefined || encoding === '' || encoding === 'identity') return null;
  if (encoding === 'gzip' || encoding === 'x-gzip') return 'gzip';
  throw new Problem('media-type', 'Content-Encoding may be gzip or left out.');
}

/** What a feed declares itself to be; a refused one is answered with what would be taken. */
export function declarationOf(request: FastifyRequest, reply: FastifyReply): FileDeclaration {
  try {
    return { mediaType: mediaTypeOf(request), contentEncoding: encodingOf(request) };
  } catch (error) {
    void reply.headers(accepted);
    throw error;
  }
}

/** Runs `take` on the body's bytes; one from which nothing comes any more, or which breaks off, becomes a problem. */
export async function withBody<T>(request: FastifyRequest, take: (body: Readable) => Promise<T>): Promise<T> {
  const body = request.body instanceof Readable ? request.body : Readable.from([]);
  const { socket } = request.raw;
  const idle = () =>
    body.destroy(new Problem('timed-out', 'The upload was given up because nothing came for a minute: send it again.'));
  socket.setTimeout(idleMs);
  socket.on('timeout', idle);
  try {
    return await take(body);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ECONNRESET' && request.raw.destroyed) {
      throw new Problem('malformed-request', 'The upload broke off.', {}, { cause: error });
    }
    throw error;
  } finally {
    socket.off('timeout', idle);
    socket.setTimeout(0);
  }
}
