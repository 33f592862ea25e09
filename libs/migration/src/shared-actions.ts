import { z } from 'zod';
import type { Blueprint } from '#libs/blueprint';
import { GoogleCallError, type CallContext, type Workspace } from '#libs/google';
import { settleShared, sharedActions, type Ledger, type SharedAction } from '#libs/ledger';
import { failures, sharingRuleSchema, type FailureReason, type SharedActionKind } from '#libs/vocabulary';
import type { Observation } from './observing.js';
import { attemptsMax, backoffMs } from './outcome-changes.js';
import { pages } from './patiently.js';

/** An org unit, group or calendar that the plan needs: there already, or to be made once. */
export interface PlannedShared {
  readonly kind: SharedActionKind;
  readonly key: string;
  readonly desired: unknown;
  readonly action: 'create' | 'nothing';
  readonly googleId: string | null;
}

const orgUnitSchema = z.object({ path: z.string(), description: z.string().optional() });
const groupSchema = z.object({
  email: z.string(),
  name: z.string(),
  description: z.string().optional(),
  whoCanPost: z.string(),
});
const calendarSchema = z.object({
  key: z.string(),
  name: z.string(),
  description: z.string().optional(),
  timeZone: z.string(),
  owner: z.string(),
  sharing: z.array(sharingRuleSchema),
});

/** How a calendar of ours is told from others of the same name: a line of its description. */
const calendarMark = (key: string) => `bascule:${key}`;

/** Plans what the blueprint declares, parents first: by name, to be approved with the plan. */
export async function planShared(
  workspace: Workspace,
  call: CallContext,
  blueprint: Blueprint,
  observation: Observation,
): Promise<PlannedShared[]> {
  const { orgUnits, groups, calendars } = blueprint.declared;
  const planned: PlannedShared[] = orgUnits
    .toSorted((a, b) => depth(a.path) - depth(b.path))
    .map((unit) => ({
      kind: 'orgUnit',
      key: unit.path,
      desired: unit,
      action: observation.orgUnits.has(unit.path.toLowerCase()) ? 'nothing' : 'create',
      googleId: null,
    }));
  for (const group of groups) {
    const there = observation.groups.has(group.email.toLowerCase());
    planned.push({
      kind: 'group',
      key: group.email,
      desired: group,
      action: there ? 'nothing' : 'create',
      googleId: null,
    });
  }
  for (const calendar of calendars) {
    const googleId = await findCalendar(workspace, call, calendar.owner, calendar.key);
    planned.push({
      kind: 'calendar',
      key: calendar.key,
      desired: calendar,
      action: googleId === undefined ? 'create' : 'nothing',
      googleId: googleId ?? null,
    });
  }
  return planned;
}

const depth = (path: string) => path.split('/').length;

async function findCalendar(
  workspace: Workspace,
  call: CallContext,
  owner: string,
  key: string,
): Promise<string | undefined> {
  for await (const { calendars } of pages((page) => workspace.calendar.listCalendars(call, owner, page))) {
    const found = calendars.find(({ description }) => description?.includes(calendarMark(key)) === true);
    if (found !== undefined) return found.id;
  }
  return undefined;
}

/**
 * Makes what is missing, one after the other, parents first, and confirms it by reading before anybody depends on it.
 * What a try cannot settle is tried again later; what can never work pauses everything with one cause.
 */
export async function runSharedActions(
  ledger: Ledger,
  workspace: Workspace,
  run: { planId: string; call: CallContext; signal: AbortSignal; timeScale: number },
): Promise<FailureReason | undefined> {
  for (const action of await sharedActions(ledger.db, run.planId)) {
    if (action.state === 'done') continue;
    if (run.signal.aborted) return undefined;
    const end = await tryShared(workspace, run.call, action);
    if (end.kind === 'done') {
      await settleShared(ledger.db, action.id, { state: 'done', reason: null, googleId: end.googleId, dueInMs: 0 });
      continue;
    }
    const dueInMs = backoffMs(action.attempts, Math.random) / run.timeScale;
    await settleShared(ledger.db, action.id, { state: 'pending', reason: end.reason, googleId: null, dueInMs });
    const { kind } = failures[end.reason];
    if (kind === 'everyone') return end.reason;
    if (kind === 'employee' || kind === 'conflict' || action.attempts + 1 >= attemptsMax) return 'shared_action_failed';
    // Later ones may need this one: parents come first.
    return undefined;
  }
  return undefined;
}

