import { createHash } from 'node:crypto';
import ssh2, { type Client, type SFTPWrapper } from 'ssh2';
import type { SftpSettings } from '#libs/vocabulary';
import { codeOf, DropFaultError } from './drop-faults.js';

const connectMs = 20_000;
/** A server that says nothing for so long is given up. */
const silenceMs = 60_000;

const connectionEnded = () => new DropFaultError('The server ended the connection: it is tried again.');

type Done<T> = (error: Error | null | undefined, value: T) => void;

/** One connection to an SFTP server whose key is one of those that the settings name. */
export class SftpConnection {
  private readonly lost: Promise<never>;

  private constructor(
    private readonly client: Client,
    private readonly sftp: SFTPWrapper,
    lost: Promise<never>,
  ) {
    this.lost = lost;
  }

  /** @throws DropFaultError when the server cannot be reached, is another one, or does not let us in. */
  static async open(settings: SftpSettings, privateKey: Buffer, signal: AbortSignal): Promise<SftpConnection> {
    const client = new ssh2.Client();
    const abort = () => client.destroy();
    signal.addEventListener('abort', abort, { once: true });
    client.on('close', () => signal.removeEventListener('abort', abort));
    const lost = new Promise<never>((_resolve, reject) => {
      client.on('error', reject);
      client.on('close', () => reject(connectionEnded()));
    });
    lost.catch(() => undefined);
    let shown: string | undefined;
    try {
      const ready = new Promise<void>((resolve) => client.once('ready', resolve));
      client.connect({
        host: settings.host,
        port: settings.port,
        username: settings.user,
        privateKey,
        readyTimeout: connectMs,
        keepaliveInterval: 15_000,
        keepaliveCountMax: 3,
        hostVerifier: (key: Buffer) => {
          shown = `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
          return settings.hostKeys.includes(shown);
        },
      });
      await Promise.race([ready, lost]);
      const sftp = await answered<SFTPWrapper>(lost, (done) => client.sftp(done));
      return new SftpConnection(client, sftp, lost);
    } catch (error) {
      client.destroy();
      throw connectFault(error, settings, shown);
    }
  }

  /** One question and its answer; rejects when the connection is lost or nothing comes. */
  ask<T>(question: (sftp: SFTPWrapper, done: Done<T>) => void): Promise<T> {
    return answered(this.lost, (done) => question(this.sftp, done));
  }

  /** A file's bytes as they come. */
  async *read(path: string): AsyncGenerator<Buffer> {
    const stream = this.sftp.createReadStream(path);
    const chunks = stream[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await within(Promise.race([chunks.next(), this.lost]));
        if (done === true) return;
        yield Buffer.from(value);
      }
    } finally {
      stream.destroy();
    }
  }

  close(): void {
    this.client.destroy();
  }
}

function answered<T>(lost: Promise<never>, question: (done: Done<T>) => void): Promise<T> {
  const answer = new Promise<T>((resolve, reject) => {
    question((error, value) => {
      // How ssh2 answers what was under way when the connection broke.
      if (error instanceof Error && error.message === 'No response from server') reject(connectionEnded());
      else if (error instanceof Error) reject(error);
      else resolve(value);
    });
  });
  return within(Promise.race([answer, lost]));
}

/** The work's end, or a fault when it does not come in time. */
async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new DropFaultError('The server does not answer any more.')), silenceMs);
  });
  try {
    return await Promise.race([work, silence]);
  } finally {
    clearTimeout(timer);
  }
}

function connectFault(error: unknown, { hostKeys, host, port }: SftpSettings, shown: string | undefined): Error {
  const because = { cause: error };
  if (shown !== undefined && !hostKeys.includes(shown)) {
    return new DropFaultError(
      `The server shows the host key ${shown}, which is none of sftp.hostKeys: if its keeper says that this is right, settle it.`,
      because,
    );
  }
  const level = error instanceof Error && 'level' in error ? error.level : undefined;
  if (level === 'client-authentication') {
    return new DropFaultError(
      'The server does not let the user in with this key: see sftp.user and sftp.key.',
      because,
    );
  }
  if (error instanceof DropFaultError) return error;
  const code = codeOf(error) ?? (level === 'client-timeout' ? 'no answer' : undefined);
  const why = code === undefined ? '' : ` (${code})`;
  return new DropFaultError(
    `The server ${host}:${port} cannot be reached${why}: see sftp.host and sftp.port.`,
    because,
  );
}
