import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { z } from 'zod';
import { firstLine, launchScript } from './processes.js';

const readySchema = z.object({ port: z.number(), user: z.string(), hostKey: z.string() });

/** A real OpenSSH server on this machine, for one user who lands in a folder of the test's own. */
export interface TestSftpServer extends z.infer<typeof readySchema> {
  /** Holds `full` and `delta`; the server's user and this process may both write in it. */
  readonly folder: string;
  /** A folder that holds the user's private key, and its name there. */
  readonly keyFolder: string;
  readonly keyName: string;
  readonly privateKey: string;
  stop(): Promise<void>;
}

const nobody = 65_534;

export async function startSftpServer(): Promise<TestSftpServer> {
  const home = mkdtempSync(join(tmpdir(), 'bascule-sftp-'));
  chmodSync(home, 0o711);
  const folder = join(home, 'hr');
  for (const path of [folder, join(folder, 'full'), join(folder, 'delta'), join(folder, 'taken')]) {
    mkdirSync(path);
    // Root's server runs as nobody: as docs/feed-drop.md says, both may write, and HR's group reads what is told.
    if (process.getuid?.() === 0) chownSync(path, 0, nobody);
    chmodSync(path, 0o2777);
  }
  const keyFolder = join(home, 'keys');
  mkdirSync(keyFolder, { mode: 0o700 });
  const keyName = 'hr';
  const pair = ssh2.utils.generateKeyPairSync('ed25519');
  writeFileSync(join(keyFolder, keyName), pair.private, { mode: 0o600 });
  writeFileSync(join(keyFolder, `${keyName}.pub`), `${pair.public}\n`);
  const server = launchScript('scripts/sftp-server.mjs', [folder, join(keyFolder, `${keyName}.pub`)]);
  const ready = readySchema.parse(JSON.parse(await firstLine(server)));
  return {
    ...ready,
    folder,
    keyFolder,
    keyName,
    privateKey: pair.private,
    stop: async () => {
      await server.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
