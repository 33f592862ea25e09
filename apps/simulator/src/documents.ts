import { z } from 'zod';
import admin from './discovery/admin.json' with { type: 'json' };
import calendar from './discovery/calendar.json' with { type: 'json' };
import cloudidentity from './discovery/cloudidentity.json' with { type: 'json' };
import gmail from './discovery/gmail.json' with { type: 'json' };
import groupssettings from './discovery/groupssettings.json' with { type: 'json' };
import licensing from './discovery/licensing.json' with { type: 'json' };

/** A field or parameter as a discovery document describes it. Source: https://developers.google.com/discovery/v1/type-format */
export interface Schema {
  readonly type?: string | undefined;
  readonly format?: string | undefined;
  readonly $ref?: string | undefined;
  readonly enum?: readonly string[] | undefined;
  readonly default?: string | undefined;
  readonly minimum?: string | undefined;
  readonly maximum?: string | undefined;
  readonly required?: boolean | undefined;
  readonly repeated?: boolean | undefined;
  readonly readOnly?: boolean | undefined;
  readonly annotations?: { readonly required: readonly string[] } | undefined;
  readonly items?: Schema | undefined;
  readonly additionalProperties?: Schema | undefined;
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
}

const schemaSchema: z.ZodType<Schema> = z.lazy(() =>
  z.strictObject({
    type: z.string().optional(),
    format: z.string().optional(),
    $ref: z.string().optional(),
    enum: z.array(z.string()).optional(),
    default: z.string().optional(),
    minimum: z.string().optional(),
    maximum: z.string().optional(),
    required: z.boolean().optional(),
    repeated: z.boolean().optional(),
    readOnly: z.boolean().optional(),
    annotations: z.object({ required: z.array(z.string()) }).optional(),
    items: schemaSchema.optional(),
    additionalProperties: schemaSchema.optional(),
    properties: z.record(z.string(), schemaSchema).optional(),
  }),
);

const documentSchema = z.object({
  host: z.string(),
  query: z.record(z.string(), schemaSchema),
  scopes: z.array(z.string()),
  methods: z.record(
    z.string(),
    z.object({
      httpMethod: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
      path: z.string(),
      query: z.record(z.string(), schemaSchema),
      request: z.string().optional(),
      response: z.string().optional(),
      scopes: z.array(z.string()),
    }),
  ),
  schemas: z.record(z.string(), schemaSchema),
});

/** The APIs, by the names that profiles and faults use. */
export const apiNames = ['directory', 'licensing', 'gmail', 'calendar', 'groupsSettings', 'invitations'] as const;
export type ApiName = (typeof apiNames)[number];

export interface Api {
  readonly name: ApiName;
  /** As Google's refusals name it. */
  readonly service: string;
  readonly title: string;
  readonly schemas: Readonly<Record<string, Schema>>;
}

/** One method of Google's: where it is, and what it takes. */
export interface Method {
  /** Google's own id, `directory.users.insert`. */
  readonly id: string;
  readonly api: Api;
  readonly httpMethod: string;
  readonly path: string;
  readonly query: ReadonlyMap<string, Schema>;
  readonly request: string | undefined;
  readonly response: string | undefined;
  /** Any one of them is enough. */
  readonly scopes: ReadonlySet<string>;
}

const sources: readonly { name: ApiName; title: string; service: string; json: unknown }[] = [
  { name: 'directory', title: 'Admin SDK API', service: 'admin.googleapis.com', json: admin },
  { name: 'licensing', title: 'Enterprise License Manager API', service: 'licensing.googleapis.com', json: licensing },
  { name: 'gmail', title: 'Gmail API', service: 'gmail.googleapis.com', json: gmail },
  { name: 'calendar', title: 'Google Calendar API', service: 'calendar-json.googleapis.com', json: calendar },
  {
    name: 'groupsSettings',
    title: 'Groups Settings API',
    service: 'groupssettings.googleapis.com',
    json: groupssettings,
  },
  { name: 'invitations', title: 'Cloud Identity API', service: 'cloudidentity.googleapis.com', json: cloudidentity },
];

