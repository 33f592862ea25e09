import { sql } from 'kysely';
import { DatabaseError } from 'pg';
import { transact, type Database, type LedgerTransaction } from './open.js';
import {
  scimConditionSql,
  scimSortSql,
  type ScimCondition,
  type ScimObject,
  type ScimSort,
} from './scim-conditions.js';
import { deliverAgain } from './scim-outcomes.js';

/** A user as a SCIM client of its source sees it. */
export interface ScimUserRow {
  readonly id: string;
  readonly resource: ScimObject;
  readonly version: number;
  readonly createdAt: Date;
  readonly changedAt: Date;
}

const columns = sql`id, resource, version, created_at as "createdAt", changed_at as "changedAt"`;

/** What is written of a user: the canonical resource, and the same in lower case where case does not count. */
export interface ScimContent {
  readonly resource: ScimObject;
  readonly search: ScimObject;
}

/** Another living user of the source has the same name, or is the same employee. */
export class ScimUserTakenError extends Error {
  constructor(readonly what: 'userName' | 'employeeNumber') {
    super(`another user has this ${what}`);
    this.name = 'ScimUserTakenError';
  }
}

async function unlessTaken<T>(write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    const constraint = error instanceof DatabaseError && error.code === '23505' ? error.constraint : undefined;
    if (constraint === 'scim_user_name') throw new ScimUserTakenError('userName');
    if (constraint === 'scim_user_employee') throw new ScimUserTakenError('employeeNumber');
    throw error;
  }
}

/** @throws ScimUserTakenError */
export async function createScimUser(
  db: Database,
  user: ScimContent & { source: string; employeeNumber: string; actor: string },
): Promise<ScimUserRow> {
  const { rows } = await unlessTaken(
    sql<ScimUserRow>`
      with moment as (select date_trunc('milliseconds', clock_timestamp()) as now)
      insert into scim_user (source, employee_number, resource, search, changed_by, created_at, changed_at)
      select ${user.source}, ${user.employeeNumber}, ${JSON.stringify(user.resource)}::jsonb,
        ${JSON.stringify(user.search)}::jsonb, ${user.actor}, now, now from moment
      returning ${columns}`.execute(db),
  );
  const [created] = rows;
  if (created === undefined) throw new Error('a user was neither created nor refused');
  return created;
}

export async function readScimUser(db: Database, source: string, id: string): Promise<ScimUserRow | undefined> {
  const { rows } = await sql<ScimUserRow>`
    select ${columns} from scim_user where id = ${id}::uuid and source = ${source} and deleted_at is null`.execute(db);
  return rows[0];
}

/** A user under its lock, for the length of a transaction. */
interface LockedUser {
  readonly source: string;
  readonly id: string;
  readonly actor: string;
}

/**
 * Changes a user to what `change` makes of it, or leaves it as it is when that gives undefined; who was not applied as they
 * are is then delivered once more. Undefined for a user who is not there. What `change` throws ends it without effect.
 *
 * @throws ScimUserTakenError
 */
export async function changeScimUser(
  db: Database,
  user: LockedUser,
  change: (row: ScimUserRow) => ScimContent | undefined,
): Promise<ScimUserRow | undefined> {
  return unlessTaken(
    transact(db, async (tx) => {
      const before = await lockUser(tx, user);
      if (before === undefined) return undefined;
      const content = change(before);
      if (content === undefined) {
        await deliverAgain(tx, user.id);
        return before;
      }
      const { rows } = await sql<ScimUserRow>`
        update scim_user set resource = ${JSON.stringify(content.resource)}::jsonb,
          search = ${JSON.stringify(content.search)}::jsonb, version = version + 1, changed_by = ${user.actor},
          changed_at = greatest(clock_timestamp(), changed_at + interval '1 millisecond'), change = nextval('scim_change')
        where id = ${user.id}::uuid returning ${columns}`.execute(tx);
      return rows[0];
    }),
  );
}

/** Ends a user: who is deleted is a leaver. `check` may refuse by throwing. False for a user who is not there. */
export async function deleteScimUser(
  db: Database,
  user: LockedUser,
  check: (row: ScimUserRow) => void,
): Promise<boolean> {
  return transact(db, async (tx) => {
    const before = await lockUser(tx, user);
    if (before === undefined) return false;
    check(before);
    await sql`
      update scim_user set deleted_at = clock_timestamp(), changed_by = ${user.actor}, version = version + 1,
        change = nextval('scim_change') where id = ${user.id}::uuid`.execute(tx);
    return true;
  });
}

async function lockUser(tx: LedgerTransaction, { source, id }: LockedUser): Promise<ScimUserRow | undefined> {
  const { rows } = await sql<ScimUserRow>`
    select ${columns} from scim_user where id = ${id}::uuid and source = ${source} and deleted_at is null
    for update`.execute(tx);
  return rows[0];
}

export interface ScimListing {
  readonly source: string;
  /** Undefined for everybody. */
  readonly condition: ScimCondition | undefined;
  /** Undefined for the order of creation. */
  readonly sort: ScimSort | undefined;
  readonly limit: number;
  /** How many to pass over, or the id of the user after whom the page begins. */
  readonly from: { readonly offset: number } | { readonly after: string };
}

/** A page of the living users of a source, and how many there are in all. */
export async function listScimUsers(
  db: Database,
  listing: ScimListing,
): Promise<{ users: ScimUserRow[]; total: number }> {
  const { source, condition, sort, from } = listing;
  const met = condition === undefined ? sql`true` : scimConditionSql(condition);
  const matching = sql`from scim_user where source = ${source} and deleted_at is null and ${met}`;
  const count = await sql<{ total: number }>`select count(*) as total ${matching}`.execute(db);
  const total = count.rows[0]?.total ?? 0;
  if (listing.limit === 0) return { users: [], total };
  const order =
    sort === undefined
      ? sql`sequence`
      : sql`${scimSortSql(sort)} ${sql.raw(sort.descending ? 'desc' : 'asc')}, sequence`;
  const after = 'after' in from ? afterSql(sort, from.after) : sql`true`;
  const offset = 'offset' in from ? from.offset : 0;
  const { rows } = await sql<ScimUserRow>`
    select ${columns} ${matching} and ${after}
    order by ${order} limit ${listing.limit} offset ${offset}`.execute(db);
  return { users: rows, total };
}

/**
 * Who comes after a user: in the order of creation a range of an index. By a sort those without a key come last, or first when
 * descending.
 */
function afterSql(sort: ScimSort | undefined, id: string) {
  const isLater = sql`sequence > (select sequence from scim_user where id = ${id}::uuid)`;
  if (sort === undefined) return isLater;
  const key = scimSortSql(sort);
  const last = sql`(select ${key} from scim_user where id = ${id}::uuid)`;
  return sort.descending
    ? sql`(${key} < ${last} or (${last} is null and ${key} is not null)
        or (${key} is not distinct from ${last} and ${isLater}))`
    : sql`(${key} > ${last} or (${last} is not null and ${key} is null)
        or (${key} is not distinct from ${last} and ${isLater}))`;
}

/** Whether a source knows a user of this id, deleted ones too: what a page began after may be gone meanwhile. */
export async function knowsScimUser(db: Database, source: string, id: string): Promise<boolean> {
  const { rows } = await sql`select from scim_user where id = ${id}::uuid and source = ${source}`.execute(db);
  return rows.length > 0;
}
