import { DropFaultError } from './drop-faults.js';

/** A server that says nothing for so long is given up. */
const silenceMs = 60_000;

/**
 * The end of a connection, for whoever waits for an answer over it. A race against one promise for the whole connection
 * would keep every answer until that is settled: a fetched file would lie in memory whole.
 */
export class ConnectionEnd {
  private fault: Error | undefined;
  private readonly waiting = new Set<(fault: Error) => void>();

  /** The first fault is what everybody is told, now and later. */
  came(fault: Error): void {
    this.fault ??= fault;
    for (const tell of this.waiting) tell(this.fault);
  }

  /** The work's end; rejects when the connection's comes first, or nothing for a minute. */
  async before<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let tell: ((fault: Error) => void) | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        work.then(resolve, reject);
        if (this.fault !== undefined) reject(this.fault);
        tell = reject;
        this.waiting.add(reject);
        timer = setTimeout(() => reject(new DropFaultError('The server does not answer any more.')), silenceMs);
      });
    } finally {
      clearTimeout(timer);
      if (tell !== undefined) this.waiting.delete(tell);
    }
  }
}
