import { dayAtWork, evaluate, hasLeft, wishAddress, type Blueprint } from '#libs/blueprint';
import type { NewerRecord, Replan, WorkItem } from '#libs/ledger';
import { planEmployee, settingsFingerprint } from '#libs/plan';
import type { DesiredAccount, FailureReason, Licence, StepName, StepOutcome } from '#libs/vocabulary';

/** What becomes of a step whose employee has a newer record than the plan pinned, or another day. */
export type NewerReview =
  /** It runs as planned: the newer record waits for this enrolment to end, or changes nothing. */
  | { readonly kind: 'run' }
  /** The last day is not over at the place of work: it runs as planned, and newer records wait from now on. */
  | { readonly kind: 'asPlanned' }
  /** It runs with this account in the place of the planned one. */
  | { readonly kind: 'replanned'; readonly replan: Replan }
  /** The first working day has come: the account is brought in line before the step runs. */
  | { readonly kind: 'begins'; readonly replan: Replan }
  | { readonly kind: 'settled'; readonly outcome: StepOutcome };

const run: NewerReview = { kind: 'run' };
const conflict: NewerReview = { kind: 'settled', outcome: { kind: 'failed', reason: 'changed_beyond_approval' } };
const left: NewerReview = { kind: 'settled', outcome: { kind: 'skipped', reason: 'left' } };

/**
 * Before the first write a leaver is skipped, also one whose last day has passed since the plan, and any other change is planned anew under the same blueprint: it runs if it
 * stays within what was approved (no other address, no suspension, no dearer licence), else it is a conflict. After the
 * first write a newer record waits, but for people who wait for their first working day: it is what they wait for. Pure.
 */
export function reviewNewer(blueprint: Blueprint, item: WorkItem, now: Date): NewerReview {
  const { newer } = item;
  if (newer === null) return run;
  const today = dayAtWork(newer.record, now);
  return newer.begun ? reviewWaiting(blueprint, item, newer, today) : reviewUnbegun(blueprint, item, newer, today);
}

function reviewUnbegun(blueprint: Blueprint, item: WorkItem, newer: NewerRecord, today: string): NewerReview {
  const leaver = hasLeft(newer.record, today);
  if (item.action === 'suspend') return leaver || stillSuspends(blueprint, newer, today) ? run : conflict;
  if (leaver) return left;
  if (newer.isAsPlanned && item.waitedFor !== 'suspended_until_start') return { kind: 'asPlanned' };
  const replanned = planAnew(blueprint, item, newer, today);
  if ('reason' in replanned) return { kind: 'settled', outcome: { kind: 'failed', reason: replanned.reason } };
  return { kind: 'replanned', replan: replanned };
}

function stillSuspends(blueprint: Blueprint, newer: NewerRecord, today: string): boolean {
  const account = accountOf(blueprint, newer, today);
  return account?.suspended === true;
}

function reviewWaiting(blueprint: Blueprint, item: WorkItem, newer: NewerRecord, today: string): NewerReview {
  if (item.waitedFor !== 'suspended_until_start') return run;
  if (hasLeft(newer.record, today)) return left;
  const replanned = planAnew(blueprint, item, newer, today);
  if ('reason' in replanned || replanned.desired.suspended) return run;
  return { kind: 'begins', replan: replanned };
}

function accountOf(blueprint: Blueprint, newer: NewerRecord, today: string): DesiredAccount | undefined {
  const { approved, record } = newer;
  const evaluation = evaluate(blueprint, {
    record,
    address: approved.primaryEmail,
    aliases: aliasesOf(blueprint, newer, today),
    managerAddress: newer.managerAddress ?? approved.managerEmail,
    today,
    // Org units and groups that the approved account uses are there or declared; any other must be declared.
    existing: {
      orgUnits: new Set([approved.orgUnitPath.toLowerCase()]),
      groups: new Set(approved.groups.map((group) => group.toLowerCase())),
    },
  });
  return 'account' in evaluation ? evaluation.account : undefined;
}

/** Those that were approved, and what the newer record adds and nobody else has: planning chose among all the others. */
function aliasesOf(blueprint: Blueprint, { approved, record, addressesTaken }: NewerRecord, today: string): string[] {
  const added = wishAddress(blueprint, record, today).aliases.filter((alias) => !addressesTaken.includes(alias));
  return [...new Set([...approved.aliases, ...added])];
}

function planAnew(
  blueprint: Blueprint,
  item: WorkItem,
  newer: NewerRecord,
  today: string,
): Replan | { reason: FailureReason } {
  const { approved, record, version } = newer;
  const evaluated = accountOf(blueprint, newer, today);
  if (evaluated === undefined) return { reason: 'changed_beyond_approval' };
  // A pre-hire who is at work here already was approved as such: planning does not suspend such an account.
  const atWork = record.status === 'prehire' && item.action !== 'create' && !approved.suspended;
  const desired = { ...evaluated, suspended: evaluated.suspended && !atWork };
  const { wish } = wishAddress(blueprint, record, today);
  const otherAddress = wish.kind === 'given' && wish.address !== approved.primaryEmail.toLowerCase();
  const suspends = desired.suspended && !approved.suspended;
  if (otherAddress || suspends || mayCostMore(desired.licence, approved.licence)) {
    return { reason: 'changed_beyond_approval' };
  }
  const planned = new Set(newer.plannedSteps);
  const addedSteps = stepsFor(item, desired, approved).filter((step) => !planned.has(step));
  return { enrolmentId: item.enrolmentId, version, desired, addedSteps, fields: changedFields(desired, approved) };
}

/** Prices are not known here: any other licence than the approved one may be dearer, none at all is not. */
function mayCostMore(wanted: Licence, approved: Licence): boolean {
  if (wanted.assignment === 'none') return false;
  return (
    wanted.assignment !== approved.assignment ||
    wanted.productId !== approved.productId ||
    wanted.skuId !== approved.skuId
  );
}

function changedFields(desired: DesiredAccount, approved: DesiredAccount): string[] {
  const before = new Map<string, unknown>(Object.entries(approved));
  return Object.entries(desired)
    .filter(([field, value]) => JSON.stringify(value) !== JSON.stringify(before.get(field)))
    .map(([field]) => field);
}

function stepsFor(item: WorkItem, desired: DesiredAccount, approved: DesiredAccount): readonly StepName[] {
  if (item.action === 'create') return planEmployee({ desired, employeeId: item.employeeId }).steps;
  const steps: StepName[] = ['account', 'confirm'];
  const adds = (wanted: readonly string[], before: readonly string[]) => wanted.some((one) => !before.includes(one));
  if (adds(desired.aliases, approved.aliases)) steps.push('aliases');
  if (adds(desired.groups, approved.groups)) steps.push('groups');
  const wanted = settingsFingerprint(desired);
  const before = settingsFingerprint(approved);
  if (wanted.gmail !== before.gmail) steps.push('mailbox', 'gmail');
  if (wanted.calendar !== before.calendar) steps.push('calendar');
  return steps;
}
