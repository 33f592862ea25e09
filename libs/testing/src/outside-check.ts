import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { z } from 'zod';
import { stepStates, employeeStates, type DesiredAccount } from '#libs/vocabulary';
import type { TestAdmin, TestPlanItem, TestProgress } from './admin.js';
import type { TestDeployment } from './deployment.js';
import type { HeldAccount, TestSimulator } from './simulator.js';

/**
 * What an outside checker finds wrong after a run, asked of Google and of the tables rather than of those who did the work:
 * nobody lost, nobody twice, everybody who is done exactly as desired, and the progress document equal to a recount.
 * Nothing wrong is an empty list.
 */
export async function findFaults(run: {
  admin: TestAdmin;
  simulator: TestSimulator;
  bascule: Pick<TestDeployment, 'databaseUrl'>;
  migrationId: string;
}): Promise<string[]> {
  const { admin, migrationId } = run;
  const accounts = await run.simulator.accounts();
  const progress = await admin.progress(migrationId);
  const report = new Map((await admin.report(migrationId)).map((row) => [row.employeeNumber, row]));
  const items = await admin.planItems(migrationId);
  const faults = [...progressFaults(progress), ...markFaults(accounts)];
  if (items.length !== progress.employees.total) {
    faults.push(`${items.length} employees are planned, ${progress.employees.total} are counted`);
  }
  const byAddress = new Map(accounts.map((account) => [account.primaryEmail, account]));
  for (const item of items) {
    const state = report.get(item.employeeNumber)?.state;
    if (state === undefined) faults.push(`${item.employeeNumber} is lost`);
    if (state !== 'done' || item.desired === null) continue;
    const differences = accountFaults(item, item.desired, byAddress.get(item.desired.primaryEmail));
    if (differences.length > 0) faults.push(`${item.employeeNumber} is done but differs in ${differences.join(', ')}`);
  }
  return [...faults, ...(await recountFaults(run.bascule.databaseUrl, migrationId))];
}

/** Sums that must hold in every progress document, at every moment. */
export function progressFaults({ employees, steps, waves }: TestProgress): string[] {
  const faults: string[] = [];
  const check = (what: string, counts: Readonly<Record<string, unknown>>, states: readonly string[], total: number) => {
    const sum = states.reduce((all, state) => all + Number(counts[state] ?? 0), 0);
    if (sum !== total) faults.push(`${what} add up to ${sum}, not ${total}`);
    for (const state of states) if (Number(counts[state]) < 0) faults.push(`${what} count ${state} below nothing`);
  };
  check('employees', employees, employeeStates, employees.total);
  for (const step of steps) check(`the step ${step.step}`, step, stepStates, employees.total);
  let inWaves = 0;
  for (const wave of waves) {
    check(`wave ${wave.wave}`, wave, employeeStates, wave.total);
    inWaves += wave.total;
  }
  if (waves.length > 0 && inWaves !== employees.total) faults.push(`waves hold ${inWaves} of ${employees.total}`);
  return faults;
}

/** Google's accounts that carry the same employee's mark. */
function markFaults(accounts: readonly HeldAccount[]): string[] {
  const seen = new Set<string>();
  const faults: string[] = [];
  for (const { externalIds } of accounts) {
    for (const { customType, value } of externalIds) {
      if (customType !== 'bascule') continue;
      if (seen.has(value)) faults.push(`the employee ${value} has two accounts`);
      seen.add(value);
    }
  }
  return faults;
}

