import SCIMMY from 'scimmy';
import { z } from 'zod';
import { attributeNamed, scimAttributeSchema, type ScimAttribute } from './attributes.js';
import { workerSchema, workerUrn } from './worker-schema.js';

export const coreUrn = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const enterpriseUrn = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

/** A schema as `/Schemas` shows it (RFC 7643, 7), without meta. */
export interface ScimSchema {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly attributes: readonly ScimAttribute[];
}

const schemaSchema = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  attributes: z.array(scimAttributeSchema),
});

/** The library describes its schemas as `/Schemas` would, once they are written as JSON. */
const described = (definition: { describe(): unknown }): ScimSchema =>
  schemaSchema.parse(JSON.parse(JSON.stringify(definition.describe())));

/**
 * Passwords are not ours to keep (law 11 and `changePassword`), and there are no groups: what is not supported is not in
 * the schema, and ignored when sent.
 */
const unsupported = new Set(['password', 'groups']);

const core = described(SCIMMY.Schemas.User.definition);
const user: ScimSchema = { ...core, attributes: core.attributes.filter(({ name }) => !unsupported.has(name)) };

/** The schemas of a user, the core one first. */
export const userSchemas: readonly ScimSchema[] = [
  user,
  described(SCIMMY.Schemas.EnterpriseUser.definition),
  schemaSchema.parse(workerSchema),
];

const readOnly = { mutability: 'readOnly' } as const;

/** RFC 9865, 4: what the library's schema does not know yet. */
const pagination = scimAttributeSchema.parse({
  name: 'pagination',
  type: 'complex',
  description: 'How long lists are paged.',
  ...readOnly,
  subAttributes: [
    { name: 'cursor', type: 'boolean', required: true, ...readOnly },
    { name: 'index', type: 'boolean', required: true, ...readOnly },
    { name: 'defaultPaginationMethod', canonicalValues: ['cursor', 'index'], ...readOnly },
    { name: 'defaultPageSize', type: 'integer', ...readOnly },
    { name: 'maxPageSize', type: 'integer', ...readOnly },
    { name: 'cursorTimeout', type: 'integer', ...readOnly },
  ],
});
const config = described(SCIMMY.Schemas.ServiceProviderConfig.definition);

/** RFC 7643, 8.7.2; the library serves schemas but does not describe the schema of schemas. */
const characteristics = [
  { name: 'name', required: true, caseExact: true },
  { name: 'type', required: true },
  { name: 'multiValued', type: 'boolean', required: true },
  { name: 'description' },
  { name: 'required', type: 'boolean' },
  { name: 'canonicalValues', multiValued: true, caseExact: true },
  { name: 'caseExact', type: 'boolean' },
  { name: 'mutability', caseExact: true },
  { name: 'returned', caseExact: true },
  { name: 'uniqueness', caseExact: true },
  { name: 'referenceTypes', multiValued: true, caseExact: true },
].map((one) => ({ ...one, ...readOnly }));
const schemaOfSchemas = schemaSchema.parse({
  id: 'urn:ietf:params:scim:schemas:core:2.0:Schema',
  name: 'Schema',
  description: 'Specifies the schema that describes a SCIM schema',
  attributes: [
    { name: 'name', required: true, ...readOnly },
    { name: 'description', ...readOnly },
    {
      name: 'attributes',
      type: 'complex',
      multiValued: true,
      required: true,
      ...readOnly,
      subAttributes: [
        ...characteristics,
        { name: 'subAttributes', type: 'complex', multiValued: true, ...readOnly, subAttributes: characteristics },
      ],
    },
  ],
});

/** Everything that `/Schemas` shows. */
export const allSchemas: readonly ScimSchema[] = [
  ...userSchemas,
  described(SCIMMY.Schemas.ResourceType.definition),
  { ...config, attributes: [...config.attributes, pagination] },
  schemaOfSchemas,
];

/** Attributes that every resource has and no schema lists (RFC 7643, 3.1). */
const commonAttributes = z.array(scimAttributeSchema).parse([
  { name: 'id', caseExact: true, mutability: 'readOnly', returned: 'always', uniqueness: 'server' },
  { name: 'externalId', caseExact: true },
  { name: 'schemas', type: 'reference', multiValued: true, mutability: 'readOnly', returned: 'always' },
  {
    name: 'meta',
    type: 'complex',
    ...readOnly,
    subAttributes: [
      { name: 'resourceType', caseExact: true, ...readOnly },
      { name: 'created', type: 'dateTime', ...readOnly },
      { name: 'lastModified', type: 'dateTime', ...readOnly },
      { name: 'location', type: 'reference', ...readOnly },
      { name: 'version', caseExact: true, ...readOnly },
    ],
  },
]);

/** Every attribute of a user that stands at the top. */
export const topAttributes: readonly ScimAttribute[] = [...commonAttributes, ...user.attributes];
/** The extensions of a user. */
export const extensions: readonly ScimSchema[] = userSchemas.slice(1);

export const extensionOf = (urn: string): ScimSchema | undefined => {
  const wanted = urn.toLowerCase();
  return extensions.find(({ id }) => id.toLowerCase() === wanted);
};

/** An attribute of a user, and where it stands. */
export interface ScimPlace {
  /** The extension that holds it; undefined at the top. */
  readonly extension?: string | undefined;
  readonly attribute: ScimAttribute;
  readonly sub?: ScimAttribute | undefined;
}

/** The names under which a place is found in a resource. */
export const namesOf = ({ extension, attribute, sub }: ScimPlace): string[] =>
  [extension, attribute.name, sub?.name].filter((name) => name !== undefined);

/**
 * The place that an attribute path names: `name.givenName`, or with the schema's URN before it. Names and URNs are compared
 * without case (RFC 7644, 3.10). An extension's own URN is no attribute: see `extensionOf`.
 */
export function placeOf(path: string): ScimPlace | undefined {
  const folded = path.toLowerCase();
  const schema = userSchemas.find(({ id }) => folded.startsWith(`${id.toLowerCase()}:`));
  const [name = '', subName, ...rest] = (schema === undefined ? path : path.slice(schema.id.length + 1)).split('.');
  const isExtension = schema !== undefined && schema.id !== coreUrn;
  const attribute = attributeNamed(isExtension ? schema.attributes : topAttributes, name);
  if (attribute === undefined || rest.length > 0) return undefined;
  const extension = isExtension ? schema.id : undefined;
  if (subName === undefined) return { extension, attribute };
  const sub = attributeNamed(attribute.subAttributes ?? [], subName);
  return sub && { extension, attribute, sub };
}

const columns = { id: 'id', userName: 'userName', externalId: 'externalId' } as const;
const isColumn = (name: string): name is keyof typeof columns => Object.hasOwn(columns, name);

/** The column of the ledger that holds an attribute, if one does. */
export const columnOfPlace = ({
  extension,
  attribute,
}: ScimPlace): (typeof columns)[keyof typeof columns] | undefined =>
  extension === undefined && isColumn(attribute.name) ? columns[attribute.name] : undefined;

export { workerUrn };
