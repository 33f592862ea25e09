import { parse } from 'yaml';
import { z } from 'zod';

const quotaScopes = ['project', 'customer', 'domain', 'adminSubject', 'user'] as const;

const bucketFields = {
  api: z.string(),
  scope: z.enum(quotaScopes),
  window: z.enum(['second', 'minute', 'day']),
  /** Calls or units in one window; null is without limit. */
  limit: z.number().positive().nullable(),
  /** False: counted, never refused (a billing threshold). */
  enforced: z.boolean(),
  source: z.string(),
};
const bucketSchema = z.strictObject({
  ...bucketFields,
  enforced: bucketFields.enforced.default(true),
  source: bucketFields.source.default(''),
});
/** Without defaults: what an override leaves out stays as it was. */
const bucketOverrideSchema = z.strictObject(bucketFields).partial();

const chargedSchema = z.enum(['quotaUser', 'serviceAccount']);

const documentSchema = z.strictObject({
  timeScale: z.number().positive().default(1),
  /** Who spends the per-user quotas: whoever `quotaUser` names, or the service account for everybody. */
  perUserChargedTo: chargedSchema.default('quotaUser'),
  buckets: z.record(z.string(), bucketSchema),
  methods: z.record(z.string(), z.record(z.string(), z.number().positive())),
});

const overrideSchema = z.strictObject({
  timeScale: z.number().positive().optional(),
  perUserChargedTo: chargedSchema.optional(),
  buckets: z.record(z.string(), bucketOverrideSchema).optional(),
  methods: z.record(z.string(), z.record(z.string(), z.number().positive())).optional(),
});

export type QuotaBucket = z.infer<typeof bucketSchema>;

/** Every quota that binds us, what each call spends of it, and the one time scale that multiplies the amounts. */
export type QuotaDocument = z.infer<typeof documentSchema>;

/** A quota document that cannot be used; the message lists every fault with its path. */
export class QuotaDocumentError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`the quota document is wrong: ${problems.join('; ')}`);
    this.name = 'QuotaDocumentError';
  }
}

/** Reads the shipped document and, merged over it by name, the admin's own. Throws QuotaDocumentError. */
export function parseQuotas(yamlText: string, overrideText?: string): QuotaDocument {
  const document = checked(documentSchema, parse(yamlText));
  if (overrideText === undefined) return complete(document);
  const override = checked(overrideSchema, parse(overrideText) ?? {});
  const unknown = Object.keys(override.methods ?? {}).filter((method) => document.methods[method] === undefined);
  if (unknown.length > 0)
    throw new QuotaDocumentError(unknown.map((method) => `methods.${method}: there is no such call`));
  const buckets: Record<string, unknown> = { ...document.buckets };
  for (const [name, bucket] of Object.entries(override.buckets ?? {})) {
    const defined = Object.fromEntries(Object.entries(bucket).filter(([, value]) => value !== undefined));
    buckets[name] = { ...document.buckets[name], ...defined };
  }
  return complete(
    checked(documentSchema, {
      timeScale: override.timeScale ?? document.timeScale,
      perUserChargedTo: override.perUserChargedTo ?? document.perUserChargedTo,
      buckets,
      methods: { ...document.methods, ...override.methods },
    }),
  );
}

function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new QuotaDocumentError(
    result.error.issues.map(({ path, message }) => `${path.join('.') || '(top)'}: ${message}`),
  );
}

function complete(document: QuotaDocument): QuotaDocument {
  const problems = Object.entries(document.methods).flatMap(([method, costs]) =>
    Object.keys(costs)
      .filter((bucket) => document.buckets[bucket] === undefined)
      .map((bucket) => `methods.${method}.${bucket}: there is no such bucket; add it under buckets`),
  );
  if (problems.length > 0) throw new QuotaDocumentError(problems);
  return document;
}

export const windowMs = { second: 1_000, minute: 60_000, day: 86_400_000 } as const;
