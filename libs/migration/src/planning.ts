import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import {
  blockedAddresses,
  evaluate,
  hasLeft,
  isHiredLater,
  parseBlueprint,
  selectsEmployee,
  wantedAddress,
  wishAddress,
  type Blueprint,
} from '#libs/blueprint';
import type { CallContext, Workspace } from '#libs/google';
import {
  createPlan,
  keepPlanAlive,
  finishPlan,
  PlanningDesk,
  readBlueprintVersion,
  readMigration,
  releaseListing,
  storeSharedActions,
  type EmployeeToPlan,
  type Ledger,
  type MigrationRow,
  type PlanItemRow,
  type Selection,
  type StoredWish,
} from '#libs/ledger';
import { planEmployee, PlanTally } from '#libs/plan';
import { forecast, type QuotaDocument } from '#libs/quota';
import type {
  DesiredAccount,
  EmployeeRecord,
  FailureReason,
  FieldChange,
  MigrationId,
  PlannedEmployee,
  StepName,
} from '#libs/vocabulary';
import { CallTally } from './call-tally.js';
import { lagWindowMs } from './lag.js';
import { LifecycleError } from './lifecycle.js';
import { ListingRefusedError, observeDirectory, type Observation } from './observing.js';
import { isWorthLookingUp, lookUpAddresses, observeMembers } from './observing-members.js';
import { planShared } from './shared-actions.js';

export interface PlanningOptions {
  readonly ledger: Ledger;
  readonly workspace: Workspace;
  readonly quotas: QuotaDocument;
  readonly adminSubjects: number;
  readonly timeScale: number;
  readonly actor: string;
  /** The day (`YYYY-MM-DD`) for which an employee's account is wanted: today at the place of work. */
  dayOf(record: EmployeeRecord): string;
}

/**
 * Plans a migration: reads Google, decides for everybody, stores the actions, states the price. Nothing is written to
 * Google. A plan that cannot be trusted is stored as refused with its cause. Resolves with the plan's id once it is
 * opened; `finished` resolves when it stands or is refused.
 */
export async function planMigration(
  options: PlanningOptions,
  migrationId: MigrationId,
): Promise<{ planId: string; finished: Promise<void> }> {
  const { ledger } = options;
  const migration = await readMigration(ledger.db, migrationId);
  if (migration === undefined) throw new LifecycleError('migration_not_found', 'there is no migration with this id');
  if (!['draft', 'planned', 'approved'].includes(migration.state)) {
    throw new LifecycleError('wrong_state', `a ${migration.state} migration cannot be planned`);
  }
  const blueprint = await blueprintOf(ledger, migration);
  if (blueprint.settings.password === 'handover' && migration.handoverKey === null) {
    throw new LifecycleError(
      'plan_not_ready',
      'the blueprint hands first passwords over, but the migration names no public key to seal them to; create it anew with one',
    );
  }
  const planId = await createPlan(ledger.db, {
    migrationId,
    blueprintVersion: migration.blueprintVersion,
    actor: options.actor,
  });
  return { planId, finished: computeOrRefuse(options, migration, blueprint, planId) };
}

const aliveMs = 5_000;

async function computeOrRefuse(
  options: PlanningOptions,
  migration: MigrationRow,
  blueprint: Blueprint,
  planId: string,
): Promise<void> {
  const { db } = options.ledger;
  // A beat that fails is made up for by the next; what is wrong with the ledger shows in the planning itself.
  const beat = setInterval(() => void keepPlanAlive(db, planId).catch(() => undefined), aliveMs);
  try {
    await compute(options, migration, blueprint, planId);
  } catch (error) {
    const cause =
      error instanceof ListingRefusedError ? error.message : 'planning broke off: see the log, then plan again';
    await finishPlan(db, planId, { state: 'refused', cause });
    if (!(error instanceof ListingRefusedError)) throw error;
  } finally {
    clearInterval(beat);
  }
}

async function blueprintOf(ledger: Ledger, migration: MigrationRow): Promise<Blueprint> {
  const document = await readBlueprintVersion(ledger.db, migration.blueprintId, migration.blueprintVersion);
  const parsed = parseBlueprint(document);
  // It was checked when it was stored; a newer version may be stricter.
  if (!('blueprint' in parsed)) {
    const [first] = parsed.problems;
    throw new LifecycleError('plan_not_ready', `the blueprint no longer passes: ${first?.path} ${first?.message}`);
  }
  return parsed.blueprint;
}

const blueprintsKept = 20;

