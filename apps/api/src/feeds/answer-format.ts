import type { FastifyRequest } from 'fastify';
import { z } from 'zod';

/** In a query: the form of the answer, where a program cannot set a header. */
export const formatSchema = z
  .enum(['json', 'csv'])
  .optional()
  .meta({ description: 'Left out: what Accept asks for, else JSON.' });

/** CSV when the query or, without it, the Accept header asks for it by name. */
export function formatOf(request: FastifyRequest, format: z.infer<typeof formatSchema>): 'json' | 'csv' {
  if (format !== undefined) return format;
  return request.headers.accept?.includes('text/csv') === true ? 'csv' : 'json';
}

/** Tells browsers to keep the table as a file. */
export const csvHeaders = (name: string) => ({
  'content-type': 'text/csv; charset=utf-8',
  'content-disposition': `attachment; filename="${name}.csv"`,
});
