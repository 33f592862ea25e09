import { Problem } from '#libs/platform';
import { sourceNameSchema } from '#libs/vocabulary';

/** The source that an address names. */
export function sourceOf(text: string): string {
  const source = sourceNameSchema.safeParse(text);
  if (source.success) return source.data;
  throw new Problem('invalid-field', 'The source’s name is wrong.', {
    errors: [{ field: 'source', message: 'may hold letters, digits, - and _, at most 63' }],
  });
}
