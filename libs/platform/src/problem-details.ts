import {
  Catch,
  HttpException,
  Injectable,
  StandardSchemaValidationPipe,
  type ArgumentMetadata,
  type ArgumentsHost,
  type ExceptionFilter,
  type StandardSchemaValidationPipeOptions,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from './logging.js';

/** Every kind of problem that the API answers, with its status and title. The name is part of the interface. */
export const problems = {
  'malformed-request': { status: 400, title: 'The request cannot be read' },
  'invalid-field': { status: 400, title: 'A field of the request is wrong' },
  'not-signed-in': { status: 401, title: 'A valid token is needed' },
  'not-allowed': { status: 403, title: 'The token may not do this' },
  'foreign-origin': { status: 403, title: 'The request came from another site' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'method-not-allowed': { status: 405, title: 'The address does not know this method' },
  'not-acceptable': { status: 406, title: 'The answer is not available in that form' },
  'timed-out': { status: 408, title: 'The request took too long to come' },
  conflict: { status: 409, title: 'The request does not fit the present state' },
  'too-large': { status: 413, title: 'The request is too large' },
  'media-type': { status: 415, title: 'The request has an unknown media type' },
  unprocessable: { status: 422, title: 'The content is wrong' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  fault: { status: 500, title: 'A fault in Bascule' },
  'google-not-configured': { status: 503, title: 'Google is not configured' },
  unavailable: { status: 503, title: 'Not available at the moment' },
} as const;
export type ProblemName = keyof typeof problems;

export interface FieldProblem {
  /** A path such as `rules.3.when`; empty for the whole. */
  readonly field: string;
  readonly message: string;
}

/** RFC 9457. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly errors?: readonly FieldProblem[];
  readonly [extension: string]: unknown;
}

export const problemType = (name: ProblemName): string => `urn:bascule:problem:${name}`;

/** Thrown by a controller to answer with a problem. `detail` is one plain sentence without personal data. */
export class Problem extends Error {
  constructor(
    readonly problem: ProblemName,
    readonly detail?: string,
    readonly more: { readonly errors?: readonly FieldProblem[]; readonly [extension: string]: unknown } = {},
    options?: ErrorOptions,
  ) {
    super(detail ?? problems[problem].title, options);
    this.name = 'Problem';
  }

  document(): ProblemDocument {
    const { status, title } = problems[this.problem];
    return {
      type: problemType(this.problem),
      title,
      status,
      ...(this.detail === undefined ? {} : { detail: this.detail }),
      ...this.more,
    };
  }
}

type Issues = Parameters<NonNullable<StandardSchemaValidationPipeOptions['exceptionFactory']>>[0];

/** Turns what a schema found wrong into a problem that names the fields. */
export function invalidFields(issues: Issues): Problem {
  const errors = issues.map((issue) => ({
    field: (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.'),
    message: issue.message,
  }));
  return new Problem('invalid-field', undefined, { errors });
}

/** Checks each parameter that declares a schema; a parameter of the address or the query is named in the problem. */
@Injectable()
export class SchemaPipe extends StandardSchemaValidationPipe {
  constructor() {
    super({ exceptionFactory: invalidFields });
  }

  override async transform<T>(value: T, metadata: ArgumentMetadata): Promise<T> {
    try {
      return await super.transform(value, metadata);
    } catch (error) {
      if (!(error instanceof Problem) || metadata.data === undefined) throw error;
      const errors = (error.more.errors ?? []).map(({ field, message }) => ({
        field: [metadata.data, field].filter((part) => part !== '').join('.'),
        message,
      }));
      throw new Problem(error.problem, error.detail, { errors }, { cause: error });
    }
  }
}

function byStatus(status: number): ProblemName {
  const names: ProblemName[] = [
    'malformed-request',
    'not-signed-in',
    'not-allowed',
    'not-found',
    'method-not-allowed',
    'not-acceptable',
    'conflict',
    'too-large',
    'media-type',
    'unprocessable',
    'too-many-requests',
    'unavailable',
  ];
  return names.find((name) => problems[name].status === status) ?? (status < 500 ? 'malformed-request' : 'fault');
}

const statusOf = (error: unknown): number => {
  if (error instanceof HttpException) return error.getStatus();
  // Fastify's own errors: a body that is too large, broken JSON, an unknown media type.
  if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number') return error.statusCode;
  return 500;
};

/** The problem that any exception is answered with. What went wrong inside is never told. */
export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(byStatus(statusOf(error)));
}

/** Answers every exception as a problem document, and logs the faults. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    if (this.answersItself(error, request, reply)) return;
    const document = asProblem(error).document();
    if (document.status >= 500) {
      const fields = { requestId: request.id, route: request.routeOptions?.url, status: document.status };
      this.log.error('a request failed', fields, error);
    }
    // A stream that has begun cannot become a problem document any more: the broken connection says so.
    if (reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    if (document.status === 401) void reply.header('www-authenticate', 'Bearer');
    this.answer(request, reply, document);
  }

  /** Whether the error was answered already: by an interface that has errors of its own. */
  protected answersItself(_error: unknown, _request: FastifyRequest, _reply: FastifyReply): boolean {
    return false;
  }

  /** Sends the document; an interface with an error form of its own overrides this. */
  protected answer(request: FastifyRequest, reply: FastifyReply, document: ProblemDocument): void {
    void reply
      .status(document.status)
      .header('content-type', 'application/problem+json')
      .send({ ...document, ...(document.status >= 500 ? { requestId: request.id } : {}) });
  }
}
