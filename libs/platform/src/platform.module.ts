import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Inject, Module, type DynamicModule, type OnApplicationShutdown, type Provider } from '@nestjs/common';
import type { DestinationStream } from 'pino';
import { openLedger, type Ledger } from '#libs/ledger';
import { parseQuotas, QuotaGovernor, type QuotaDocument } from '#libs/quota';
import { ConfigError, type Config } from './config.js';
import { openRedis, type RedisClient } from './connections.js';
import { openLog, type Log } from './logging.js';
import { Metrics } from './metrics.js';

/** Injection tokens of what every process has. `QuotaGovernor` and `Metrics` are classes and are their own tokens. */
export const configToken = Symbol('Config');
export const ledgerToken = Symbol('Ledger');
export const redisToken = Symbol('Redis');
export const logToken = Symbol('Log');
export const quotasToken = Symbol('QuotaDocument');

/** What a process is made of before Nest comes in, so that a failing start can be told in one line. */
export interface Foundation {
  readonly config: Config;
  readonly process: 'api' | 'worker';
  readonly log: Log;
  readonly quotas: QuotaDocument;
  readonly ledger: Ledger;
  readonly redis: RedisClient;
  readonly governor: QuotaGovernor;
  readonly metrics: Metrics;
}

/**
 * Opens what a process stands on. Connections are lazy, so this fails only on configuration.
 *
 * @throws ConfigError when the quota document is wrong.
 */
export function layFoundation(
  process: 'api' | 'worker',
  config: Config,
  options: { poolSize?: number; logDestination?: DestinationStream | undefined } = {},
): Foundation {
  const log = openLog({ level: config.logLevel, process, destination: options.logDestination });
  const quotas = readQuotas(config);
  const ledger = openLedger(config.databaseUrl, {
    ...(options.poolSize === undefined ? {} : { poolSize: options.poolSize }),
    applicationName: `bascule-${process}`,
  });
  const onError = throttled((error: Error) => log.warn('the connection to Redis is broken', {}, error));
  const redis = openRedis(config.redisUrl, { name: `bascule-${process}`, onError });
  const governor = new QuotaGovernor({
    redis,
    quotas,
    prefix: config.redisPrefix,
    adminSubjects: config.google.admins.length,
    onLearnt: throttled((learnt) => log.warn('Google names another limit than the quota document', { ...learnt })),
    onFault: throttled((fault) => log.warn('no permits can be had from Redis', {}, fault)),
  });
  return { config, process, log, quotas, ledger, redis, governor, metrics: new Metrics(process) };
}

function readQuotas(config: Config): QuotaDocument {
  const text = readFileSync(join(config.projectFolder, 'config', 'quotas.yaml'), 'utf8');
  const override = config.quotasFile === undefined ? undefined : readFileSync(config.quotasFile, 'utf8');
  try {
    return parseQuotas(text, override);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replaceAll('\n', '; ') : 'it cannot be read';
    const name = override === undefined ? 'config/quotas.yaml' : 'BASCULE_QUOTAS';
    throw new ConfigError([`${name} is wrong: ${reason}`]);
  }
}

/** A broken connection reports an error several times a second; one line in ten seconds says enough. */
export function throttled<T>(tell: (value: T) => void, windowMs = 10_000): (value: T) => void {
  let quietUntil = -Infinity;
  return (value) => {
    if (performance.now() < quietUntil) return;
    quietUntil = performance.now() + windowMs;
    tell(value);
  };
}

/** Gives the foundation to every module of a process, and takes it down last. */
@Module({})
export class PlatformModule implements OnApplicationShutdown {
  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    @Inject(redisToken) private readonly redis: RedisClient,
    private readonly governor: QuotaGovernor,
  ) {}

  static on(foundation: Foundation): DynamicModule {
    const { config, ledger, redis, log, quotas, governor, metrics } = foundation;
    const providers: Provider[] = [
      { provide: configToken, useValue: config },
      { provide: ledgerToken, useValue: ledger },
      { provide: redisToken, useValue: redis },
      { provide: logToken, useValue: log },
      { provide: quotasToken, useValue: quotas },
      { provide: Metrics, useValue: metrics },
      { provide: QuotaGovernor, useValue: governor },
    ];
    return { module: PlatformModule, global: true, providers, exports: providers };
  }

  /** Nest calls this after every module's `beforeApplicationShutdown`, where work in progress is brought to its end. */
  async onApplicationShutdown(): Promise<void> {
    this.governor.close();
    this.redis.disconnect();
    await this.ledger.close();
  }
}
