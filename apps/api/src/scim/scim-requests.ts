import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { bodyOf, ScimError } from '#libs/feeds';
import { callerOf } from '#libs/platform';

export const scimRoot = '/scim/v2';
export const scimType = 'application/scim+json';
/** What a request may hold, and what ServiceProviderConfig says of it. */
export const payloadBytesMax = 2 * 1024 * 1024;

export const isScim = (request: Pick<FastifyRequest, 'url'>): boolean =>
  // The router takes a letter for what it is, however it is written.
  /^\/scim(\/|\?|$)/.test(request.url.replace(/%(?:[46][0-9a-f]|[57][0-9a])/gi, decodeURIComponent));

/** The address that is meant: clients put a slash behind the root, or behind an endpoint. */
export function withoutLastSlash(url: string): string {
  return isScim({ url }) ? url.replace(/(?<=.)\/(?=\?|$)/, '') : url;
}

/** Clients send SCIM bodies as application/json too (RFC 7644, 8.1), with parameters, and name a type without a body. */
const jsonTypes = /^\s*(application\/(scim\+)?json\b|$)/i;

/** Uploads are kept byte by byte, as they were sent. */
const uploads = /^\/(scim\/v2\/bulkUpload|v1\/feeds\/[^/]+\/bulk)\/?(\?|$)/;
const anyUpload = 'application/x-scim-upload';

/** Reads bodies of the SCIM interface: JSON up to the size that ServiceProviderConfig announces. */
export function readScimBodies(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { headers } = request;
    const isUpload = uploads.test(request.url);
    if ((isScim(request) || isUpload) && jsonTypes.test(headers['content-type'] ?? '')) {
      headers['content-type'] = isUpload ? anyUpload : scimType;
    }
    done();
  });
  fastify.addContentTypeParser(anyUpload, { parseAs: 'buffer', bodyLimit: payloadBytesMax }, (_request, body, done) =>
    done(null, body),
  );
  fastify.addContentTypeParser(
    scimType,
    { parseAs: 'buffer', bodyLimit: payloadBytesMax },
    (_request: FastifyRequest, bytes: Buffer, done: (error: Error | null, value?: unknown) => void) => {
      try {
        done(null, bodyOf(bytes));
      } catch (error) {
        done(error instanceof Error ? error : new Error('a body cannot be read', { cause: error }));
      }
    },
  );
}

/** The source whose users a request is about: the token's own, else the one that is called so. */
export const sourceOfCaller = (request: FastifyRequest): string => callerOf(request).source ?? 'scim';

/** The address of the interface as the client knows it; a proxy that ends TLS says so. */
export function scimAddress(request: FastifyRequest): string {
  const forwarded = String(request.headers['x-forwarded-proto'] ?? '').toLowerCase();
  const protocol = forwarded === 'https' || forwarded === 'http' ? forwarded : request.protocol;
  return `${protocol}://${request.host}${scimRoot}`;
}

const listOf = (text: string) => text.split(',').flatMap((name) => name.trim() || []);
const namesSchema = z.union([
  z.string().transform(listOf),
  z.array(z.string()).transform((many) => many.flatMap(listOf)),
]);
const wholeNumber = z.union([
  z.int(),
  z
    .string()
    .trim()
    .regex(/^[+-]?\d{1,12}$/)
    .transform(Number),
]);

/** The parameters of a listing, in the address or in the body of a search (RFC 7644, 3.4.3; RFC 9865, 2). */
const searchSchema = z.object({
  filter: z.string().optional(),
  sortBy: z.string().optional(),
  sortOrder: z
    .string()
    .toLowerCase()
    .pipe(z.enum(['ascending', 'descending']))
    .optional(),
  startIndex: wholeNumber.optional(),
  count: wholeNumber.optional(),
  cursor: z.string().optional(),
  attributes: namesSchema.optional(),
  excludedAttributes: namesSchema.optional(),
});
export type ScimSearch = z.infer<typeof searchSchema>;

/** @throws ScimError `invalidValue` that names the parameter. */
export function searchOf(parameters: unknown): ScimSearch {
  const search = searchSchema.safeParse(parameters ?? {});
  if (search.success) return search.data;
  const name = String(search.error.issues[0]?.path[0] ?? 'The search');
  throw new ScimError(400, name === 'count' ? 'invalidCount' : 'invalidValue', `${name} is not of its form.`);
}

export const searchUrn = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';
const messageSchema = z.looseObject({ schemas: z.array(z.string()) });

/** @throws ScimError `invalidSyntax` for a body that is not the message that is due. */
export function requireMessage(body: unknown, urn: string): void {
  const message = messageSchema.safeParse(body);
  if (message.success && message.data.schemas.some((one) => one.toLowerCase() === urn.toLowerCase())) return;
  throw new ScimError(400, 'invalidSyntax', `schemas must contain ${urn}.`);
}
