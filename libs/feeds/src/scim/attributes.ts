import { z } from 'zod';

const types = ['string', 'boolean', 'decimal', 'integer', 'dateTime', 'reference', 'binary', 'complex'] as const;

/** An attribute's definition (RFC 7643, 7). */
export interface ScimAttribute {
  readonly name: string;
  readonly type: (typeof types)[number];
  readonly multiValued: boolean;
  readonly description?: string | undefined;
  readonly required: boolean;
  readonly caseExact: boolean;
  readonly mutability: 'readOnly' | 'readWrite' | 'immutable' | 'writeOnly';
  readonly returned: 'always' | 'never' | 'default' | 'request';
  readonly uniqueness: 'none' | 'server' | 'global';
  readonly canonicalValues?: readonly string[] | undefined;
  readonly referenceTypes?: readonly string[] | undefined;
  readonly subAttributes?: readonly ScimAttribute[] | undefined;
}

/** Reads definitions; characteristics that are left out have the defaults of RFC 7643, 2.2. References are case exact (2.3.7). */
export const scimAttributeSchema: z.ZodType<ScimAttribute> = z
  .object({
    name: z.string(),
    type: z.enum(types).default('string'),
    multiValued: z.boolean().default(false),
    description: z.string().optional(),
    required: z.boolean().default(false),
    caseExact: z.boolean().default(false),
    mutability: z.enum(['readOnly', 'readWrite', 'immutable', 'writeOnly']).default('readWrite'),
    returned: z.enum(['always', 'never', 'default', 'request']).default('default'),
    uniqueness: z.enum(['none', 'server', 'global']).default('none'),
    canonicalValues: z.array(z.string()).optional(),
    referenceTypes: z.array(z.string()).optional(),
    subAttributes: z.lazy(() => z.array(scimAttributeSchema)).optional(),
  })
  .transform((attribute) => ({
    ...attribute,
    caseExact: attribute.caseExact || attribute.type === 'reference' || attribute.type === 'binary',
  }));

/** The attribute of that name, whatever its case (RFC 7643, 2.1). */
export function attributeNamed(attributes: readonly ScimAttribute[], name: string): ScimAttribute | undefined {
  const wanted = name.toLowerCase();
  return attributes.find((attribute) => attribute.name.toLowerCase() === wanted);
}