type SharedEnd = { kind: 'done'; googleId: string | null } | { kind: 'later'; reason: FailureReason };

async function tryShared(workspace: Workspace, call: CallContext, action: SharedAction): Promise<SharedEnd> {
  try {
    switch (action.kind) {
      case 'orgUnit':
        return await ensureOrgUnit(workspace, call, orgUnitSchema.parse(action.desired));
      case 'group':
        return await ensureGroup(workspace, call, groupSchema.parse(action.desired));
      case 'calendar':
        return await ensureCalendar(workspace, call, calendarSchema.parse(action.desired));
    }
  } catch (error) {
    if (error instanceof GoogleCallError) return { kind: 'later', reason: error.reason };
    throw error;
  }
}

async function ensureOrgUnit(
  workspace: Workspace,
  call: CallContext,
  unit: z.infer<typeof orgUnitSchema>,
): Promise<SharedEnd> {
  const present = await workspace.directory.getOrgUnit(call, unit.path);
  if (present !== undefined) return { kind: 'done', googleId: present.orgUnitId };
  const slash = unit.path.lastIndexOf('/');
  await workspace.directory.insertOrgUnit(call, {
    name: unit.path.slice(slash + 1),
    parentPath: slash === 0 ? '/' : unit.path.slice(0, slash),
    ...(unit.description !== undefined && { description: unit.description }),
  });
  const made = await workspace.directory.getOrgUnit(call, unit.path);
  return made === undefined
    ? { kind: 'later', reason: 'org_unit_not_visible' }
    : { kind: 'done', googleId: made.orgUnitId };
}

async function ensureGroup(
  workspace: Workspace,
  call: CallContext,
  group: z.infer<typeof groupSchema>,
): Promise<SharedEnd> {
  let present = await workspace.directory.getGroup(call, group.email);
  if (present === undefined) {
    await workspace.directory.insertGroup(call, {
      email: group.email,
      name: group.name,
      ...(group.description !== undefined && { description: group.description }),
    });
    present = await workspace.directory.getGroup(call, group.email);
  }
  if (present === undefined) return { kind: 'later', reason: 'change_not_visible' };
  await workspace.groupsSettings.patch(call, group.email, { whoCanPostMessage: group.whoCanPost });
  return { kind: 'done', googleId: present.id };
}

async function ensureCalendar(
  workspace: Workspace,
  call: CallContext,
  calendar: z.infer<typeof calendarSchema>,
): Promise<SharedEnd> {
  const { owner } = calendar;
  // A calendar has no key of its own at Google: a repeat would make a second one, so search first.
  const found = await findCalendar(workspace, call, owner, calendar.key);
  const id =
    found ??
    (
      await workspace.calendar.insertCalendar(call, owner, {
        summary: calendar.name,
        description: [calendar.description, calendarMark(calendar.key)].filter(Boolean).join('\n'),
        timeZone: calendar.timeZone,
      })
    ).id;
  const present = await workspace.calendar.listAcl(call, owner, id);
  for (const rule of calendar.sharing) {
    const there = present.some(
      ({ role, scope }) =>
        role === rule.role && scope.type === rule.scope.type && (scope.value ?? '') === (rule.scope.value ?? ''),
    );
    if (!there) await workspace.calendar.insertAcl(call, owner, id, rule);
  }
  return { kind: 'done', googleId: id };
}
