import type { PoolClient } from 'pg';
import QueryStream from 'pg-query-stream';
import { z } from 'zod';
import type { Ledger } from './open.js';

const pieceBytes = 1_048_576;
const pieceSchema = z.object({ bytes: z.instanceof(Buffer) });

/** Bytes that are read more than once and then forgotten: they lie in a temporary table, which ends with its connection. */
export class PassingBytes {
  private constructor(private readonly client: PoolClient) {}

  /** Stores the bytes as they come; memory holds a piece. Rejects when they break off, and keeps nothing then. */
  static async store(ledger: Ledger, bytes: AsyncIterable<Buffer>): Promise<PassingBytes> {
    const client = await ledger.pool.connect();
    try {
      await client.query(
        'create temporary table passing (piece integer generated always as identity primary key, bytes bytea)',
      );
      let waiting: Buffer[] = [];
      let size = 0;
      const flush = async () => {
        if (size > 0) await client.query('insert into passing (bytes) values ($1)', [Buffer.concat(waiting)]);
        waiting = [];
        size = 0;
      };
      for await (const chunk of bytes) {
        waiting.push(chunk);
        size += chunk.length;
        if (size >= pieceBytes) await flush();
      }
      await flush();
      return new PassingBytes(client);
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  /** From the first; one reader at a time. */
  async *pieces(): AsyncGenerator<Buffer> {
    const rows = this.client.query(new QueryStream('select bytes from passing order by piece', [], { batchSize: 1 }));
    for await (const row of rows) yield pieceSchema.parse(row).bytes;
  }

  /** In bytes, in order. */
  async pieceSizes(): Promise<number[]> {
    const { rows } = await this.client.query('select octet_length(bytes) as size from passing order by piece');
    return z
      .array(z.object({ size: z.number() }))
      .parse(rows)
      .map(({ size }) => size);
  }

  /** Counted from 0. */
  async piece(index: number): Promise<Buffer> {
    const { rows } = await this.client.query('select bytes from passing where piece = $1', [index + 1]);
    return pieceSchema.parse(rows[0]).bytes;
  }

  close(): void {
    this.client.release(true);
  }
}
