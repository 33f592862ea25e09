import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** What the governor needs of a Redis client; ioredis has it, cluster and Sentinel included. */
export interface GovernorRedis {
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
  evalsha(sha1: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
  get(key: string): Promise<string | null>;
  set(key: string, value: string, unit: 'EX', seconds: number): Promise<unknown>;
  hgetall(key: string): Promise<Record<string, string>>;
}

const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
const clock = read('clock.lua');

/** One of the governor's scripts, sent whole only when Redis does not know it. */
export class GovernorScript {
  private readonly text: string;
  private readonly sha1: string;

  constructor(name: string) {
    this.text = `${clock}\n${read(name)}`;
    this.sha1 = createHash('sha1').update(this.text).digest('hex');
  }

  async run(redis: GovernorRedis, prefix: string, input: string): Promise<unknown> {
    try {
      return await redis.evalsha(this.sha1, 1, prefix, input);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return redis.eval(this.text, 1, prefix, input);
    }
  }
}
