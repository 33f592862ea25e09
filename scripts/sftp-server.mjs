// node scripts/sftp-server.mjs FOLDER PUBLIC-KEY-FILE
// Runs OpenSSH's own server on a free port of this machine for one user with that key, who can do nothing but SFTP and
// lands in FOLDER. Prints one line of JSON when ready; ends with SIGTERM. For tests: nobody is shut in.
import { createHash } from 'node:crypto';
import {
  chownSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { spawnSync } from 'node:child_process';
import { dyingWithUs, onPath, ServicesError, startServer } from './services/processes.mjs';

const { utils } = createRequire(import.meta.url)('ssh2');
const downloads = resolve(import.meta.dirname, '..', '.bascule', 'openssh-server');
const nobody = { uid: 65_534, gid: 65_534, name: 'nobody' };

const run = (command, args, options = {}) =>
  spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    ...options,
  }).status === 0;

/** The system's server, else Debian's package unpacked into a folder of ours: installing it would start a daemon. */
function findServer() {
  const installed = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find((file) => existsSync(file));
  if (installed !== undefined) return { file: installed, settings: [], environment: {} };
  if (!existsSync(join(downloads, 'usr', 'sbin', 'sshd'))) download();
  const file = join(downloads, 'usr', 'sbin', 'sshd');
  if (!existsSync(file)) throw new ServicesError('no OpenSSH server found: install one (Debian: openssh-server)');
  const libraries = globSync('{usr/lib,lib}/*-linux-*', { cwd: downloads }).map((name) => join(downloads, name));
  // From OpenSSH 9.8 and 10.0 on these are programs of their own, looked for where the package would have put them.
  const settings = [
    ['SshdSessionPath', 'sshd-session'],
    ['SshdAuthPath', 'sshd-auth'],
  ]
    .map(([name, program]) => [name, join(downloads, 'usr', 'lib', 'openssh', program)])
    .filter(([, program]) => existsSync(program))
    .map(([name, program]) => `${name} ${program}`);
  return { file, settings, environment: { LD_LIBRARY_PATH: libraries.join(':') } };
}

function download() {
  const aptGet = onPath('apt-get');
  if (aptGet === undefined) return;
  const folder = `${downloads}.${process.pid}`;
  mkdirSync(folder, { recursive: true });
  mkdirSync(join(folder, 'partial'));
  // With every package that it needs and this machine lacks; nothing is installed, so nobody is locked out meanwhile.
  const wanted = ['--download-only', '-o', `Dir::Cache::archives=${folder}`, '-o', 'Debug::NoLocking=true'];
  const fetchPackages = () => run(aptGet, ['install', '-y', '--no-install-recommends', ...wanted, 'openssh-server']);
  if (!fetchPackages() && process.getuid?.() === 0) {
    run(aptGet, ['update']);
    fetchPackages();
  }
  for (const file of globSync('*.deb', { cwd: folder })) run('dpkg', ['-x', join(folder, file), folder]);
  try {
    renameSync(folder, downloads);
  } catch {
    // Another process was faster.
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Root's server would need a user of its own to give up rights to; another user's server lets in only that user. */
const user = process.getuid?.() === 0 ? nobody : { name: userInfo().username };

const [folder, publicKeyFile] = process.argv.slice(2).map((path) => resolve(path));
const home = mkdtempSync(join(tmpdir(), 'bascule-sshd-'));
const own = (path) => {
  if (user.uid !== undefined) chownSync(path, user.uid, user.gid);
};

function writeHostKey() {
  const pair = utils.generateKeyPairSync('ed25519');
  const file = join(home, 'host-key');
  writeFileSync(file, pair.private, { mode: 0o600 });
  own(file);
  const bytes = Buffer.from(pair.public.split(' ')[1], 'base64');
  return { file, fingerprint: `SHA256:${createHash('sha256').update(bytes).digest('base64').replace(/=+$/, '')}` };
}

async function start() {
  const { file, settings, environment } = findServer();
  own(home);
  const authorised = join(home, 'authorized-keys');
  cpSync(publicKeyFile, authorised);
  own(authorised);
  const hostKey = writeHostKey();
  const configuration = join(home, 'sshd_config');
  const write = (port) =>
    writeFileSync(
      configuration,
      [
        `ListenAddress 127.0.0.1:${port}`,
        `HostKey ${hostKey.file}`,
        `AuthorizedKeysFile ${authorised}`,
        'PidFile none',
        'StrictModes no',
        // Without it a user whose password is locked, as nobody's is, would not be let in by key either.
        'UsePAM yes',
        'PasswordAuthentication no',
        'KbdInteractiveAuthentication no',
        'Subsystem sftp internal-sftp',
        `ForceCommand internal-sftp -u 0002 -d ${folder}`,
        'AllowTcpForwarding no',
        ...settings,
        '',
      ].join('\n'),
    );
  const identity = user.uid === undefined ? {} : { uid: user.uid, gid: user.gid };
  const server = await startServer({
    name: 'sshd',
    logFile: join(home, 'sshd.log'),
    ready: /Server listening on/,
    stopSignal: 'SIGTERM',
    launch: (port) => {
      write(port);
      return {
        command: [...dyingWithUs('TERM'), file, '-D', '-e', '-f', configuration],
        options: { ...identity, env: { ...process.env, ...environment } },
      };
    },
  });
  return { server, ready: { port: server.port, user: user.name, hostKey: hostKey.fingerprint } };
}

const clean = () => rmSync(home, { recursive: true, force: true });
try {
  const { server, ready } = await start();
  const stop = async () => {
    await server.stop();
    clean();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => void stop());
  console.log(JSON.stringify(ready));
  await server.end;
  clean();
  process.exitCode = 1;
} catch (error) {
  if (!(error instanceof ServicesError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
