import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { drawSealedPasswords } from '#libs/migration';
import { handover } from '../src/verbs/handover.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bascule-handover-'));
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const passphrase = randomBytes(12).toString('hex');
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();

async function open(...more: string[]): Promise<void> {
  const program = new Command('bascule');
  handover(program, () => {
    throw new Error('opening asks for no API');
  });
  const words = ['handover', 'open', join(folder, 'sealed.csv'), '--key', join(folder, 'key.pem')];
  await program.parseAsync([...words, '--out', join(folder, 'open.csv'), ...more], { from: 'user' });
}

async function seal(key: string): Promise<void> {
  const [sealed] = await drawSealedPasswords(key, ['e1']);
  const line = `hr,1,ada@shop.example,${sealed?.keyId},${Buffer.from(sealed?.sealed ?? []).toString('base64')}`;
  writeFileSync(join(folder, 'sealed.csv'), `source,employeeNumber,address,keyId,sealed\n${line}\n`);
  const encrypted = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase } as const;
  writeFileSync(join(folder, 'key.pem'), privateKey.export(encrypted).toString());
  writeFileSync(join(folder, 'passphrase'), `${passphrase}\n`);
}

test('what Bascule sealed is opened on the admin’s machine, into a file that only they can read', async () => {
  await seal(pem);
  await open('--passphrase-file', join(folder, 'passphrase'));
  const [header, line] = readFileSync(join(folder, 'open.csv'), 'utf8').split('\n');
  expect(header).toBe('source,employeeNumber,address,password');
  expect(line).toMatch(/^hr,1,ada@shop\.example,(\w{5}-){3}\w{5}$/);
  expect(statSync(join(folder, 'open.csv')).mode & 0o777).toBe(0o600);
});

test('a missing passphrase and another key are told in a line', async () => {
  await seal(pem);
  await expect(open()).rejects.toThrow('passphrase');
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
  await seal(other.export({ type: 'spki', format: 'pem' }).toString());
  await expect(open('--passphrase-file', join(folder, 'passphrase'))).rejects.toThrow('sealed to another key');
});
