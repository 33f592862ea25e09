import { Inject, Injectable } from '@nestjs/common';
import { checkGoogle, type GoogleFinding } from '#libs/google';
import { dayAtWork, parseBlueprint } from '#libs/blueprint';
import {
  acceptUnknowns,
  findCanary,
  latestPlan,
  readBlueprintVersion,
  readMigration,
  switchStandingOff,
  type BlueprintRow,
  type Ledger,
  type MigrationRow,
} from '#libs/ledger';
import {
  approveMigration,
  blueprintReader,
  cancelMigration,
  handoverKeyId,
  HandoverKeyError,
  LifecycleError,
  pauseMigration,
  planMigration,
  resumeMigration,
  retryFailures,
  startMigration,
} from '#libs/migration';
import { configToken, ledgerToken, logToken, Problem, quotasToken, type Config, type Log } from '#libs/platform';
import { QuotaGovernor, type QuotaDocument } from '#libs/quota';
import { migrationIdSchema, type FailureReason, type MigrationId, type StepName } from '#libs/vocabulary';
import { GoogleDoor } from '../google/google.module.js';

/** The workers' own; used only to judge whether a leased batch may still have a call under way. */
const callTimeoutMs = 15_000;

/** What the routes of a migration do, in the words of problem details. */
@Injectable()
export class MigrationsService {
  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    @Inject(configToken) private readonly config: Config,
    @Inject(logToken) private readonly log: Log,
    @Inject(quotasToken) private readonly quotas: QuotaDocument,
    private readonly governor: QuotaGovernor,
    private readonly google: GoogleDoor,
  ) {}

  idOf(text: string): MigrationId {
    const id = migrationIdSchema.safeParse(text);
    if (!id.success) throw new Problem('not-found', 'There is no migration with this id.');
    return id.data;
  }

  async read(text: string): Promise<MigrationRow> {
    const migration = await readMigration(this.ledger.db, this.idOf(text));
    if (migration === undefined) throw new Problem('not-found', 'There is no migration with this id.');
    return migration;
  }

  /** A blueprint that hands first passwords over needs a key to seal them to, and the key must be usable. */
  async checkHandover(blueprint: BlueprintRow, publicKey: string | null): Promise<void> {
    const wrongKey = (message: string, cause?: unknown) =>
      new Problem(
        'invalid-field',
        'The handover key is wrong.',
        { errors: [{ field: 'handoverKey', message }] },
        { cause },
      );
    if (publicKey === null) {
      const parsed = parseBlueprint(await readBlueprintVersion(this.ledger.db, blueprint.id, blueprint.version));
      const needed = 'blueprint' in parsed && parsed.blueprint.settings.password === 'handover';
      if (needed) throw wrongKey('is needed, because the blueprint hands first passwords over');
      return;
    }
    try {
      handoverKeyId(publicKey);
    } catch (error) {
      if (!(error instanceof HandoverKeyError)) throw error;
      throw wrongKey(error.message, error);
    }
  }

  /** Everything that Bascule can use; or, of a migration, what its blueprint needs. */
  async checkGoogle(id?: MigrationId): Promise<GoogleFinding[]> {
    const workspace = this.google.workspace();
    const canary = this.config.google.canary ?? (await findCanary(this.ledger.db));
    const needed = id === undefined ? undefined : await this.scopesNeeded(id);
    return checkGoogle(workspace, { admins: this.config.google.admins, canary, needed });
  }

  private async scopesNeeded(id: MigrationId): Promise<readonly string[]> {
    const { scopesNeeded } = await inProblems(() => blueprintReader(this.ledger)(id));
    return [...scopesNeeded.admin, ...scopesNeeded.employee];
  }

  /** Checks Google first, then plans in the background: a large company takes a minute. */
  async plan(id: MigrationId, actor: string): Promise<{ planId: string }> {
    await this.read(id);
    const blockers = (await this.checkGoogle(id)).filter(({ state }) => state === 'blocker');
    if (blockers.length > 0) {
      throw new Problem('conflict', 'Google refuses what the migration needs; nothing was planned.', {
        errors: blockers.map(({ check, subject, whatToDo }) => ({
          field: `${subject}: ${check}`,
          message: whatToDo ?? '',
        })),
      });
    }
    const { planId, finished } = await inProblems(() =>
      planMigration(
        {
          ledger: this.ledger,
          workspace: this.google.workspace(),
          quotas: this.quotas,
          adminSubjects: this.config.google.admins.length,
          timeScale: this.quotas.timeScale,
          actor,
          dayOf: (record) => dayAtWork(record, new Date()),
        },
        id,
      ),
    );
    finished.catch((fault: unknown) => this.log.error('planning broke off', { migrationId: id, planId }, fault));
    return { planId };
  }

  async approve(id: MigrationId, accept: readonly string[], actor: string): Promise<void> {
    await this.read(id);
    const plan = await latestPlan(this.ledger.db, id);
    if (plan?.state !== 'ready') throw new Problem('conflict', 'There is no plan that is ready; plan first.');
    if (accept.length > 0) await acceptUnknowns(this.ledger.db, plan.id, accept);
    await inProblems(() => approveMigration(this.ledger, id, actor));
  }

  start(id: MigrationId, actor: string): Promise<void> {
    return inProblems(() => startMigration(this.ledger, id, { actor, timeScale: this.quotas.timeScale }));
  }

  async pause(id: MigrationId, actor: string): Promise<void> {
    const gates = { ledger: this.ledger, governor: this.governor, callTimeoutMs };
    const { state } = await this.read(id);
    if (await pauseMigration(gates, id, 'paused_by_admin', actor)) return;
    // One that is through with its own people and stands makes no further rounds.
    if (!(await switchStandingOff(this.ledger.db, id, actor))) {
      throw new Problem('conflict', `Only a running migration can pause; this one is ${state}.`);
    }
  }

  resume(id: MigrationId, actor: string): Promise<void> {
    return inProblems(() => resumeMigration(this.ledger, id, actor));
  }

  cancel(id: MigrationId, actor: string): Promise<void> {
    const gates = { ledger: this.ledger, governor: this.governor, callTimeoutMs };
    return inProblems(() => cancelMigration(gates, id, actor));
  }

  retry(id: MigrationId, filter: { reason?: FailureReason; step?: StepName }, actor: string): Promise<number> {
    return inProblems(() => retryFailures(this.ledger, id, filter, actor));
  }
}

async function inProblems<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof LifecycleError)) throw error;
    const problem = error.code === 'migration_not_found' ? 'not-found' : 'conflict';
    throw new Problem(problem, error.message, { code: error.code }, { cause: error });
  }
}