/** Reads the blueprint version of a migration, which never changes, and keeps it compiled. */
export function blueprintReader(ledger: Ledger): (migrationId: MigrationId) => Promise<Blueprint> {
  const kept = new Map<MigrationId, Promise<Blueprint>>();
  const read = async (id: MigrationId) => {
    const migration = await readMigration(ledger.db, id);
    if (migration === undefined) throw new LifecycleError('migration_not_found', 'there is no migration with this id');
    return blueprintOf(ledger, migration);
  };
  return (id) => {
    const present = kept.get(id);
    if (present !== undefined) return present;
    const blueprint = read(id);
    // A failed reading is not kept.
    blueprint.catch(() => kept.delete(id));
    kept.set(id, blueprint);
    for (const oldest of kept.keys()) if (kept.size > blueprintsKept) kept.delete(oldest);
    return blueprint;
  };
}

async function compute(
  options: PlanningOptions,
  migration: MigrationRow,
  blueprint: Blueprint,
  planId: string,
): Promise<void> {
  const { ledger, workspace } = options;
  const call: CallContext = { employeeScopes: blueprint.scopesNeeded.employee };
  const roundId = migration.selection.kind === 'round' ? migration.id : null;
  const lookedUp = roundId !== null && (await isWorthLookingUp(ledger, roundId)) ? roundId : null;
  const observation =
    lookedUp !== null
      ? await observeMembers(ledger, workspace, { call, roundId: lookedUp, planId })
      : await observeDirectory(ledger, workspace, {
          call,
          lagMs: lagWindowMs / options.timeScale,
          memberGroups: blueprint.declared.groups.map(({ email }) => email),
          planId,
        });
  const shared = await planShared(workspace, call, blueprint, observation);
  await storeSharedActions(ledger.db, planId, shared);
  const { listingId } = observation;
  const desk = await PlanningDesk.open(ledger, planId, { listingId, roundId });
  try {
    await desk.storeWishes(wishes(desk, blueprint, migration.selection, options));
    await desk.matchAccounts(lagWindowMs / options.timeScale);
    const rules = {
      blocked: blockedAddresses(blueprint),
      verifiedDomains: observation.verifiedDomains,
      reuseAfter: blueprint.settings.address.reuseAfter,
    };
    const lookUp = (addresses: readonly string[]) => lookUpAddresses(ledger, workspace, { call, listingId, addresses });
    await desk.allocateAddresses(rules, lookedUp === null ? undefined : lookUp);
    const result = new PlanResult();
    await desk.storeItems(items(options, desk, blueprint, observation, result, roundId !== null));
    await desk.reserve();
    await finishPlan(ledger.db, planId, {
      state: 'ready',
      summary: summaryOf(options, blueprint, observation, result, shared),
      needsAcceptance: observation.unknowns,
      sha256: result.hash.digest(),
    });
  } finally {
    desk.close();
    await releaseListing(ledger.db, observation.listingId);
  }
}

async function* wishes(
  desk: PlanningDesk,
  blueprint: Blueprint,
  selection: Selection,
  { dayOf }: Pick<PlanningOptions, 'dayOf'>,
): AsyncGenerator<StoredWish> {
  const selects = selector(selection);
  for await (const { employeeId, source, record, isMember } of desk.employeesToWish()) {
    const { employeeNumber } = record;
    const today = dayOf(record);
    const wave = isMember && selects(record, today) ? 1 : null;
    const wanted = wantedAddress(blueprint, record, today);
    // A manager of a round's members is named with the address that there is; a new one comes with a round of their own.
    const wish = isMember ? wanted : { ...wanted, localParts: [], problem: null };
    yield { employeeId, source, employeeNumber, wave, ...wish };
  }
}

/** Whether a record is one of those whom the selection means. */
export function selector(selection: Selection): (record: EmployeeRecord, today: string) => boolean {
  switch (selection.kind) {
    case 'everyone':
    case 'round':
      return () => true;
    case 'list': {
      const numbers = new Set(selection.employeeNumbers);
      return ({ employeeNumber }) => numbers.has(employeeNumber);
    }
    case 'condition':
      return selectsEmployee(selection.condition);
  }
}

/** What is gathered while the employees stream by. */
class PlanResult {
  readonly tally = new PlanTally();
  readonly calls = new CallTally();
  readonly hash = createHash('sha256');
}

