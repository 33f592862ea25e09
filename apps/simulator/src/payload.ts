import type { Method, Schema } from './documents.js';
import { badPayload, Refusal } from './refusal.js';
import { isRecord } from './json.js';

/**
 * Refuses what Google's front end refuses: unknown names, wrong types, values outside an enumeration or a range, missing
 * required fields. Calendar's and Groups Settings' real front ends let unknown body fields pass; here they are refused as
 * well, because a misspelt field is a fault of the caller's everywhere.
 */
export function checkQuery(method: Method, query: URLSearchParams): void {
  const seen = new Set<string>();
  for (const [name, value] of query) {
    const schema = method.query.get(name);
    if (schema === undefined) {
      throw badPayload(
        `Invalid JSON payload received. Unknown name "${name}": Cannot bind query parameter. Field '${name}' could not be found in request message.`,
      );
    }
    if (seen.has(name) && schema.repeated !== true) throw badPayload(`Invalid value at '${name}': given twice`);
    seen.add(name);
    checkParameter(name, value, schema);
  }
  for (const [name, schema] of method.query) {
    if (schema.required === true && !seen.has(name)) {
      throw new Refusal(400, 'required', `Required parameter: ${name}`, { rpcStatus: 'INVALID_ARGUMENT' });
    }
  }
}

const quotaUserMax = 40;

function checkParameter(name: string, value: string, schema: Schema): void {
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    throw badPayload(`Invalid value at '${name}' (TYPE_ENUM), "${value}"`);
  }
  if (schema.type === 'boolean' && value !== 'true' && value !== 'false') {
    throw badPayload(`Invalid value at '${name}' (TYPE_BOOL), "${value}"`);
  }
  if (schema.type === 'integer') {
    if (!/^\d+$/.test(value)) throw badPayload(`Invalid value at '${name}' (TYPE_INT32), "${value}"`);
    const { minimum = '0', maximum = '2147483647' } = schema;
    if (Number(value) < Number(minimum) || Number(value) > Number(maximum)) {
      throw badPayload(`Invalid value '${value}'. Values must be within the range: [${minimum}, ${maximum}]`);
    }
  }
  if (name === 'quotaUser' && value.length > quotaUserMax) throw badPayload(`Invalid value at 'quotaUser': too long`);
}

/** The body as an object; refuses text that is no JSON object, and a body where the method takes none. */
export function readBody(method: Method, text: string): Record<string, unknown> {
  if (method.request === undefined) {
    if (text !== '') throw badPayload('Invalid JSON payload received. Request body must be empty.');
    return {};
  }
  const body = text === '' ? {} : parseJson(text);
  if (!isRecord(body)) throw badPayload('Invalid JSON payload received. Root element must be a message.');
  checkFields(method, method.request, body, '');
  return body;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, 'parseError', 'Parse Error', { rpcStatus: 'INVALID_ARGUMENT' });
  }
}

function checkFields(method: Method, name: string, body: Record<string, unknown>, path: string): void {
  const { properties = {}, additionalProperties } = method.api.schemas[name] ?? {};
  checkProperties(method, properties, additionalProperties, body, path);
}

function checkProperties(
  method: Method,
  properties: Readonly<Record<string, Schema>>,
  others: Schema | undefined,
  body: Record<string, unknown>,
  path: string,
): void {
  for (const key of Object.keys(body)) {
    const schema = Object.hasOwn(properties, key) ? properties[key] : others;
    if (schema === undefined) {
      const where = path === '' ? '' : ` at '${path}'`;
      throw badPayload(`Invalid JSON payload received. Unknown name "${key}"${where}: Cannot find field.`);
    }
    const value = body[key];
    if (value !== null && value !== undefined) checkValue(method, schema, value, path === '' ? key : `${path}.${key}`);
  }
  for (const key of requiredOf(properties, method.id)) {
    if (body[key] === undefined || body[key] === null) {
      throw new Refusal(400, 'required', `Missing required field: ${path === '' ? key : `${path}.${key}`}`);
    }
  }
}

const required = new WeakMap<object, Map<string, string[]>>();

