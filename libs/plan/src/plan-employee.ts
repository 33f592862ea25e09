import {
  markOf,
  type DesiredAccount,
  type EmployeeRecord,
  type FailureReason,
  type FieldChange,
  type Licence,
  type ObservedAccount,
  type PlannedEmployee,
  type StepName,
} from '#libs/vocabulary';
import { accountDifferences, missingAliases, missingGroups } from './differences.js';
import { settingStepsNeeded, type AccountOrigin, type SettingsFingerprint } from './settings.js';
import { inStepOrder } from './step-graph.js';

/** How the observed account was found. `ledger`: by the Google id that the ledger keeps of this employee. */
export type MatchedBy = 'mark' | 'list' | 'number' | 'address' | 'ledger';

/** What Google or the ledger answered about licences of the blueprint's product: `null` when the account holds none. */
export type ObservedLicence = Pick<Licence, 'productId' | 'skuId'> | null;

export interface PlanInput {
  readonly desired: DesiredAccount;
  /** The employee's UUID, also our mark. */
  readonly employeeId: string;
  /** Absent when no account was found for this employee. */
  readonly observed?: ObservedAccount | undefined;
  readonly matchedBy?: MatchedBy | undefined;
  /** How the ledger knows the account; absent when it does not know it yet. */
  readonly origin?: AccountOrigin | undefined;
  /** Groups (addresses) of which the account is a direct member. Absent: not listed, so nothing is known to be missing. */
  readonly observedGroups?: ReadonlySet<string> | undefined;
  /** Groups (lower case) of which we made the account a member; absent: none is to be left. */
  readonly groupsMade?: readonly string[] | undefined;
  /** Absent: not listed. */
  readonly observedLicence?: ObservedLicence | undefined;
  /** What the ledger keeps of confirmed gmail and calendar steps of this account. */
  readonly confirmedSettings?: SettingsFingerprint | undefined;
  /** An admin named this very account in an adoption list: admins' accounts and unmarked ones may then be taken. */
  readonly namedByAdmin?: boolean | undefined;
  /** The employee has left (terminated, or past the last day): nothing but the suspension is planned. */
  readonly leaver?: boolean | undefined;
  /** HR's status. Without it, an adopted account that is at work is never suspended but for a leaver. */
  readonly status?: EmployeeRecord['status'] | undefined;
  /** The ledger says that the account's present suspension is our doing (a pre-hire, a leaver who came back). */
  readonly suspendedByUs?: boolean | undefined;
  /** The same of its archiving. */
  readonly archivedByUs?: boolean | undefined;
  /** An admin approved that the account's address changes to the wanted one. */
  readonly renameApproved?: boolean | undefined;
}

/**
 * What is to be done for one employee: the one rule of planning, a pure function of what HR, the blueprint, Google and
 * the ledger say. It never suspends for absence, never unsuspends what someone else suspended, and never takes an account
 * that is not proved to be this employee's.
 */
export function planEmployee(input: PlanInput): PlannedEmployee {
  const { observed } = input;
  const leaver = isLeaver(input);
  if (observed === undefined) return leaver ? skip('left') : planCreation(input.desired);
  const obstacle = obstacleTo(input, observed);
  if (obstacle !== undefined) return { ...obstacle, steps: [], changes: [] };
  return leaver ? planLeaver(input, observed) : planExisting(input, observed);
}

function isLeaver({ leaver, status }: PlanInput): boolean {
  return leaver ?? status === 'terminated';
}

function planCreation(desired: DesiredAccount): PlannedEmployee {
  const steps = new Set<StepName>(['account', 'confirm']);
  const settings = settingStepsNeeded(desired, 'created');
  if (desired.aliases.length > 0) steps.add('aliases');
  if (desired.groups.length > 0) steps.add('groups');
  if (desired.licence.assignment !== 'none') steps.add('licence').add('mailbox');
  if (settings.gmail) steps.add('mailbox').add('gmail');
  if (settings.calendar) steps.add('calendar');
  return { action: 'create', desired, steps: inStepOrder(steps), changes: [] };
}

export type Obstacle = Pick<PlannedEmployee, 'action' | 'reason' | 'desired'>;

/**
 * Why nothing may be done to this account for this employee, if so: a conflict, or an account that is left alone. A run
 * asks again of what it reads before its first write. Pure.
 */
export function obstacleTo(input: PlanInput, observed: ObservedAccount): Obstacle | undefined {
  const { desired, employeeId } = input;
  const named = input.namedByAdmin === true;
  const conflict = (reason: FailureReason): Obstacle => ({ action: 'conflict', reason, desired });

  const mark = markOf(observed);
  if (mark !== undefined && mark !== employeeId) return conflict('account_claimed_twice');
  if ((observed.isAdmin || observed.isDelegatedAdmin) && !named) return { action: 'skip', reason: 'google_admin' };
  const known = mark === employeeId || input.origin !== undefined || named;
  if (!known && (input.matchedBy === 'address' || input.matchedBy === undefined)) return conflict('maybe_same_person');
  if (isLeaver(input)) return undefined;

  const ours = input.suspendedByUs === true && (observed.suspensionReason ?? 'ADMIN') === 'ADMIN';
  const archivedByAnother = observed.archived && input.archivedByUs !== true;
  if (!desired.suspended && (archivedByAnother || (observed.suspended && !ours))) {
    return conflict('suspended_by_another');
  }
  const sameAddress = observed.primaryEmail.toLowerCase() === desired.primaryEmail.toLowerCase();
  if (!sameAddress && input.renameApproved !== true) return conflict('rename_needed');
  return undefined;
}

