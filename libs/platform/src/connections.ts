import { Cluster, Redis, type RedisOptions } from 'ioredis';

/** A client of one server, of a primary found through Sentinel, or of a cluster. */
export type RedisClient = Redis | Cluster;

export interface RedisPurpose {
  /** Shown by CLIENT LIST. */
  readonly name: string;
  /** Called at each connection error; ioredis reconnects by itself. */
  readonly onError: (error: Error) => void;
  /** For BullMQ: commands wait for the reconnect, however long it takes, instead of failing. */
  readonly waitsForReconnect?: boolean;
}

interface RedisAddress {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  readonly hosts: { host: string; port: number }[];
  readonly options: RedisOptions;
  readonly primaryName: string;
}

/** Takes a Redis address apart: `scheme://[user:password@]host[:port],host[:port].../[db][?name=primary]`. */
export function parseRedisUrl(url: string): RedisAddress {
  const match = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^/?]+)(?:\/(\d*))?(?:\?name=([\w.-]+))?$/.exec(
    url,
  );
  if (match === null) throw new Error('the Redis address has an unknown form');
  const [, scheme, kind, credentials = '', hosts = '', database = '', primaryName = 'mymaster'] = match;
  const [username = '', password = ''] = credentials.split(':').map(decodeURIComponent);
  const defaultPort = kind === 'sentinel' ? 26_379 : 6379;
  return {
    kind: kind === 'sentinel' || kind === 'cluster' ? kind : 'single',
    hosts: hosts.split(',').map((text) => {
      const separator = /:\d+$/.exec(text);
      const host = separator === null ? text : text.slice(0, separator.index);
      return { host: host.replaceAll(/^\[|\]$/g, ''), port: separator ? Number(separator[0].slice(1)) : defaultPort };
    }),
    options: {
      ...(username === '' ? {} : { username }),
      ...(password === '' ? {} : { password }),
      ...(database === '' ? {} : { db: Number(database) }),
      ...(scheme === 'rediss' ? { tls: {} } : {}),
    },
    primaryName,
  };
}

/** Opens a client; it connects by itself and reconnects for ever. Whoever opens it closes it with `quit()`. */
export function openRedis(url: string, purpose: RedisPurpose): RedisClient {
  const address = parseRedisUrl(url);
  const options: RedisOptions = {
    ...address.options,
    connectionName: purpose.name,
    maxRetriesPerRequest: purpose.waitsForReconnect === true ? null : 3,
    retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, 2000),
  };
  const client = connect(address, options);
  // Without a listener each failed reconnect would print a stack trace past the log.
  client.on('error', purpose.onError);
  return client;
}

function connect(address: RedisAddress, options: RedisOptions): RedisClient {
  if (address.kind === 'cluster') {
    return new Cluster(address.hosts, {
      redisOptions: options,
      clusterRetryStrategy: (attempt) => Math.min(50 * 2 ** attempt, 2000),
    });
  }
  if (address.kind === 'sentinel') {
    return new Redis({ ...options, sentinels: address.hosts, name: address.primaryName });
  }
  const [{ host, port } = { host: '127.0.0.1', port: 6379 }] = address.hosts;
  return new Redis({ ...options, host, port });
}

/** The prefix of BullMQ's keys. The braces keep the keys of all lanes in one slot of a cluster, as its scripts need. */
export const lanesPrefix = (redisPrefix: string): string => `{${redisPrefix}:lanes}`;
