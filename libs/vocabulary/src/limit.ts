import { z } from 'zod';

/** How many may change before a person is asked: so many people, or such a share of those whom they are compared with. */
export const limitSchema = (people: number, share: number) =>
  z.strictObject({
    people: z.int().min(0).default(people),
    share: z.number().min(0).max(1).default(share),
  });
export type Limit = z.infer<ReturnType<typeof limitSchema>>;

/** The larger of the two counts; `of` is the number of those whom a share is a share of. */
export const limitOf = ({ people, share }: Limit, of: number): number => Math.max(people, Math.floor(share * of));
