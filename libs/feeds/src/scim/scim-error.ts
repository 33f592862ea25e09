/** RFC 7644, 3.12 and RFC 9865, 2.1. */
export type ScimType =
  | 'invalidFilter'
  | 'tooMany'
  | 'uniqueness'
  | 'mutability'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue'
  | 'invalidCursor'
  | 'invalidCount';

/** A request that is answered with a SCIM error. `detail` is a sentence for a person and never repeats what was sent. */
export class ScimError extends Error {
  constructor(
    readonly status: number,
    readonly scimType: ScimType | undefined,
    detail: string,
  ) {
    super(detail);
    this.name = 'ScimError';
  }
}

const errorUrn = 'urn:ietf:params:scim:api:messages:2.0:Error';

/** The body of an error; `status` is a text (RFC 7644, 3.12). */
export const scimErrorBody = ({ status, scimType, message }: Pick<ScimError, 'status' | 'scimType' | 'message'>) => ({
  schemas: [errorUrn],
  status: String(status),
  ...(scimType !== undefined && { scimType }),
  detail: message,
});