async function* items(
  options: PlanningOptions,
  desk: PlanningDesk,
  blueprint: Blueprint,
  observation: Observation,
  result: PlanResult,
  isRound: boolean,
): AsyncGenerator<PlanItemRow> {
  const existing = { orgUnits: observation.orgUnits, groups: observation.groups };
  for await (const employee of desk.employeesToPlan(lagWindowMs / options.timeScale)) {
    const planned = planRound(isRound, planOne(blueprint, employee, existing, options.dayOf(employee.record)));
    result.tally.add(planned);
    result.calls.add(planned);
    const row: PlanItemRow = {
      employeeId: employee.employeeId,
      employeeVersion: employee.version,
      wave: employee.wave,
      action: planned.action,
      reason: planned.reason ?? null,
      googleId: employee.googleId,
      matchedBy: employee.matchedBy,
      address: planned.action === 'conflict' || planned.action === 'skip' ? null : employee.address,
      steps: planned.steps,
      changes: planned.changes,
      desired: planned.desired ?? null,
    };
    result.hash.update(JSON.stringify(row));
    yield row;
  }
}

const untilActive: readonly StepName[] = ['mailbox', 'gmail', 'calendar'];

/**
 * What waits until somebody works is left to the round of their first day: a round does not stay open for weeks. What was
 * never written then is found to be missing.
 */
function planRound(isRound: boolean, planned: PlannedEmployee): PlannedEmployee {
  if (!isRound || planned.desired?.suspended !== true) return planned;
  return { ...planned, steps: planned.steps.filter((step) => !untilActive.includes(step)) };
}

const conflict = (reason: FailureReason): PlannedEmployee => ({ action: 'conflict', reason, steps: [], changes: [] });

/** What is planned for one employee. Pure. */
export function planOne(
  blueprint: Blueprint,
  employee: EmployeeToPlan,
  existing: { orgUnits: ReadonlySet<string>; groups: ReadonlySet<string> },
  today: string,
): PlannedEmployee {
  const { record, address, problem } = employee;
  const leaver = hasLeft(record, today);
  // What was written just now need not be listed yet.
  const isMissing = employee.observed === null && !employee.writtenLately;
  if (leaver && isMissing) return { action: 'skip', reason: 'left', steps: [], changes: [] };
  if (isMissing && isHiredLater(record, today, blueprint.settings.employment)) {
    return { action: 'skip', reason: 'hired_later', steps: [], changes: [] };
  }
  if (isPerhapsAnothers(employee)) return conflict(employee.matchProblem);
  if (problem !== null && !leaver) return conflict(problem);
  const wanted = address ?? employee.observed?.primaryEmail;
  if (wanted === undefined) return conflict('name_not_romanised');
  const evaluation = evaluate(blueprint, {
    record,
    address: wanted,
    aliases: aliasesOf(employee, wishAddress(blueprint, record, today).aliases),
    managerAddress: employee.managerAddress ?? undefined,
    today,
    terminatedOn: employee.terminatedOn ?? undefined,
    existing,
  });
  if ('reason' in evaluation) return conflict(evaluation.reason);
  // The days of grace are not over: the account stays as it is, whatever the record says of it.
  if (leaver && !evaluation.account.suspended) return { action: 'nothing', steps: [], changes: [] };
  const planned = planFresh(employee, evaluation.account, leaver) ?? planMatched(employee, evaluation.account, leaver);
  return leaver ? planned : withAliasesLeftOut(planned, employee.aliasesLeftOut);
}

/** A leaver's name or address may be in the way of nothing any more, but what is suspended must be their own account. */
const isPerhapsAnothers = (
  employee: EmployeeToPlan,
): employee is EmployeeToPlan & { readonly matchProblem: FailureReason } =>
  employee.matchProblem !== null && (employee.matchedBy === 'number' || employee.matchedBy === 'list');

const aliasesOf = ({ aliasesLeftOut, formerAddresses }: EmployeeToPlan, wanted: readonly string[]) => [
  ...wanted.filter((alias) => !aliasesLeftOut.includes(alias)),
  ...formerAddresses,
];

/** A former address that somebody else has costs nobody their account; the plan tells it. */
function withAliasesLeftOut(planned: PlannedEmployee, leftOut: readonly string[]): PlannedEmployee {
  if (leftOut.length === 0 || planned.action === 'conflict' || planned.action === 'skip') return planned;
  return { ...planned, changes: [...planned.changes, { field: 'aliasesLeftOut', from: leftOut, to: null }] };
}

/** Written just now: the listing may not show it yet, or show what was there before. The ledger knows what was written. */
function planFresh(employee: EmployeeToPlan, desired: DesiredAccount, leaver: boolean): PlannedEmployee | undefined {
  const { freshlyWritten, writtenLately, observed } = employee;
  if (!writtenLately) return undefined;
  if (freshlyWritten !== null) {
    const { groupsToLeave: _left, ...written } = freshlyWritten;
    if (isDeepStrictEqual(written, desired)) return { action: 'nothing', desired, steps: [], changes: [] };
  }
  return observed === null ? planAll(employee, desired, leaver) : undefined;
}

