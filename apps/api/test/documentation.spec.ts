import { format } from 'prettier';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { problems, problemType } from '#libs/platform';
import { OpenApiDocument } from '../src/operations/open-api-document.js';
import { startApi, type TestApi } from './setup.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;

function operations() {
  return Object.entries(api.app.get(OpenApiDocument).get().paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : [{ path, method: method.toUpperCase(), operation }];
    }),
  );
}

const introduction = `# The HTTP interface

Made from the running API by \`vitest run apps/api/test/documentation.spec.ts -u\`; the tests fail when it is stale. Parameters,
answers and examples of each route stand in the OpenAPI document, \`GET /docs/openapi.json\`, which \`GET /docs\` shows as a page
(both need a token or the dashboard's session).

    curl -H "Authorization: Bearer $BASCULE_TOKEN" $BASCULE_API/v1/migrations

Every call but health needs a bearer token; \`admin\` may all that \`operator\` may, \`operator\` all that \`viewer\` may, and \`feed\`
pushes records and asks what became of them: each route names its roles. A token that is bound to a source sees and touches
that source only. Lists that can be long come in pages: send \`cursor\` back until it is null.
`;

/** The page for people; every route of the OpenAPI document is in it. */
function page(): string {
  const byTag = Map.groupBy(operations(), ({ operation }) => operation.tags?.[0] ?? 'other');
  const sections = [...byTag]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([tag, routes]) => {
      const rows = routes.map(({ path, method, operation }) => {
        const who = /the role ([\w, ]+)\./.exec(operation.description ?? '')?.[1] ?? 'anybody';
        return `| \`${method} ${path}\` | ${operation.summary ?? ''} | ${who} |`;
      });
      return `## ${tag}\n\n| route | what it does | who may call |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
    });
  const errors = Object.entries(problems).map(
    ([name, { status, title }]) => `| \`urn:bascule:problem:${name}\` | ${status} | ${title} |`,
  );
  const problemSection = `## Errors

Problem details (RFC 9457, \`application/problem+json\`) with a stable \`type\`. \`detail\` is one sentence for a person; \`errors\`
names each wrong field with its path; a conflict has the \`code\` of the rule in the way; a fault has the \`requestId\` of its log line.

    {"type": "${problemType('invalid-field')}", "title": "${problems['invalid-field'].title}", "status": 400,
     "errors": [{"field": "selection.condition", "message": "no such field: employee.shoeSize"}]}

| type | status | title |
| --- | --- | --- |
${errors.join('\n')}
`;
  return [introduction, ...sections, problemSection].join('\n');
}

test('docs/api.md lists every route and who may call it', async () => {
  const text = await format(page(), { parser: 'markdown', printWidth: 120, proseWrap: 'preserve' });
  await expect(text).toMatchFileSnapshot('../../../docs/api.md');
});

test('every route says in words what it does, what it answers, and which problems it may answer', () => {
  for (const { path, method, operation } of operations()) {
    const name = `${method} ${path}`;
    expect(`${name}: ${operation.summary ?? ''}`).toMatch(/: [A-Z].{10,}/);
    const statuses = Object.keys(operation.responses);
    expect({ name, success: statuses.some((status) => status.startsWith('2')) }).toEqual({ name, success: true });
    const isPublic = operation.security?.length === 0;
    expect({ name, refusals: statuses.filter((status) => ['401', '403'].includes(status)) }).toEqual({
      name,
      refusals: isPublic ? [] : ['401', '403'],
    });
  }
});

test('every answer with a body has a schema with fields, but for feeds, whose answers their own tests describe', () => {
  const vague = operations()
    .filter(({ path }) => !/^\/(v1\/feeds|scim)/.test(path))
    .flatMap(({ path, method, operation }) =>
      Object.entries(operation.responses).map(([status, response]) => ({
        name: `${method} ${path} ${status}`,
        response,
      })),
    )
    .filter(
      ({ name, response }) =>
        !name.endsWith(' 204') &&
        (response === undefined || !('content' in response) || response.content === undefined),
    )
    .map(({ name }) => name);
  expect(vague).toEqual([]);
});
