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
  UploadLostError,
  type DeliveryRow,
  type Ledger,
  type WantedDelivery,
} from '#libs/ledger';
import { ledgerToken, Problem } from '#libs/platform';
import { IntakeLoop } from './intake-loop.js';

export const bytesMax = 512 * 1024 * 1024;
/** How often the ledger is asked whether a delivery that somebody waits for is done. */
const lookAgainMs = 200;

export const tooLarge = () =>
  new Problem('too-large', 'A delivery may have 512 MB; send it packed (Content-Encoding: gzip) or in parts.');

/** Receives deliveries; what becomes of them is the intake's. */
@Injectable()
export class FeedsService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    private readonly loop: IntakeLoop,
  ) {}

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.loop.stop();
  }

  /**
   * Resolves once the bytes are safe; repeated with the same key and bytes, gives the first delivery. `alongside` writes what
   * must be there before the delivery counts as received.
   */
  async receive(
    wanted: WantedDelivery,
    body: Readable,
    alongside?: (deliveryId: string) => Promise<void>,
  ): Promise<DeliveryRow> {
    const { id, earlier } = await openDelivery(this.ledger.db, wanted);
    if (earlier !== undefined) return this.repeated(wanted, body, earlier);
    const measured = new MeasuredBytes(body);
    try {
      await storePayload(this.ledger, id, measured);
      await alongside?.(id);
      await receiveDelivery(this.ledger.db, id, measured.total());
    } catch (error) {
      await dropDelivery(this.ledger.db, id);
      throw error instanceof UploadLostError ? timedOut() : error;
    }
    this.loop.wake();
    return this.read(wanted.source, id);
  }

  async read(source: string, id: string): Promise<DeliveryRow> {
    const delivery = await readDelivery(this.ledger.db, source, id);
    if (delivery === undefined) throw new Problem('not-found', 'There is no such delivery of this source.');
    return delivery;
  }

  /** Waits for the outcome, at most so long; whichever process applies the delivery. */
  async outcome(source: string, id: string, waitMs: number): Promise<DeliveryRow> {
    const deadline = performance.now() + waitMs;
    let delivery = await this.read(source, id);
    while (['received', 'checking', 'applying'].includes(delivery.state)) {
      const left = deadline - performance.now();
      if (left <= 0 || this.loop.isStopping) break;
      await sleep(Math.min(lookAgainMs, left));
      delivery = await this.read(source, id);
    }
    return delivery;
  }

  private async repeated(wanted: WantedDelivery, body: Readable, earlier: DeliveryRow): Promise<DeliveryRow> {
    if (earlier.state === 'uploading') {
      throw new Problem(
        'conflict',
        'The first request with this Idempotency-Key is still being received: wait, then send the same again.',
      );
    }
    const measured = new MeasuredBytes(body);
    for await (const _piece of measured);
    const isSame =
      earlier.payloadSha256 === measured.total().sha256.toString('hex') &&
      earlier.mode === wanted.mode &&
      earlier.population === (wanted.population ?? '') &&
      (wanted.effectiveAt === undefined || earlier.effectiveAt?.getTime() === wanted.effectiveAt.getTime()) &&
      earlier.mediaType === wanted.mediaType &&
      earlier.contentEncoding === wanted.contentEncoding;
    if (isSame) return earlier;
    throw new Problem(
      'unprocessable',
      'This Idempotency-Key was used for another delivery: a new delivery needs a new key, a repetition the same bytes, mode, population, time and media type.',
    );
  }
}

const timedOut = () =>
  new Problem('timed-out', 'The upload was given up because nothing came for too long: send it again.');

/** A body as it comes, counted and hashed on the way; too large a one breaks off. */
class MeasuredBytes implements AsyncIterable<Buffer> {
  private readonly hash = createHash('sha256');
  private bytes = 0;

  constructor(private readonly body: Readable) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for await (const chunk of this.body) {
      const piece = Buffer.from(chunk);
      this.bytes += piece.length;
      if (this.bytes > bytesMax) throw tooLarge();
      this.hash.update(piece);
      yield piece;
    }
  }

  /** Once the body has ended. */
  total(): { sha256: Buffer; bytes: number } {
    return { sha256: this.hash.digest(), bytes: this.bytes };
  }
}
