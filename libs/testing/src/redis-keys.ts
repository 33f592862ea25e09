import { Redis } from 'ioredis';
import type { TestDeployment } from './deployment.js';

/** The keys of one deployment in the Redis that all tests share. */
export class RedisKeys {
  private readonly redis: Redis;

  constructor(private readonly bascule: Pick<TestDeployment, 'redisUrl' | 'redisPrefix'>) {
    this.redis = new Redis(bascule.redisUrl);
  }

  /** Every key of the deployment, those with a hash tag included. */
  async names(): Promise<string[]> {
    const found = new Set<string>();
    for (const pattern of [`${this.bascule.redisPrefix}*`, `{${this.bascule.redisPrefix}*`]) {
      for await (const page of this.redis.scanStream({ match: pattern, count: 1_000 })) {
        if (Array.isArray(page)) for (const name of page) found.add(String(name));
      }
    }
    return [...found];
  }

  /** As FLUSHDB would, but for the other tests' keys. Returns how many there were. */
  async flush(): Promise<number> {
    const names = await this.names();
    return names.length === 0 ? 0 : this.redis.del(...names);
  }

  /** Jobs of all lanes: waiting, delayed and active. */
  async jobs(): Promise<number> {
    let jobs = 0;
    for (const lane of ['directory', 'licensing', 'gmail', 'calendar']) {
      const key = `{${this.bascule.redisPrefix}:lanes}:lane-${lane}`;
      jobs += await this.redis.llen(`${key}:wait`);
      jobs += await this.redis.llen(`${key}:active`);
      jobs += await this.redis.zcard(`${key}:delayed`);
      jobs += await this.redis.zcard(`${key}:prioritized`);
    }
    return jobs;
  }

  /** Names and values of all keys, as text. */
  async dump(): Promise<string> {
    const parts: string[] = [];
    for (const name of await this.names()) parts.push(name, await this.valueOf(name));
    return parts.join('\n');
  }

  close(): void {
    this.redis.disconnect();
  }

  private async valueOf(name: string): Promise<string> {
    switch (await this.redis.type(name)) {
      case 'string':
        return (await this.redis.get(name)) ?? '';
      case 'hash':
        return JSON.stringify(await this.redis.hgetall(name));
      case 'list':
        return (await this.redis.lrange(name, 0, -1)).join('\n');
      case 'set':
        return (await this.redis.smembers(name)).join('\n');
      case 'zset':
        return (await this.redis.zrange(name, '0', '-1')).join('\n');
      case 'stream':
        return JSON.stringify(await this.redis.xrange(name, '-', '+'));
      default:
        return '';
    }
  }
}
