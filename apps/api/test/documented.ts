import { expect } from 'vitest';
import { z } from 'zod';
import { OpenApiDocument } from '../src/operations/open-api-document.js';
import type { TestApi } from './setup.js';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

const mediaTypeSchema = z.object({ schema: z.record(z.string(), z.unknown()) });
const responseSchema = z.object({ content: z.record(z.string(), mediaTypeSchema).optional() });
const operationSchema = z.looseObject({ responses: z.record(z.string(), responseSchema) });

interface Answer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Fails unless the OpenAPI document describes this answer: its status, its media type, and every field of it. */
export function expectDocumented(api: TestApi, method: Method, url: string, response: Answer): void {
  const document = api.app.get(OpenApiDocument).get();
  const path = new URL(url, 'http://api.example').pathname;
  const template = Object.keys(document.paths)
    .toSorted((a, b) => a.split('{').length - b.split('{').length)
    .find((one) => new RegExp(`^${one.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path));
  if (template === undefined) throw new Error(`${method} ${path} is not in the OpenAPI document`);
  const item: Readonly<Record<string, unknown>> = { ...document.paths[template] };
  const operation = operationSchema.parse(item[method.toLowerCase()]);
  const described = operation.responses[String(response.statusCode)];
  if (described === undefined)
    throw new Error(`${method} ${template} does not say that it may answer ${response.statusCode}`);
  if (response.body === '') return;
  const mediaType = String(response.headers['content-type']).split(';')[0] ?? '';
  const content = described.content?.[mediaType];
  if (content === undefined)
    throw new Error(`${method} ${template} ${response.statusCode} does not describe ${mediaType}`);
  if (!mediaType.endsWith('json')) return;
  const schema = z.fromJSONSchema(withDefinitions(content.schema, document.components?.schemas ?? {}), {
    defaultTarget: 'openapi-3.0',
    registry: z.registry(),
  });
  const issues = schema.safeParse(JSON.parse(response.body)).error?.issues ?? [];
  expect(issues.map(({ path: at, message }) => `${at.join('.')}: ${message}`).join('\n')).toBe('');
}

/** OpenAPI keeps shared schemas elsewhere than JSON Schema does. */
function withDefinitions(schema: Readonly<Record<string, unknown>>, components: object) {
  const text = JSON.stringify({ ...schema, definitions: components }).replaceAll(
    '#/components/schemas/',
    '#/definitions/',
  );
  return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
}
