import {
  createMigration,
  createPlan,
  enrol,
  failureBudgetSchema,
  finishPlan,
  formBatch,
  issueReservations,
  leaseBatch,
  moveMigration,
  openLedger,
  storeBlueprint,
  type Ledger,
  type LeasedBatch,
  type StepChange,
  type WorkItem,
} from '#libs/ledger';
import { createTestDatabase } from '#libs/testing';
import { steps as stepTable, type DesiredAccount, type MigrationId, type StepName } from '#libs/vocabulary';

export interface TestLedger {
  readonly ledger: Ledger;
  close(): Promise<void>;
}

export async function openTestLedger(): Promise<TestLedger> {
  const database = await createTestDatabase();
  const ledger = openLedger(database.url, { poolSize: 8 });
  return {
    ledger,
    close: async () => {
      await ledger.close();
      await database.drop();
    },
  };
}

export interface TestPerson {
  readonly number: string;
  readonly steps: readonly StepName[];
  readonly action?: string;
  readonly reason?: string;
  readonly wave?: number;
  readonly address?: string;
  readonly desired?: Partial<DesiredAccount>;
}

export function desiredOf(number: string, changes: Partial<DesiredAccount> = {}): DesiredAccount {
  return {
    primaryEmail: `p${number}@shop.example`,
    name: { givenName: 'P', familyName: number },
    orgUnitPath: '/',
    suspended: false,
    employeeNumber: number,
    organization: {},
    phones: [],
    aliases: [],
    groups: [],
    licence: { assignment: 'none', productId: '', skuId: '' },
    password: 'sso',
    gmail: {},
    calendar: {},
    ...changes,
  };
}

/** A migration with a ready plan of these people, not started yet. */
export async function planned(
  { db, pool }: Ledger,
  people: readonly TestPerson[],
  handoverKey: string | null = null,
): Promise<{ id: MigrationId; planId: string }> {
  const blueprint = await storeBlueprint(db, { name: 'b', document: 'b', sha256: new Uint8Array(32), actor: 'test' });
  const id = await createMigration(db, {
    name: 'test',
    blueprintId: blueprint.id,
    blueprintVersion: blueprint.version,
    selection: { kind: 'everyone' },
    failureBudget: failureBudgetSchema.parse({}),
    handoverKey,
    actor: 'test',
  });
  const planId = await createPlan(db, { migrationId: id, blueprintVersion: blueprint.version, actor: 'test' });
  for (const { number, steps, action = 'create', reason = null, wave = 1, address, desired } of people) {
    await pool.query(
      `with person as (
         insert into employee (source, employee_number, version, fingerprint, status, country, effective_at, last_delivery)
         values ('hr', $1, 1, '', 'active', 'FR', now(), 1)
         on conflict (source, employee_number) do update set status = 'active' returning id
       ), version as (
         insert into employee_version (employee_id, version, record) select id, 1, '{}' from person on conflict do nothing
       )
       insert into plan_item (plan_id, employee_id, employee_version, wave, action, reason, address, steps, desired)
       select $2, id, 1, $3, $4, $5, $6, $7, $8 from person`,
      [
        number,
        planId,
        wave,
        action,
        reason,
        address ?? `p${number}@shop.example`,
        steps,
        JSON.stringify(desiredOf(number, desired)),
      ],
    );
  }
  await finishPlan(db, planId, { state: 'ready', summary: {}, needsAcceptance: [], sha256: new Uint8Array(32) });
  return { id, planId };
}

export async function start({ db }: Ledger, { id, planId }: { id: MigrationId; planId: string }): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await moveMigration(tx, { id, from: ['planned'], to: 'running', cause: null, actor: 'test' });
    await issueReservations(tx, planId);
    await enrol(tx, id, planId, 1);
  });
}

/** A running migration of these people. */
export async function running(ledger: Ledger, people: readonly TestPerson[]): Promise<MigrationId> {
  const made = await planned(ledger, people);
  await start(ledger, made);
  return made.id;
}

export const worker = {
  name: 'test',
  slot: 1,
  timeScale: 1,
  leaseMs: 60_000,
  callTimeoutMs: 1_000,
  drawPasswords: async () => [],
};

export const form = (ledger: Ledger, migrationId: MigrationId, step: StepName, sizeMax = 100) =>
  formBatch(ledger.db, { migrationId, step, lane: stepTable[step].lane, sizeMax, due: ['direct', 'listed'] });

/** Forms a batch of one kind of step and leases it. */
export async function take(ledger: Ledger, id: MigrationId, step: StepName, sizeMax = 100): Promise<LeasedBatch> {
  const hint = await form(ledger, id, step, sizeMax);
  const batch = hint === undefined ? undefined : await leaseBatch(ledger, hint.batchId, worker);
  if (batch === undefined) throw new Error(`no batch of ${step} can be had`);
  return batch;
}

export const change = (item: Pick<WorkItem, 'enrolmentId' | 'step'>, changes: Partial<StepChange>): StepChange => ({
  enrolmentId: item.enrolmentId,
  step: item.step,
  state: 'done',
  reason: null,
  dueInMs: 0,
  deadlineInMs: null,
  usesAttempt: false,
  inDoubt: false,
  facts: null,
  ...changes,
});

/** Everything becomes due now: what waits on Google's time waits no longer. */
export async function makeDue(ledger: Ledger): Promise<void> {
  await ledger.pool.query('update step set due_at = now() where ready');
}

/** The counters, and the same counted from the rows: they must be equal at every moment. */
export async function countedTwice({ pool }: Ledger, id: MigrationId): Promise<{ kept: unknown; recount: unknown }> {
  const kept = await pool.query(
    `select wave, step, state, reason, sum(count)::int as count from progress_counter where migration_id = $1
     group by 1, 2, 3, 4 having sum(count) <> 0 order by 1, 2, 3, 4`,
    [id],
  );
  const recount = await pool.query(
    `select wave, '' as step, state, coalesce(reason, '') as reason, count(*)::int as count
     from enrolment where migration_id = $1 group by 1, 3, 4
     union all
     select wave, step, state, coalesce(reason, ''), count(*)::int from step where migration_id = $1 group by 1, 2, 3, 4
     union all
     select enrolment.wave, name, 'skipped', 'not_needed', count(*)::int
     from enrolment cross join unnest($2::text[]) as name
     where migration_id = $1
       and not exists (select from step where step.enrolment_id = enrolment.id and step.step = name)
     group by 1, 2 order by 1, 2, 3, 4`,
    [id, Object.keys(stepTable)],
  );
  return { kept: kept.rows, recount: recount.rows };
}
