import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { codeOf, DropFaultError } from './drop-faults.js';

/**
 * The private key of that name.
 *
 * @throws DropFaultError when there is none that can be used.
 */
export async function keyNamed(name: string, folder: string | undefined): Promise<Buffer> {
  if (folder === undefined) {
    throw new DropFaultError('BASCULE_SFTP_KEYS is not set: name the folder that holds the private keys.');
  }
  let key: Buffer;
  try {
    key = await readFile(join(folder, name));
  } catch (error) {
    throw new DropFaultError(`The key ${name} cannot be read in BASCULE_SFTP_KEYS (${codeOf(error)}).`, {
      cause: error,
    });
  }
  if (ssh2.utils.parseKey(key) instanceof Error) {
    throw new DropFaultError(`The file ${name} in BASCULE_SFTP_KEYS is no private key without a passphrase.`);
  }
  return key;
}