/** What an account lacks of what the blueprint says, in words without personal data. */
function accountFaults(item: TestPlanItem, desired: DesiredAccount, account: HeldAccount | undefined): string[] {
  if (account === undefined) return ['existence'];
  const ids = account.externalIds;
  const holds: Readonly<Record<string, boolean>> = {
    mark: ids.some(({ customType, value }) => customType === 'bascule' && value === item.employeeId),
    number: ids.some(({ type, value }) => type === 'organization' && value === item.employeeNumber),
    orgUnit: account.orgUnitPath === desired.orgUnitPath,
    suspended: account.suspended === desired.suspended,
    name: account.name.familyName === desired.name.familyName && account.name.givenName === desired.name.givenName,
    aliases: desired.aliases.every((alias) => account.aliases.includes(alias)),
    groups: desired.groups.every((group) => account.groups.includes(group)),
    licence:
      desired.licence.assignment === 'none' ||
      account.licence === `${desired.licence.productId}/${desired.licence.skuId}`,
    manager:
      desired.managerEmail === undefined ||
      account.relations.some(({ type, value }) => type === 'manager' && value === desired.managerEmail),
    mailbox: account.isMailboxSetup || desired.licence.assignment === 'none',
    ...settingsHold(item.action, desired, account),
  };
  return Object.entries(holds)
    .filter(([, right]) => !right)
    .map(([what]) => what);
}

/** `once` settings are written to accounts that we create, and are the person's own on any other. */
function settingsHold(action: string, { gmail, calendar }: DesiredAccount, held: HeldAccount): Record<string, boolean> {
  const holds = <Value>(
    setting: { readonly mode: string; readonly value: Value } | undefined,
    is: (value: Value) => boolean,
  ) => setting === undefined || (setting.mode === 'once' && action !== 'create') || is(setting.value);
  return {
    signature: holds(gmail.signature, () => (held.gmail.signature ?? '') !== ''),
    language: holds(gmail.language, () => held.gmail.language !== undefined),
    imap: holds(gmail.imap, ({ enabled }) => held.gmail.imap === enabled),
    pop: holds(gmail.pop, ({ accessWindow }) => held.gmail.pop === accessWindow),
    timeZone: holds(calendar.timeZone, (zone) => held.calendar.timeZone === zone),
    // A subscription that was made twice would be one too many.
    subscriptions: holds(calendar.subscriptions, ({ length }) => held.calendar.subscriptions.length === length),
    sharing: holds(calendar.sharing, (rules) =>
      rules.every((wanted) =>
        held.calendar.acl.some(({ role, scope }) => role === wanted.role && isDeepStrictEqual(scope, wanted.scope)),
      ),
    ),
  };
}

const countSchema = z.object({
  wave: z.number(),
  step: z.string(),
  state: z.string(),
  reason: z.string(),
  count: z.coerce.number(),
});

/** Where the counters differ from a recount of the enrolments and steps themselves. */
async function recountFaults(databaseUrl: string, migrationId: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('begin transaction isolation level repeatable read read only');
    const counted = await countsIn(client, countersSql, migrationId);
    const recounted = await countsIn(client, recountSql, migrationId);
    const keys = new Set([...counted.keys(), ...recounted.keys()]);
    return [...keys]
      .filter((key) => (counted.get(key) ?? 0) !== (recounted.get(key) ?? 0))
      .map((key) => `counted as ${key}: ${counted.get(key) ?? 0}, recounted ${recounted.get(key) ?? 0}`);
  } finally {
    await client.end();
  }
}

async function countsIn(client: pg.Client, text: string, migrationId: string): Promise<Map<string, number>> {
  const { rows } = await client.query(text, [migrationId]);
  return new Map(
    rows.map((row) => {
      const { wave, step, state, reason, count } = countSchema.parse(row);
      return [`wave ${wave} ${step} ${state} ${reason}`, count];
    }),
  );
}

const countersSql = `
  select wave, step, state, reason, sum(count) as count from progress_counter
  where migration_id = $1 group by wave, step, state, reason having sum(count) <> 0`;

const recountSql = `
  select wave, step, state, reason, count(*) as count from (
    select wave, '' as step, state, coalesce(reason, '') as reason from enrolment where migration_id = $1
    union all
    select enrolment.wave, kind.name, coalesce(step.state, 'skipped'),
      case when step.state is null then 'not_needed' else coalesce(step.reason, '') end
    from enrolment
    cross join (select distinct step as name from progress_counter where migration_id = $1 and step <> '') as kind
    left join step on step.enrolment_id = enrolment.id and step.step = kind.name
    where enrolment.migration_id = $1
  ) as each group by wave, step, state, reason`;
