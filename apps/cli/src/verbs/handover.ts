import { constants, createPrivateKey, privateDecrypt, type KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { stringify } from 'csv-stringify/sync';
import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import { UsageError, type Verb } from '../context.js';

const lineShape = z.object({
  source: z.string(),
  employeeNumber: z.string(),
  address: z.string(),
  keyId: z.string(),
  sealed: z.string(),
});
const pageShape = z.object({ passwords: z.array(lineShape), cursor: z.string().nullable() });
const columns = ['source', 'employeeNumber', 'address', 'keyId', 'sealed'];

/** Only the owner may read what is written: the file names people, or holds their first passwords. */
const writePrivately = (file: string, text: string) => writeFileSync(file, text, { mode: 0o600 });

function privateKeyIn(file: string, passphraseFile: string | undefined): KeyObject {
  const passphrase = passphraseFile === undefined ? undefined : readFileSync(passphraseFile, 'utf8').trimEnd();
  try {
    return createPrivateKey({ key: readFileSync(file, 'utf8'), ...(passphrase !== undefined && { passphrase }) });
  } catch {
    throw new UsageError(
      `${file} is no private key in PEM form, or its passphrase is missing or wrong (--passphrase-file)`,
    );
  }
}

function opened(key: KeyObject, sealed: string): string {
  const options = { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  try {
    return privateDecrypt(options, Buffer.from(sealed, 'base64')).toString();
  } catch {
    throw new UsageError('a password was sealed to another key: the column keyId says to which');
  }
}

export const handover: Verb = (program, context) => {
  const verb = program.command('handover').description('first passwords, sealed to your public key');
  verb
    .command('export <migration>')
    .description('write the sealed first passwords of a migration to a file (CSV)')
    .requiredOption('--out <file>', 'the file to write')
    .action(async (id: string, { out }: { out: string }, command) => {
      const { api, show } = context(command);
      const lines: z.infer<typeof lineShape>[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const page: z.infer<typeof pageShape> = await api.get(
          `/v1/migrations/${id}/handover?limit=5000${cursor === '' ? '' : `&cursor=${cursor}`}`,
          pageShape,
        );
        lines.push(...page.passwords);
        ({ cursor } = page);
      }
      writePrivately(out, stringify(lines, { header: true, columns }));
      show({ exported: lines.length, file: out }, () => `${lines.length} sealed passwords are in ${out}`);
    });
  verb
    .command('open <file>')
    .description('open an exported file with your private key, on this machine: nothing is sent anywhere')
    .requiredOption('--key <file>', 'the private key (PEM)')
    .option('--passphrase-file <file>', 'a file with the key’s passphrase')
    .requiredOption('--out <file>', 'the file to write (CSV)')
    .action((file: string, options: { key: string; passphraseFile?: string; out: string }, command: Command) => {
      const key = privateKeyIn(options.key, options.passphraseFile);
      const rows: unknown = parse(readFileSync(file, 'utf8'), { columns: true, bom: true });
      const lines = z.array(lineShape).safeParse(rows);
      if (!lines.success) throw new UsageError(`${file} was not written by \`bascule handover export\``);
      const passwords = lines.data.map(({ source, employeeNumber, address, sealed }) => ({
        source,
        employeeNumber,
        address,
        password: opened(key, sealed),
      }));
      writePrivately(options.out, stringify(passwords, { header: true }));
      // Local work: no token is asked for.
      const { json } = z.object({ json: z.boolean().default(false) }).parse(command.optsWithGlobals());
      const answer = { opened: passwords.length, file: options.out };
      const sentence = `${passwords.length} passwords are in ${options.out}: print or send them, then delete the file`;
      process.stdout.write(`${json ? JSON.stringify(answer) : sentence}\n`);
    });
};