function planLeaver(input: PlanInput, observed: ObservedAccount): PlannedEmployee {
  const desired = { ...input.desired, suspended: true };
  const changes = leaverDifferences(desired, observed, input.employeeId);
  if (changes.length === 0) return { action: 'nothing', desired, steps: [], changes };
  return { action: 'suspend', desired, steps: ['account', 'confirm'], changes };
}

/**
 * Of someone who has left only what bars the account is looked at: the suspension (an archived account is barred already)
 * and, where the blueprint says so, the org unit for leavers and the archiving.
 */
export function leaverDifferences(desired: DesiredAccount, observed: ObservedAccount, mark: string): FieldChange[] {
  const { leaving } = desired;
  return accountDifferences(desired, observed, { mark }).filter(
    ({ field }) =>
      (field === 'suspended' && !observed.archived) ||
      (field === 'orgUnitPath' && leaving?.orgUnit !== undefined) ||
      (field === 'archived' && leaving?.archive === true),
  );
}

function planExisting(input: PlanInput, observed: ObservedAccount): PlannedEmployee {
  const origin = input.origin ?? 'adopted';
  const adopting = input.origin === undefined;
  const toLeave = groupsToLeave(input);
  const desired: DesiredAccount = {
    ...input.desired,
    suspended: input.desired.suspended && maySuspend(input, observed),
    ...(toLeave.length > 0 && { groupsToLeave: toLeave }),
  };

  const changes = accountDifferences(desired, observed, { mark: input.employeeId });
  const steps = new Set<StepName>();
  if (adopting || changes.length > 0) steps.add('account');
  const aliases = missingAliases(desired, observed);
  if (aliases.length > 0) {
    steps.add('aliases');
    changes.push(listChange('aliases', aliases));
  }
  const groups = groupsToJoin(desired, input.observedGroups, adopting);
  if (groups.length > 0) {
    steps.add('groups');
    changes.push(listChange('groups', groups));
  }
  if (desired.groupsToLeave !== undefined) {
    steps.add('groups');
    changes.push({ field: 'groups', from: desired.groupsToLeave, to: null });
  }
  const licence = licenceChange(desired.licence, input.observedLicence);
  if (licence !== undefined) {
    steps.add('licence');
    changes.push(licence);
  } else if (adopting && input.observedLicence === undefined && desired.licence.assignment !== 'none') {
    steps.add('licence');
  }
  const settings = settingStepsNeeded(desired, origin, input.confirmedSettings);
  if (settings.gmail) steps.add('gmail');
  if (settings.gmail || (steps.has('licence') && !observed.isMailboxSetup)) steps.add('mailbox');
  if (settings.calendar) steps.add('calendar');

  if (steps.size === 0) return { action: 'nothing', desired, steps: [], changes: [] };
  steps.add('confirm');
  const onlySuspends = changes.length === 1 && changes[0]?.field === 'suspended' && desired.suspended;
  const action = adopting ? 'adopt' : onlySuspends ? 'suspend' : 'update';
  return { action, desired, steps: inStepOrder(steps), changes };
}

/** A pre-hire of HR's may be at work here already: then only an account of our own making is suspended again. */
function maySuspend({ origin, status }: PlanInput, observed: ObservedAccount): boolean {
  return observed.suspended || origin === 'created' || (status !== undefined && status !== 'prehire');
}

/** Of the memberships that we made, those that the account still has and the blueprint no longer gives it. */
function groupsToLeave({ desired, observedGroups, groupsMade = [] }: PlanInput): string[] {
  const wanted = new Set(desired.groups.map((group) => group.toLowerCase()));
  const held = new Set([...(observedGroups ?? [])].map((group) => group.toLowerCase()));
  return groupsMade.filter((group) => held.has(group) && !wanted.has(group));
}

function listChange(field: string, added: readonly string[]): FieldChange {
  return { field, from: null, to: added };
}

function groupsToJoin(
  desired: DesiredAccount,
  memberOf: ReadonlySet<string> | undefined,
  adopting: boolean,
): readonly string[] {
  if (memberOf !== undefined) return missingGroups(desired, memberOf);
  return adopting ? desired.groups : [];
}

function licenceChange(wanted: Licence, observed: ObservedLicence | undefined): FieldChange | undefined {
  if (wanted.assignment === 'none' || observed === undefined) return undefined;
  if (observed !== null && observed.productId === wanted.productId && observed.skuId === wanted.skuId) return undefined;
  return { field: 'licence', from: observed?.skuId ?? null, to: wanted.skuId };
}

function skip(reason: FailureReason): PlannedEmployee {
  return { action: 'skip', reason, steps: [], changes: [] };
}
