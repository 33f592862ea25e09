import type { FastifyReply, FastifyRequest } from 'fastify';
import { ScimError, scimErrorBody, type ScimType } from '#libs/feeds';
import { ProblemFilter, type ProblemDocument } from '#libs/platform';
import { isScim, scimRoot, scimType } from './scim-requests.js';

/** What the endpoints know of methods: any other is 405, not 404, as long as the address is known. */
const endpoints: readonly (readonly [path: RegExp, methods: string])[] = [
  [/^\/?$/, 'GET'],
  [/^\/ServiceProviderConfig\/?$/, 'GET'],
  [/^\/(ResourceTypes|Schemas)(\/[^/]+)?\/?$/, 'GET'],
  [/^\/Users\/?$/, 'GET, POST'],
  [/^\/(Users\/)?\.search\/?$/, 'POST'],
  [/^\/Users\/[^/]+\/?$/, 'GET, PUT, PATCH, DELETE'],
  [/^\/(Bulk|bulkUpload)\/?$/, 'POST'],
];

/** Answers errors in the form of the interface that was asked: SCIM errors (RFC 7644, 3.12) under `/scim`, else problems. */
export class InterfaceErrorFilter extends ProblemFilter {
  protected override answersItself(error: unknown, request: FastifyRequest, reply: FastifyReply): boolean {
    if (!(error instanceof ScimError) || !isScim(request)) return false;
    send(reply, error);
    return true;
  }

  protected override answer(request: FastifyRequest, reply: FastifyReply, document: ProblemDocument): void {
    if (!isScim(request)) return super.answer(request, reply, document);
    const path = (request.url.split('?')[0] ?? '').slice(scimRoot.length);
    if (document.status === 404 && /^\/Me\/?$/i.test(path)) {
      return send(reply, new ScimError(501, undefined, 'Tokens are not users: there is no /Me.'));
    }
    const methods = document.status === 404 ? endpoints.find(([pattern]) => pattern.test(path))?.[1] : undefined;
    if (methods !== undefined) {
      void reply.header('allow', methods);
      return send(reply, new ScimError(405, undefined, `This endpoint knows ${methods} only.`));
    }
    send(reply, new ScimError(document.status, scimTypeOf(document.status), document.detail ?? `${document.title}.`));
  }
}

const scimTypeOf = (status: number): ScimType | undefined => (status === 400 ? 'invalidSyntax' : undefined);

function send(reply: FastifyReply, error: ScimError): void {
  void reply.status(error.status).header('content-type', scimType).send(scimErrorBody(error));
}
