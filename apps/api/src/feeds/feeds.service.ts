import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import {
  dropDelivery,
  openDelivery,
  readDelivery,
  receiveDelivery,
  storePayload,
  unfinishedDeliveries,
  type DeliveryRow,
  type Ledger,
} from '#libs/ledger';
import { intake } from '#libs/feeds';
import { ledgerToken, logToken, Problem, type Log } from '#libs/platform';

const bytesMax = 512 * 1024 * 1024;

export interface Push {
  readonly source: string;
  readonly mode: 'full' | 'delta';
  readonly mediaType: string;
  readonly contentEncoding: string | null;
  readonly idempotencyKey: string | null;
  readonly actor: string;
  readonly body: Readable;
}

/** Receives deliveries and brings them to their end; those that a crash left over are taken up again at start. */
@Injectable()
export class FeedsService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly working = new Map<string, Promise<void>>();

  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    @Inject(logToken) private readonly log: Log,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    for (const id of await unfinishedDeliveries(this.ledger.db)) this.work(id);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.working.values());
  }

  /** Resolves once the bytes are safe; repeated with the same key and bytes, gives the first delivery. */
  async receive(push: Push): Promise<DeliveryRow> {
    const { id, opened } = await openDelivery(this.ledger.db, push);
    if (!opened) return this.repeated(push, id);
    const hash = createHash('sha256');
    let bytes = 0;
    const measured = async function* () {
      for await (const chunk of push.body) {
        const piece = Buffer.from(chunk);
        bytes += piece.length;
        if (bytes > bytesMax) throw new Problem('too-large', 'A delivery may have 512 MB; send it in parts as delta.');
        hash.update(piece);
        yield piece;
      }
    };
    try {
      await storePayload(this.ledger, id, measured());
    } catch (error) {
      await dropDelivery(this.ledger.db, id);
      throw error;
    }
    await receiveDelivery(this.ledger.db, id, { sha256: hash.digest(), bytes });
    this.work(id);
    return this.read(push.source, id);
  }

  async read(source: string, id: string): Promise<DeliveryRow> {
    const delivery = await readDelivery(this.ledger.db, source, id);
    if (delivery === undefined) throw new Problem('not-found', 'There is no such delivery of this source.');
    return delivery;
  }

  /** Waits for the outcome, at most so long. */
  async outcome(source: string, id: string, waitMs: number): Promise<DeliveryRow> {
    await Promise.race([this.working.get(id), sleep(waitMs, undefined, { ref: false })]);
    return this.read(source, id);
  }

  private async repeated(push: Push, id: string): Promise<DeliveryRow> {
    const hash = createHash('sha256');
    for await (const chunk of push.body) hash.update(Buffer.from(chunk));
    const earlier = await this.read(push.source, id);
    if (earlier.payloadSha256 === null) {
      throw new Problem('conflict', 'The first request with this Idempotency-Key is still being received.');
    }
    if (earlier.payloadSha256 !== hash.digest('hex')) {
      throw new Problem(
        'unprocessable',
        'This Idempotency-Key was used with other bytes; use a new key for a new delivery.',
      );
    }
    return earlier;
  }

  private work(id: string): void {
    const working = intake(this.ledger, id)
      .catch((fault: unknown) => {
        // The bytes are safe: the next start of the API takes the delivery up again.
        this.log.error('a delivery could not be applied', { deliveryId: id }, fault);
      })
      .finally(() => this.working.delete(id));
    this.working.set(id, working);
  }
}
