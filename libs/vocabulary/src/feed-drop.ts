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

/** An SFTP server from which a source's files are fetched; who may sign in there is told by a key file, never here. */
export const sftpSettingsSchema = z.strictObject({
  host: z.string().regex(/^[a-z0-9.:_-]{1,253}$/i, 'must be the name or address of a server'),
  port: z.int().min(1).max(65_535).default(22),
  user: z.string().min(1).max(64),
  /** The folder on the server that holds `full` and `delta`; relative to where the user lands. */
  folder: z.string().min(1).max(1_024).default('.'),
  hostKeys: z
    .array(z.string().regex(/^SHA256:[a-z0-9+/]{43}$/i, 'must be a fingerprint as ssh-keygen -lf shows it: SHA256:…'))
    .min(1)
    .max(8),
  /** The name of a private key's file in BASCULE_SFTP_KEYS. */
  key: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/i, 'may hold letters, digits, . - and _, at most 63'),
  everySeconds: z.number().min(1).max(86_400).default(300),
});
export type SftpSettings = z.infer<typeof sftpSettingsSchema>;