const parsed = sources.map(({ json, ...source }) => ({ ...source, document: documentSchema.parse(json) }));

export const allMethods: readonly Method[] = parsed.flatMap(({ document, ...source }) => {
  const api: Api = { ...source, schemas: document.schemas };
  return Object.entries(document.methods).map(([id, method]) => ({
    id,
    api,
    httpMethod: method.httpMethod,
    path: method.path,
    query: new Map([...Object.entries(document.query), ...Object.entries(method.query)]),
    request: method.request,
    response: method.response,
    scopes: new Set(method.scopes),
  }));
});

/** Every scope that a token may be asked for. */
export const allScopes: ReadonlySet<string> = new Set([
  ...parsed.flatMap(({ document }) => document.scopes),
  'openid',
  'https://www.googleapis.com/auth/userinfo.email',
  'https://www.googleapis.com/auth/userinfo.profile',
  'https://www.googleapis.com/auth/cloud-platform',
]);

interface Node {
  readonly fixed: Map<string, Node>;
  one: { name: string; verb: string; node: Node }[];
  rest: { name: string; methods: Map<string, Method> } | undefined;
  readonly methods: Map<string, Method>;
}

const newNode = (): Node => ({ fixed: new Map(), one: [], rest: undefined, methods: new Map() });

export interface Found {
  readonly method: Method;
  /** Parameters in the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** The path with identifiers taken out, for counting. */
  readonly label: string;
}

const root = newNode();
for (const method of allMethods) enter(method);

function enter(method: Method): void {
  let node = root;
  for (const part of method.path.split('/').slice(1)) {
    const rest = /^\{\+(\w+)\}$/.exec(part)?.[1];
    if (rest !== undefined) {
      node.rest ??= { name: rest, methods: new Map() };
      node.rest.methods.set(method.httpMethod, method);
      return;
    }
    const [, name, verb = ''] = /^\{(\w+)\}(:\w+)?$/.exec(part) ?? [];
    node = name === undefined ? fixedChild(node, part) : paramChild(node, name, verb);
  }
  node.methods.set(method.httpMethod, method);
}

function fixedChild(node: Node, part: string): Node {
  const child = node.fixed.get(part) ?? newNode();
  node.fixed.set(part, child);
  return child;
}

function paramChild(node: Node, name: string, verb: string): Node {
  const present = node.one.find((one) => one.verb === verb);
  if (present !== undefined) return present.node;
  const child = { name, verb, node: newNode() };
  // The one with a verb (`:isInvitableUser`) is tried first.
  node.one = [...node.one, child].sort((a, b) => b.verb.length - a.verb.length);
  return child.node;
}

const masked = (part: string) => (part.includes('@') || part.includes('%40') || /^\d{6,}/.test(part) ? '*' : part);

/** Finds the method that Google serves there; `wrongVerb` when the path is known under other HTTP methods only. */
export function findMethod(httpMethod: string, path: string): Found | 'wrongVerb' | undefined {
  const params: Record<string, string> = {};
  let label = '';
  let node = root;
  const parts = path.split('/');
  for (let at = 1; at < parts.length; at += 1) {
    const part = parts[at] ?? '';
    const fixed = node.fixed.get(part);
    if (fixed !== undefined) {
      node = fixed;
      label += `/${part}`;
      continue;
    }
    if (node.rest !== undefined) {
      params[node.rest.name] = decodeURIComponent(parts.slice(at).join('/'));
      return found(node.rest.methods, httpMethod, params, `${label}/*`);
    }
    const one = node.one.find(({ verb }) => part.endsWith(verb));
    if (one === undefined || part === '') return undefined;
    params[one.name] = decodeURIComponent(part.slice(0, part.length - one.verb.length));
    label += `/${masked(part)}`;
    node = one.node;
  }
  return found(node.methods, httpMethod, params, label);
}

function found(
  methods: ReadonlyMap<string, Method>,
  httpMethod: string,
  params: Record<string, string>,
  label: string,
): Found | 'wrongVerb' | undefined {
  if (methods.size === 0) return undefined;
  const method = methods.get(httpMethod);
  return method === undefined ? 'wrongVerb' : { method, params, label };
}
