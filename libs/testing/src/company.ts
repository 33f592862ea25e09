import { TestAdmin } from './admin.js';
import { smallBlueprint } from './blueprints.js';
import { startDeployment, type TestDeployment } from './deployment.js';
import { findFaults } from './outside-check.js';
import { people, type FeedRow } from './people.js';
import { RedisKeys } from './redis-keys.js';
import { startSimulator, type TestSimulator } from './simulator.js';

/** A company whose people are known to a Bascule of its own, over a simulated Google of its own. */
export interface TestCompany extends AsyncDisposable {
  readonly simulator: TestSimulator;
  readonly bascule: TestDeployment;
  readonly admin: TestAdmin;
  readonly redis: RedisKeys;
  /** What the outside checker finds wrong after a run; see findFaults. */
  faults(migrationId: string): Promise<string[]>;
}

export interface CompanyOptions {
  /** One of config/simulator. */
  readonly profile?: string;
  /** Merged over the profile. */
  readonly google?: Readonly<Record<string, unknown>>;
  readonly timeScale?: number;
  readonly seed?: number;
  readonly workers?: number;
  readonly blueprint?: string;
  /** Rows, or the text of a CSV file; a number makes so many plain people. */
  readonly feed?: number | string | readonly FeedRow[];
  readonly environment?: Readonly<Record<string, string>>;
  /** YAML merged over config/quotas.yaml on Bascule's side. */
  readonly quotas?: string;
  /** Stands between Bascule and the simulated Google; gives what Bascule reaches instead. */
  readonly through?: (
    simulator: TestSimulator,
  ) => Promise<Pick<TestSimulator, 'apiRoot' | 'keyFile'> & { stop(): Promise<void> }>;
}

/** Starts it all, with the feed taken in and the blueprint stored; `await using` ends it all. */
export async function startCompany(options: CompanyOptions = {}): Promise<TestCompany> {
  const { timeScale = 40, feed = 0, profile = 'documented' } = options;
  const simulator = await startSimulator({
    profile,
    timeScale,
    ...(options.google !== undefined && { changes: options.google }),
    ...(options.seed !== undefined && { seed: options.seed }),
  });
  const between = await options.through?.(simulator);
  const bascule = await startDeployment(between ?? simulator, {
    timeScale,
    workers: options.workers ?? 1,
    ...(options.environment !== undefined && { environment: options.environment }),
    ...(options.quotas !== undefined && { quotas: options.quotas }),
  });
  const admin = new TestAdmin(bascule);
  const redis = new RedisKeys(bascule);
  const stop = async () => {
    redis.close();
    await bascule.stop();
    await between?.stop();
    await simulator.stop();
  };
  try {
    const rows = typeof feed === 'number' ? people(feed) : feed;
    if (rows.length > 0) await admin.pushFeed(rows);
    await admin.pushBlueprint(options.blueprint ?? smallBlueprint);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    simulator,
    bascule,
    admin,
    redis,
    faults: (migrationId) => findFaults({ admin, simulator, bascule, migrationId }),
    [Symbol.asyncDispose]: stop,
  };
}
