import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';

/**
 * Google's discovery documents, read apart from the simulator's own reading of them: what is asked and what is answered is
 * held against them field by field.
 */
type Schema = z.infer<typeof looseSchema>;
const looseSchema = z.looseObject({
  type: z.string().optional(),
  format: z.string().optional(),
  $ref: z.string().optional(),
  enum: z.array(z.string()).optional(),
  get items() {
    return looseSchema.optional();
  },
  get additionalProperties() {
    return looseSchema.optional();
  },
  get properties() {
    return z.record(z.string(), looseSchema).optional();
  },
});
const documentSchema = z.object({
  query: z.record(z.string(), looseSchema),
  methods: z.record(
    z.string(),
    z.object({
      httpMethod: z.string(),
      path: z.string(),
      query: z.record(z.string(), looseSchema),
      request: z.string().optional(),
      response: z.string().optional(),
    }),
  ),
  schemas: z.record(z.string(), looseSchema),
});

const folder = new URL('../src/discovery/', import.meta.url);
const documents = readdirSync(folder).map((file) =>
  documentSchema.parse(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))),
);

export interface Exchange {
  readonly httpMethod: string;
  /** With its query. */
  readonly path: string;
  readonly body: unknown;
  readonly status: number;
  readonly reply: unknown;
}

/** The method's id, and everything about the exchange that its document does not know. */
export function holdAgainstDocuments(exchange: Exchange): { id: string | undefined; strange: string[] } {
  const [path = '', search = ''] = exchange.path.split('?');
  for (const document of documents) {
    for (const [id, method] of Object.entries(document.methods).sort(verbsFirst)) {
      if (method.httpMethod !== exchange.httpMethod || !patternOf(method.path).test(path)) continue;
      const strange: string[] = [];
      for (const [name, value] of new URLSearchParams(search)) {
        const schema = method.query[name] ?? document.query[name];
        if (schema === undefined) strange.push(`query parameter ${name}`);
        else if (schema.enum?.includes(value) === false) strange.push(`query parameter ${name}=${value}`);
      }
      if (exchange.body !== undefined) {
        if (method.request === undefined) strange.push('a body');
        else walk(document.schemas, { $ref: method.request }, exchange.body, 'request', strange);
      }
      if (exchange.status < 300 && exchange.reply !== undefined) {
        if (method.response === undefined) strange.push('a reply');
        else walk(document.schemas, { $ref: method.response }, exchange.reply, 'reply', strange);
      }
      return { id, strange };
    }
  }
  return { id: undefined, strange: [`${exchange.httpMethod} ${path} is in no document`] };
}

/** Every method that the documents hold. */
export const documented: readonly { id: string; httpMethod: string; path: string }[] = documents.flatMap(
  ({ methods }) => Object.entries(methods).map(([id, { httpMethod, path }]) => ({ id, httpMethod, path })),
);

/** A path that ends in a verb (`:isInvitableUser`) is also one of the path without. */
const verbsFirst = ([, a]: [string, { path: string }], [, b]: [string, { path: string }]) =>
  Number(b.path.includes('}:')) - Number(a.path.includes('}:'));

function patternOf(path: string): RegExp {
  const parts = path.split('/').map((part) => {
    if (/^\{\+\w+\}$/.test(part)) return '.+';
    return part.replace(/\{\w+\}/, '[^/:]+').replace(/^\[\^\/:\]\+$/, '[^/]+');
  });
  return new RegExp(`^${parts.join('/')}$`);
}

const record = z.record(z.string(), z.unknown());

function walk(
  schemas: Readonly<Record<string, Schema>>,
  schema: Schema,
  value: unknown,
  path: string,
  strange: string[],
): void {
  if (schema.$ref !== undefined) {
    const target = schemas[schema.$ref];
    if (target === undefined) strange.push(`${path}: schema ${schema.$ref} is missing`);
    else walk(schemas, target, value, path, strange);
    return;
  }
  if (schema.type === 'any' || schema.type === undefined) return;
  if (schema.type === 'object') {
    const fields = record.safeParse(value);
    if (!fields.success) strange.push(`${path}: not an object`);
    for (const [name, inner] of Object.entries(fields.data ?? {})) {
      const property = schema.properties?.[name] ?? schema.additionalProperties;
      if (property === undefined) strange.push(`${path}.${name}`);
      else walk(schemas, property, inner, `${path}.${name}`, strange);
    }
    return;
  }
  if (schema.type === 'array') {
    if (!Array.isArray(value)) strange.push(`${path}: not a list`);
    const items: unknown[] = Array.isArray(value) ? value : [];
    for (const item of items) walk(schemas, schema.items ?? {}, item, `${path}[]`, strange);
    return;
  }
  const isRight =
    schema.type === 'integer'
      ? Number.isInteger(value)
      : typeof value === schema.type && (schema.format !== 'int64' || /^-?\d+$/.test(String(value)));
  if (!isRight) strange.push(`${path}: ${typeof value} instead of ${schema.type} ${schema.format ?? ''}`);
  if (schema.enum?.includes(String(value)) === false) strange.push(`${path}: ${String(value)}`);
  if (schema.format === 'date-time' && Number.isNaN(Date.parse(String(value)))) strange.push(`${path}: not a time`);
}