/** Names of the fields that the document says this method needs. */
function requiredOf(properties: Readonly<Record<string, Schema>>, methodId: string): string[] {
  let known = required.get(properties);
  if (known === undefined) required.set(properties, (known = new Map()));
  let names = known.get(methodId);
  if (names === undefined) {
    names = Object.keys(properties).filter((key) => properties[key]?.annotations?.required.includes(methodId));
    known.set(methodId, names);
  }
  return names;
}

const wireTypes: Readonly<Record<string, string>> = {
  string: 'TYPE_STRING',
  boolean: 'TYPE_BOOL',
  integer: 'TYPE_INT32',
  number: 'TYPE_DOUBLE',
};

function checkValue(method: Method, schema: Schema, value: unknown, path: string): void {
  const wrong = (type: string) => badPayload(`Invalid value at '${path}' (${type}), ${JSON.stringify(value)}`);
  if (schema.$ref !== undefined) {
    if (!isRecord(value)) throw wrong(`type.googleapis.com/${schema.$ref}`);
    checkFields(method, schema.$ref, value, path);
    return;
  }
  switch (schema.type) {
    case 'any':
      checkEntries(method, value, path);
      return;
    case 'array':
      if (!Array.isArray(value)) throw wrong('repeated');
      for (const [index, item] of value.entries()) checkValue(method, schema.items ?? {}, item, `${path}[${index}]`);
      return;
    case 'object':
      if (!isRecord(value)) throw wrong('message');
      checkProperties(method, schema.properties ?? {}, schema.additionalProperties, value, path);
      return;
    default:
      if (!isScalar(schema, value)) throw wrong(wireTypes[schema.type ?? ''] ?? 'TYPE_MESSAGE');
      if (schema.enum !== undefined && !schema.enum.includes(String(value))) throw wrong('TYPE_ENUM');
  }
}

function isScalar({ type, format }: Schema, value: unknown): boolean {
  switch (type) {
    case 'string':
      return typeof value === 'string' || (format === 'int64' && Number.isInteger(value));
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

/** The document calls a user's lists `any`; what an entry holds stands in schemas of its own. */
const entrySchemas: Readonly<Record<string, string>> = {
  addresses: 'UserAddress',
  emails: 'UserEmail',
  externalIds: 'UserExternalId',
  ims: 'UserIm',
  keywords: 'UserKeyword',
  languages: 'UserLanguage',
  locations: 'UserLocation',
  organizations: 'UserOrganization',
  phones: 'UserPhone',
  posixAccounts: 'UserPosixAccount',
  relations: 'UserRelation',
  sshPublicKeys: 'UserSshPublicKey',
  websites: 'UserWebsite',
};

function checkEntries(method: Method, value: unknown, path: string): void {
  const name = entrySchemas[path];
  if (name === undefined) return;
  if (!Array.isArray(value)) throw new Refusal(400, 'invalid', `Invalid Input: ${path}`);
  for (const [index, entry] of value.entries()) {
    if (!isRecord(entry)) throw new Refusal(400, 'invalid', `Invalid Input: ${path}`);
    checkFields(method, name, entry, `${path}[${index}]`);
  }
}

/** Which entry types each list of a user knows. Source: https://developers.google.com/workspace/admin/directory/reference/rest/v1/users */
export const entryTypes: Readonly<Record<string, ReadonlySet<string>>> = {
  externalIds: new Set(['account', 'custom', 'customer', 'login_id', 'network', 'organization']),
  organizations: new Set(['domain_only', 'school', 'unknown', 'work']),
  relations: new Set(
    'admin_assistant assistant brother child custom domestic_partner dotted_line_manager exec_assistant father friend manager mother parent partner referred_by relative sister spouse'.split(
      ' ',
    ),
  ),
  phones: new Set(
    'assistant callback car company_main custom grand_central home home_fax isdn main mobile other other_fax pager radio telex tty_tdd work work_fax work_mobile work_pager'.split(
      ' ',
    ),
  ),
  locations: new Set(['custom', 'default', 'desk']),
  addresses: new Set(['custom', 'home', 'other', 'work']),
};
