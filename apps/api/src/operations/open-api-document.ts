import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { declaredRoutes, mayAct, problems, problemType, type DeclaredRoute, type ProblemName } from '#libs/platform';
import { roles } from '#libs/vocabulary';
import { problemsExtension } from '../described.js';

const introduction = `Moves a whole company onto Google Workspace.

**Access.** \`Authorization: Bearer bsc_…\` on every call but health; the dashboard's session cookie serves as well. Each
route says which roles may call it; \`admin\` includes \`operator\`, which includes \`viewer\`.

**Errors** are problem details (RFC 9457, \`application/problem+json\`). \`type\` is stable; \`errors\` names each wrong
field; \`detail\` is a sentence for a person. The types: ${Object.keys(problems)
  .map((name) => `\`urn:bascule:problem:${name}\``)
  .join(', ')}.

**Pages.** A list that can be long has \`cursor\`: send it with the next request until it is null.`;

const problemSchema = {
  type: 'object',
  description: 'RFC 9457',
  required: ['type', 'title', 'status'],
  properties: {
    type: { type: 'string', enum: Object.keys(problems).map((name) => `urn:bascule:problem:${name}`) },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'One sentence for a person.' },
    code: { type: 'string', description: 'Of a conflict: which rule was in the way, such as `wrong_state`.' },
    requestId: { type: 'string', description: 'Of a fault: its place in the log.' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: {
          field: { type: 'string', description: 'A path such as `selection.condition`; empty for the whole.' },
          message: { type: 'string' },
        },
      },
    },
  },
};

type PathItem = OpenAPIObject['paths'][string];
const methods = ['get', 'post', 'put', 'patch', 'delete'] as const satisfies readonly (keyof PathItem)[];
type Operation = NonNullable<PathItem['get']>;
type Responses = Operation['responses'];

/** The OpenAPI description of all routes, made from the very schemas that check the requests. */
export class OpenApiDocument {
  private document: OpenAPIObject | undefined;
  private make: (() => OpenAPIObject) | undefined;

  describe(app: INestApplication): void {
    const settings = new DocumentBuilder()
      .setTitle('Bascule')
      .setDescription(introduction)
      .setVersion('1')
      .addBearerAuth({ type: 'http', scheme: 'bearer' }, 'token')
      .addSecurityRequirements('token')
      .build();
    this.make = () => completed(SwaggerModule.createDocument(app, settings), declaredRoutes(app));
  }

  /** Made at the first question: it takes longer than a start should. */
  get(): OpenAPIObject {
    this.document ??= this.make?.();
    if (this.document === undefined) throw new Error('the application is not complete yet');
    return this.document;
  }
}

/** Adds to each route who may call it and with which problems it answers. */
function completed(document: OpenAPIObject, routes: readonly DeclaredRoute[]): OpenAPIObject {
  const access = new Map(routes.map((route) => [route.name.replace('.', '_'), route.access]));
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, Problem: problemSchema },
  };
  for (const item of Object.values(document.paths)) {
    for (const operation of methods.flatMap((method) => item[method] ?? [])) {
      complete(operation, access.get(operation.operationId ?? ''));
    }
  }
  return document;
}

const namesSchema = z.array(z.string()).default([]);
const isProblem = (name: string): name is ProblemName => Object.hasOwn(problems, name);

function complete(operation: Operation, access: DeclaredRoute['access']): void {
  const declared = namesSchema.parse(Object.entries(operation).find(([name]) => name === problemsExtension)?.[1]);
  Reflect.deleteProperty(operation, problemsExtension);
  const isPublic = access === 'public' || access === undefined;
  const callers = isPublic ? [] : roles.filter((role) => mayAct(role, access));
  const who = isPublic ? 'Anybody may call it.' : `May be called with the role ${callers.join(', ')}.`;
  operation.description = [operation.description, who].filter(Boolean).join('\n\n');
  if (isPublic) operation.security = [];
  const own = declared.filter(isProblem);
  addProblems(operation.responses, isPublic ? own : ['not-signed-in', 'not-allowed', ...own]);
}

function addProblems(responses: Responses, names: readonly ProblemName[]): void {
  for (const [status, ofStatus] of Map.groupBy(names, (name) => problems[name].status)) {
    const examples = ofStatus.map((name) => [name, { value: { type: problemType(name), ...titled(name) } }] as const);
    responses[String(status)] = {
      description: [...new Set(ofStatus.map((name) => problems[name].title))].join('; or: '),
      content: {
        'application/problem+json': {
          schema: { $ref: '#/components/schemas/Problem' },
          examples: Object.fromEntries(examples),
        },
      },
    };
  }
}

function titled(name: ProblemName) {
  const { title, status } = problems[name];
  return name === 'invalid-field' || name === 'unprocessable'
    ? { title, status, errors: [{ field: 'name', message: 'what is wrong with it' }] }
    : { title, status };
}
