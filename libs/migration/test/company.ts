import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { vi } from 'vitest';
import { dayAtWork } from '#libs/blueprint';
import { openWorkspace, readServiceAccountKey, type Workspace } from '#libs/google';
import {
  createMigration,
  failureBudgetSchema,
  findBlueprint,
  latestPlan,
  openLedger,
  planItems,
  readMigration,
  registerProcess,
  selectionSchema,
  storeBlueprint,
  whileRunning,
  type Ledger,
  type MigrationRow,
  type Selection,
} from '#libs/ledger';
import {
  allSteps,
  approveMigration,
  blueprintReader,
  Dispatcher,
  drawSealedPasswords,
  pauseMigration,
  planMigration,
  runBatch,
  Settler,
  Standing,
  startMigration,
  throwAwayPassword,
  type WorkerProcess,
} from '#libs/migration';
import { openRedis, type RedisClient } from '#libs/platform';
import { parseQuotas, QuotaGovernor } from '#libs/quota';
import { createTestDatabase, startSimulator, testServices, type TestSimulator } from '#libs/testing';
import { employeeRecordSchema, type EmployeeRecord, type MigrationId } from '#libs/vocabulary';

export const domain = 'bascule-retail.example';
const timeScale = 600;
const callTimeoutMs = 15_000;
const patienceMs = 100_000;
// Each test has servers of its own, and the machine may be busy.
vi.setConfig({ testTimeout: 150_000, hookTimeout: 100_000 });

/** A whole company in one process: ledger, quotas, a worker, and a simulated Google of its own. */
export class TestCompany {
  readonly lost: unknown[] = [];
  private readonly drain = new AbortController();
  private readonly running = new Set<Promise<void>>();
  private dispatcher: Dispatcher | undefined;

  private constructor(
    readonly ledger: Ledger,
    readonly simulator: TestSimulator,
    readonly workspace: Workspace,
    readonly worker: WorkerProcess,
    /** Methods of the calls made for migrations, in order. */
    readonly calls: readonly string[],
    private readonly governor: QuotaGovernor,
    private readonly redis: RedisClient,
    private readonly dropDatabase: () => Promise<void>,
  ) {}

  /** `changes` to the simulator's profile; `through` puts another server between Bascule and it. */
  static async open(
    changes: Readonly<Record<string, unknown>> = {},
    through: (apiRoot: string) => Promise<string> = async (apiRoot) => apiRoot,
  ): Promise<TestCompany> {
    const [database, services, simulator] = await Promise.all([
      createTestDatabase(),
      testServices(),
      startSimulator({ timeScale, changes }),
    ]);
    const ledger = openLedger(database.url, { poolSize: 12 });
    const redis = openRedis(services.redisUrl, { name: 'test', onError: () => undefined });
    const governor = new QuotaGovernor({ redis, quotas, prefix: `test-${randomBytes(6).toString('hex')}` });
    const calls: string[] = [];
    const workspace = openWorkspace({
      apiRoot: await through(simulator.apiRoot),
      credentials: readServiceAccountKey(simulator.keyFile),
      admins: [`admin1@${domain}`],
      customer: 'my_customer',
      canary: `admin@${domain}`,
      permits: governor,
      callTimeoutMs,
      onCall: ({ method, migrationId }) => {
        if (migrationId !== undefined) calls.push(method);
      },
    });
    const slot = await registerProcess(ledger.db, 'test');
    const company = new TestCompany(
      ledger,
      simulator,
      workspace,
      {
        name: 'test',
        slot,
        leaseMs: 20_000,
        callTimeoutMs,
        timeScale,
        ledger,
        workspace,
        steps: allSteps,
        concurrency: 16,
        batchMaxMs: 20_000,
        reopenGate: (id) => whileRunning(ledger.db, id, () => governor.openGate(id)),
        halt: async (id, reason) => {
          await pauseMigration({ ledger, governor, callTimeoutMs }, id, reason, 'test');
        },
        calendarIds: async () => new Map(),
        blueprint: blueprintReader(ledger),
        employeeScopes: async () => undefined,
        settler: new Settler(ledger, { name: 'test', slot, timeScale }),
        throwAwayPassword,
        drawPasswords: drawSealedPasswords,
        onFault: (fault) => company.lost.push(fault),
      },
      calls,
      governor,
      redis,
      () => database.drop(),
    );
    return company;
  }

  async close(): Promise<void> {
    this.drain.abort();
    await this.dispatcher?.stop();
    await Promise.all(this.running);
    await this.workspace.close();
    this.governor.close();
    await this.redis.quit();
    await this.ledger.close();
    await this.dropDatabase();
    await this.simulator.stop();
  }

  /** The dispatcher and the lanes of one process; batches run as soon as they are offered. */
  work(): void {
    this.dispatcher = new Dispatcher({
      ledger: this.ledger,
      governor: this.governor,
      lanes: {
        offer: async (hints) => {
          for (const hint of hints) {
            const batch = runBatch(this.worker, hint, this.drain.signal).catch((fault: unknown) => {
              this.lost.push(fault);
            });
            this.running.add(batch);
            void batch.finally(() => this.running.delete(batch));
          }
        },
      },
      callTimeoutMs,
      timeScale,
      workers: () => 1,
      onFault: (fault) => this.lost.push(fault),
    });
    this.dispatcher.start();
  }

