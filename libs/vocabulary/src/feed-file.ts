import { z } from 'zod';

/**
 * The encodings in which HR systems send files, by the names of the WHATWG's encoding standard. `detect` asks to tell a
 * Windows-1252 file from a UTF-8 one by its bytes; see docs/feed-settings.md.
 */
export const fileEncodings = [
  'utf-8',
  'utf-16le',
  'utf-16be',
  'windows-1250',
  'windows-1251',
  'windows-1252',
  'iso-8859-2',
  'iso-8859-15',
] as const;
export type FileEncoding = (typeof fileEncodings)[number];

/** How a source's files are to be read, as far as a file does not say so itself. */
export const fileSettingsSchema = z.strictObject({
  encoding: z.enum([...fileEncodings, 'detect']).default('utf-8'),
});
export type FileSettings = z.infer<typeof fileSettingsSchema>;
