import { Problem, problems } from '#libs/platform';

/** Why a place cannot be looked at, and what to do; one sentence for an admin, without anything that HR wrote. */
export class DropFaultError extends Error {
  constructor(sentence: string, options?: ErrorOptions) {
    super(sentence, options);
    this.name = 'DropFaultError';
  }
}

/** The code of an error of the system or of a server, where it has one. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' || typeof error.code === 'number' ? String(error.code) : undefined;
}

/** Of the system, and SFTP's own (draft-ietf-secsh-filexfer-02, section 7). */
const noRights = ['EACCES', 'EPERM', 'EROFS', '3'];

/** What may be told of any fault: its own sentence, or its code. */
export function sentenceOf(error: unknown): string {
  if (error instanceof DropFaultError) return error.message;
  if (error instanceof Problem && problems[error.problem].status < 500) {
    return `A file that was left cannot be taken: ${error.message}`;
  }
  const code = codeOf(error);
  if (code !== undefined && noRights.includes(code)) {
    return 'A file or folder cannot be read or written: give Bascule’s user the right to, in full, delta and taken.';
  }
  return `The files cannot be looked at${code === undefined ? '' : ` (${code})`}: the API’s log tells where.`;
}
