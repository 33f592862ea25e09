import { z } from 'zod';

/** When a file that a source leaves counts as complete, and how long it is kept; see docs/feed-drop.md. */
export const dropSettingsSchema = z.strictObject({
  /** `settled`: a file that has not changed for a while, or has its `.done` beside it; `done`: only the latter. */
  ready: z.enum(['settled', 'done']).default('settled'),
  settleSeconds: z.number().min(0).max(3_600).default(60),
  /** Taken files and what became of them are deleted after so many days. */
  keepDays: z.int().min(1).max(3_650).default(30),
});
export type DropSettings = z.infer<typeof dropSettingsSchema>;