  /** Stores a record as HR's newest version; returns the employee's id. */
  async hire(changes: Partial<EmployeeRecord> & { employeeNumber: string }, source = 'hr'): Promise<string> {
    const record = employeeRecordSchema.parse({ ...somebody, ...changes });
    const { rows } = await this.ledger.pool.query<{ id: string }>(
      `with person as (
         insert into employee (source, employee_number, version, fingerprint, status, country, effective_at, last_delivery)
         values ($1, $2, 1, decode(md5($3), 'hex'), $4, $5, now(), 1)
         on conflict (source, employee_number) do update set version = employee.version + 1, status = excluded.status,
           country = excluded.country
         returning id, version
       )
       insert into employee_version (employee_id, version, record) select id, version, $3::jsonb from person
       returning employee_id as id`,
      [source, record.employeeNumber, JSON.stringify(record), record.status, record.country],
    );
    return rows[0]?.id ?? '';
  }

  async create(
    request: { blueprint?: string; selection?: Selection; handoverKey?: string } = {},
  ): Promise<MigrationId> {
    const document = request.blueprint ?? smallBlueprint();
    const name = /^name: (.*)$/m.exec(document)?.[1] ?? '';
    const sha256 = randomBytes(32);
    await storeBlueprint(this.ledger.db, { name, document, sha256, actor: 'test' });
    const blueprint = await findBlueprint(this.ledger.db, name);
    return createMigration(this.ledger.db, {
      name: 'test',
      blueprintId: blueprint?.id ?? '',
      blueprintVersion: blueprint?.version ?? 0,
      selection: selectionSchema.parse(request.selection ?? { kind: 'everyone' }),
      failureBudget: failureBudgetSchema.parse({}),
      handoverKey: request.handoverKey ?? null,
      actor: 'test',
    });
  }

  /** Plans and waits for the plan. */
  async plan(id: MigrationId, today = new Date().toISOString().slice(0, 10)) {
    const { planId, finished } = await planMigration(
      {
        ledger: this.ledger,
        workspace: this.workspace,
        quotas,
        adminSubjects: 1,
        timeScale,
        actor: 'test',
        dayOf: () => today,
      },
      id,
    );
    await finished;
    const plan = await latestPlan(this.ledger.db, id);
    const items = await planItems(this.ledger.db, planId, { limit: 1_000 });
    return { plan, byNumber: new Map(items.map((item) => [item.employeeNumber, item])) };
  }

  /** The look that a worker takes at standing migrations, at a moment of the test's choice. */
  standingAt(now: () => Date): Standing {
    return new Standing({
      ledger: this.ledger,
      workspace: this.workspace,
      quotas,
      adminSubjects: 1,
      timeScale,
      now,
      dayOf: (record) => dayAtWork(record, now()),
      onFault: (fault) => this.lost.push(fault),
    });
  }

  async start(id: MigrationId): Promise<void> {
    await approveMigration(this.ledger, id, 'test');
    await startMigration(this.ledger, id, { actor: 'test', timeScale });
  }

  /** Waits until the migration is in one of the states. */
  async until(id: MigrationId, ...states: MigrationRow['state'][]): Promise<MigrationRow> {
    return this.eventually(async () => {
      const migration = await readMigration(this.ledger.db, id);
      return migration !== undefined && states.includes(migration.state) ? migration : undefined;
    });
  }

  async eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const seen = await look();
      if (seen !== undefined) return seen;
      if (performance.now() > deadline) throw new Error(`it did not come to pass; ${this.lost.map(String).join('; ')}`);
      await sleep(50);
    }
  }

  /** State and reason of each employee of a migration, by employee number. */
  async standings(id: MigrationId): Promise<Record<string, string>> {
    const { rows } = await this.ledger.pool.query<{ number: string; standing: string }>(
      `select employee_number as number, concat_ws(' ', state, reason) as standing
       from enrolment join employee on employee.id = enrolment.employee_id where migration_id = $1`,
      [id],
    );
    return Object.fromEntries(rows.map(({ number, standing }) => [number, standing]));
  }

  async account(address: string) {
    return (await this.simulator.accounts()).find(({ primaryEmail }) => primaryEmail === address);
  }
}

const quotas = parseQuotas(
  readFileSync(new URL('../../../config/quotas.yaml', import.meta.url), 'utf8'),
  `timeScale: ${timeScale}`,
);

const somebody = {
  status: 'active',
  workerType: 'employee',
  legalName: { givenName: 'Zoé', familyName: 'Lefèvre' },
  hireDate: '2020-01-01',
  country: 'FR',
};

export function smallBlueprint(more = '', password = 'sso'): string {
  return `blueprint: 1
name: Small
domains: [${domain}]
password: ${password}
orgUnit: /
licence: none
${more}`;
}
