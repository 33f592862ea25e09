import { z } from 'zod';
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

/** The delivery that an address names. */
export function deliveryIdOf(text: string): string {
  const id = z.uuid().safeParse(text);
  if (!id.success) throw new Problem('not-found', 'There is no such delivery of this source.');
  return id.data;
}
