import { randomBytes } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createAccessToken } from '#libs/ledger';
import { hashSecret, layFoundation, loadConfig, newSecret, type Foundation } from '#libs/platform';
import { createTestDatabase, testServices } from '#libs/testing';
import type { Role } from '#libs/vocabulary';
import { createApi } from '../src/application.js';

export interface TestApi {
  readonly app: NestFastifyApplication;
  readonly foundation: Foundation;
  /** Makes a token of a role, bound to a source if one is named, and gives its secret. */
  token(role: Role, source?: string): Promise<string>;
  stop(): Promise<void>;
}

/** The whole API over a database and a Redis prefix of its own. */
export async function startApi(
  environment: Record<string, string> = {},
  logDestination?: NodeJS.WritableStream,
): Promise<TestApi> {
  const [database, services] = await Promise.all([createTestDatabase(), testServices()]);
  const config = loadConfig({
    BASCULE_DATABASE_URL: database.url,
    BASCULE_REDIS_URL: services.redisUrl,
    BASCULE_REDIS_PREFIX: `test-${randomBytes(6).toString('hex')}`,
    BASCULE_LOG_LEVEL: 'silent',
    BASCULE_PORT: '0',
    ...environment,
  });
  const foundation = layFoundation('api', config, { poolSize: 4, logDestination });
  const app = await createApi(foundation);
  return {
    app,
    foundation,
    token: async (role, source) => {
      const secret = newSecret();
      const name = `${role} ${secret.slice(-6)}`;
      await createAccessToken(foundation.ledger.db, {
        name,
        role,
        source,
        secretHash: hashSecret(secret),
        actor: 'test',
      });
      return secret;
    },
    stop: async () => {
      await app.close();
      await database.drop();
    },
  };
}
