import { createHash } from 'node:crypto';
import ssh2, { type Client, type SFTPWrapper } from 'ssh2';
import type { SftpSettings } from '#libs/vocabulary';
import { ConnectionEnd } from './connection-end.js';
import { codeOf, DropFaultError } from './drop-faults.js';

const connectMs = 20_000;

const connectionEnded = () => new DropFaultError('The server ended the connection: it is tried again.');

type Done<T> = (error: Error | null | undefined, value: T) => void;

/** One connection to an SFTP server whose key is one of those that the settings name. */
export class SftpConnection {
  private constructor(
    private readonly client: Client,
    private readonly sftp: SFTPWrapper,
    private readonly end: ConnectionEnd,
  ) {}

  /** @throws DropFaultError when the server cannot be reached, is another one, or does not let us in. */
  static async open(settings: SftpSettings, privateKey: Buffer, signal: AbortSignal): Promise<SftpConnection> {
    const client = new ssh2.Client();
    const abort = () => client.destroy();
    signal.addEventListener('abort', abort, { once: true });
    client.on('close', () => signal.removeEventListener('abort', abort));
    const end = new ConnectionEnd();
    client.on('error', (error) => end.came(error));
    client.on('close', () => end.came(connectionEnded()));
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
      await end.before(ready);
      const sftp = await answered<SFTPWrapper>(end, (done) => client.sftp(done));
      return new SftpConnection(client, sftp, end);
    } catch (error) {
      client.destroy();
      throw connectFault(error, settings, shown);
    }
  }

  /** One question and its answer; rejects when the connection is lost or nothing comes. */
  ask<T>(question: (sftp: SFTPWrapper, done: Done<T>) => void): Promise<T> {
    return answered(this.end, (done) => question(this.sftp, done));
  }

  /** A file's bytes as they come. */
  async *read(path: string): AsyncGenerator<Buffer> {
    const stream = this.sftp.createReadStream(path);
    const chunks = stream[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await this.end.before(chunks.next());
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

function answered<T>(end: ConnectionEnd, question: (done: Done<T>) => void): Promise<T> {
  const answer = new Promise<T>((resolve, reject) => {
    question((error, value) => {
      // How ssh2 answers what was under way when the connection broke.
      if (error instanceof Error && error.message === 'No response from server') reject(connectionEnded());
      else if (error instanceof Error) reject(error);
      else resolve(value);
    });
  });
  return end.before(answer);
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
