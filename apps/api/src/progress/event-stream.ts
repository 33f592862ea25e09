import { Readable } from 'node:stream';

/** One server-sent event; `id` comes back as Last-Event-ID when the reader reconnects. */
export interface ServerEvent {
  readonly event: string;
  readonly id: string;
  readonly data: unknown;
}

/** Proxies cut connections that are silent for a minute, some for half of one. */
const heartbeatMs = 15_000;
/** The reader then comes again by itself, and whoever may not read any more is refused. */
const lifeMs = 5 * 60_000;
/** How long the reader waits before it comes again. */
const comeAgainMs = 2_000;

/**
 * A stream of server-sent events (HTML Living Standard, section 9.2) that ends by itself after some minutes. A reader that
 * is too slow misses events: the newest replaces one that could not leave yet, so memory holds one a reader.
 */
export class EventStream extends Readable {
  private readonly timers: NodeJS.Timeout[];
  private leave: (() => void) | undefined;
  private unsent: ServerEvent | undefined;
  private hasRoom = true;

  constructor(times: { readonly heartbeatMs: number; readonly lifeMs: number } = { heartbeatMs, lifeMs }) {
    super({ highWaterMark: 16 * 1024 });
    this.timers = [
      setInterval(() => this.hasRoom && this.write(': still here\n\n'), times.heartbeatMs),
      setTimeout(() => this.end(), times.lifeMs),
    ];
    for (const timer of this.timers) timer.unref();
    // Sent at once, so that the answer's head leaves before there is an event.
    this.write(`retry: ${comeAgainMs}\n\n`);
  }

  /** Begins: `subscribe` gets the way to send and gives back the way to leave. */
  follow(subscribe: (send: (event: ServerEvent) => void) => () => void): this {
    this.leave = subscribe((event) => this.send(event));
    return this;
  }

  end(): void {
    if (!this.destroyed && !this.readableEnded) this.push(null);
    this.stop();
  }

  override _read(): void {
    this.hasRoom = true;
    const { unsent } = this;
    this.unsent = undefined;
    if (unsent !== undefined) this.send(unsent);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.stop();
    done(error);
  }

  private send(event: ServerEvent): void {
    if (this.hasRoom) this.write(`event: ${event.event}\nid: ${event.id}\ndata: ${JSON.stringify(event.data)}\n\n`);
    else this.unsent = event;
  }

  private write(text: string): void {
    this.hasRoom = this.push(text);
  }

  private stop(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.leave?.();
    this.leave = undefined;
  }
}