function planMatched(employee: EmployeeToPlan, desired: DesiredAccount, leaver: boolean): PlannedEmployee {
  const { record } = employee;
  const planned = planEmployee({
    desired,
    employeeId: employee.employeeId,
    observed: employee.observed ?? undefined,
    matchedBy: matchedBy(employee.matchedBy),
    origin: employee.origin ?? undefined,
    // An account of ours holds the licence that we gave it last, if any.
    ...(employee.origin !== null && { observedLicence: employee.confirmedLicence }),
    observedGroups: employee.observed === null ? undefined : new Set(employee.groups),
    groupsMade: employee.groupsMade,
    confirmedSettings: {
      ...(employee.gmailHash !== null && { gmail: employee.gmailHash }),
      ...(employee.calendarHash !== null && { calendar: employee.calendarHash }),
    },
    namedByAdmin: employee.namedByAdmin,
    renameApproved: employee.addressAsked,
    leaver,
    status: record.status,
    suspendedByUs: employee.suspendedByUs,
    archivedByUs: employee.archivedByUs,
  });
  // What was written just now was another account than this one: Google shows what was there before that.
  const isStale =
    planned.action === 'nothing' && employee.writtenLately && !(leaver && wasBarred(employee.freshlyWritten, desired));
  return isStale ? planAll(employee, desired, leaver) : planned;
}

/** Of a leaver's account only the bars are written. */
const wasBarred = (written: DesiredAccount | null, { leaving }: DesiredAccount) =>
  written?.suspended === true && isDeepStrictEqual(written.leaving, leaving);

function planAll(employee: EmployeeToPlan, desired: DesiredAccount, leaver: boolean): PlannedEmployee {
  const { employeeId } = employee;
  if (!leaver)
    return {
      action: 'update',
      desired,
      steps: planEmployee({ desired, employeeId }).steps,
      changes: gravest(employee, desired),
    };
  const changes = [{ field: 'suspended', from: null, to: true }];
  return { action: 'suspend', desired, steps: ['account', 'confirm'], changes };
}

/** What the guard of a round counts must be told though Google’s listing is too old to compare with. */
function gravest({ freshlyWritten, confirmedLicence }: EmployeeToPlan, { suspended, licence }: DesiredAccount) {
  const changes: FieldChange[] = [];
  if (suspended && freshlyWritten?.suspended !== true) {
    changes.push({ field: 'suspended', from: freshlyWritten?.suspended ?? null, to: true });
  }
  const holds = confirmedLicence?.productId === licence.productId && confirmedLicence.skuId === licence.skuId;
  if (licence.assignment !== 'none' && !holds) {
    changes.push({ field: 'licence', from: confirmedLicence?.skuId ?? null, to: licence.skuId });
  }
  return changes;
}

function matchedBy(word: string | null) {
  switch (word) {
    case 'mark':
    case 'ledger':
    case 'list':
    case 'number':
      return word;
    default:
      return undefined;
  }
}

/** What an admin should know of a plan beside its numbers. */
function warningsOf({ settings }: Blueprint, { actions }: { actions: Readonly<Record<string, number>> }): string[] {
  const { orgUnit, licence } = settings.leavers;
  const leavers = actions['suspend'] ?? 0;
  if (leavers === 0 || (orgUnit === undefined && licence === 'keep')) return [];
  const how =
    licence === 'archive' ? 'archived, which takes Archived User licences' : 'moved to the org unit for leavers';
  return [
    `${leavers} accounts of leavers are ${how}: mail and files of an account that loses its licence are deleted by Google ` +
      'after a time, so transfer or export what must be kept first',
  ];
}

function summaryOf(
  options: PlanningOptions,
  blueprint: Blueprint,
  observation: Observation,
  result: PlanResult,
  shared: Awaited<ReturnType<typeof planShared>>,
) {
  const summary = result.tally.summary();
  const calls = result.calls.total(observation.accounts + summary.actions.create, blueprint.declared.groups.length);
  return {
    ...summary,
    accountsAtGoogle: observation.accounts,
    seatsNeeded: summary.actions.create,
    shared: {
      create: shared.filter(({ action }) => action === 'create').map(({ kind, key }) => ({ kind, key })),
      present: shared.filter(({ action }) => action === 'nothing').length,
    },
    warnings: warningsOf(blueprint, summary),
    price: forecast(options.quotas, calls, {
      adminSubjects: options.adminSubjects,
      createsPerDomain: result.calls.createsPerDomain(),
    }),
    unknowns: observation.unknowns,
  };
}
