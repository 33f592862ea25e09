import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  asksProvisioning,
  canonicalUser,
  employeeNumberOf,
  parseUserFilter,
  patchedUser,
  representation,
  ScimError,
  searchForm,
  sortOf,
  versionTag,
  type Wanted,
} from '#libs/feeds';
import {
  changeScimUser,
  createScimUser,
  deleteScimUser,
  knowsScimUser,
  listScimUsers,
  readScimUser,
  readSourceSettings,
  scimProvisioning,
  ScimUserTakenError,
  type Ledger,
  type ScimObject,
  type ScimUserRow,
} from '#libs/ledger';
import { ledgerToken } from '#libs/platform';
import { cursorAfter, invalidCursor, userBefore } from './scim-cursors.js';
import { ScimDrain } from './scim-drain.js';
import type { ScimSearch } from './scim-requests.js';

/** Who asks, about which source's users, and how the client calls this interface. */
export interface ScimContext {
  readonly source: string;
  readonly actor: string;
  /** Without a slash at its end. */
  readonly address: string;
}

/** A user in an answer, with what belongs into its headers. */
export interface ScimAnswer {
  readonly id: string;
  readonly user: ScimObject;
  readonly location: string;
  readonly version: string;
}

export const pageSizeDefault = 100;
export const pageSizeMax = 1_000;

const listUrn = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

/** The users of a source, as SCIM clients write and read them. A write is safe once it is answered. */
@Injectable()
export class ScimService {
  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    private readonly drain: ScimDrain,
  ) {}

  async create(context: ScimContext, body: unknown, wanted: Wanted): Promise<ScimAnswer> {
    const { db } = this.ledger;
    const resource = canonicalUser(body);
    const { scim } = await readSourceSettings(db, context.source);
    const user = {
      ...contentOf(resource),
      source: context.source,
      employeeNumber: employeeNumberOf(resource, scim),
      actor: context.actor,
    };
    const row = await orTaken(createScimUser(db, user));
    this.drain.wake();
    return this.answer(context, row, wanted);
  }

  async read(context: ScimContext, id: string, wanted: Wanted): Promise<ScimAnswer> {
    const row = await readScimUser(this.ledger.db, context.source, idOf(id));
    return this.answer(context, there(row), wanted);
  }

  /** @throws ScimError 412 when `ifMatch` names another version. */
  async replace(
    context: ScimContext,
    id: string,
    body: unknown,
    wanted: Wanted,
    ifMatch?: string,
  ): Promise<ScimAnswer> {
    const resource = canonicalUser(body);
    return this.change(context, id, () => resource, wanted, ifMatch);
  }

  /** @throws ScimError 412 when `ifMatch` names another version. */
  async patch(context: ScimContext, id: string, body: unknown, wanted: Wanted, ifMatch?: string): Promise<ScimAnswer> {
    return this.change(context, id, (before) => patchedUser(before, body), wanted, ifMatch);
  }

  /** @throws ScimError 412 when `ifMatch` names another version. */
  async remove(context: ScimContext, id: string, ifMatch?: string): Promise<void> {
    const user = { source: context.source, id: idOf(id), actor: context.actor };
    const wasThere = await deleteScimUser(this.ledger.db, user, (row) => requireVersion(row, ifMatch));
    if (!wasThere) throw notThere();
    this.drain.wake();
  }

  async list(context: ScimContext, search: ScimSearch): Promise<Readonly<Record<string, unknown>>> {
    const isCursor = search.cursor !== undefined && search.startIndex === undefined;
    if (isCursor && search.count !== undefined && search.count < 1) {
      throw new ScimError(400, 'invalidCount', `With a cursor, count is a number from 1 to ${pageSizeMax}.`);
    }
    const limit = Math.min(pageSizeMax, Math.max(0, search.count ?? pageSizeDefault));
    const startIndex = Math.max(1, search.startIndex ?? 1);
    const { users, total } = await listScimUsers(this.ledger.db, {
      source: context.source,
      condition: search.filter === undefined ? undefined : parseUserFilter(search.filter),
      sort: search.sortBy === undefined ? undefined : sortOf(search.sortBy, search.sortOrder === 'descending'),
      // With a cursor one more tells whether another page follows.
      limit: isCursor ? limit + 1 : limit,
      from: isCursor ? await this.pageStart(context, search) : { offset: startIndex - 1 },
    });
    const page = users.slice(0, limit);
    const last = page.at(-1);
    return {
      schemas: [listUrn],
      totalResults: total,
      ...(!isCursor && { startIndex }),
      itemsPerPage: page.length,
      ...(isCursor && users.length > limit && last !== undefined && { nextCursor: cursorAfter(last.id, search) }),
      Resources: await this.representations(context, page, search),
    };
  }

  private async pageStart(context: ScimContext, search: ScimSearch): Promise<{ offset: number } | { after: string }> {
    if (search.cursor === undefined || search.cursor === '') return { offset: 0 };
    const after = userBefore(search.cursor, search);
    if (await knowsScimUser(this.ledger.db, context.source, after)) return { after };
    throw invalidCursor();
  }

  private async change(
    context: ScimContext,
    id: string,
    next: (before: ScimObject) => ScimObject,
    wanted: Wanted,
    ifMatch: string | undefined,
  ): Promise<ScimAnswer> {
    const user = { source: context.source, id: idOf(id), actor: context.actor };
    const row = await orTaken(
      changeScimUser(this.ledger.db, user, (before) => {
        requireVersion(before, ifMatch);
        const resource = next(before.resource);
        return isDeepStrictEqual(resource, before.resource) ? undefined : contentOf(resource);
      }),
    );
    this.drain.wake();
    return this.answer(context, there(row), wanted);
  }

  private async answer(context: ScimContext, row: ScimUserRow, wanted: Wanted): Promise<ScimAnswer> {
    const [user = {}] = await this.representations(context, [row], wanted);
    return { id: row.id, user, location: `${context.address}/Users/${row.id}`, version: versionTag(row.version) };
  }

  private async representations(
    context: ScimContext,
    rows: readonly ScimUserRow[],
    wanted: Wanted,
  ): Promise<ScimObject[]> {
    const told = asksProvisioning(wanted)
      ? await scimProvisioning(
          this.ledger.db,
          rows.map(({ id }) => id),
        )
      : [];
    const provisioning = new Map(told.map((one) => [one.id, one]));
    return rows.map((row) => representation(row, `${context.address}/Users`, wanted, provisioning.get(row.id)));
  }
}

const contentOf = (resource: ScimObject) => ({ resource, search: searchForm(resource) });

const notThere = () => new ScimError(404, undefined, 'There is no user with this id.');

function there(row: ScimUserRow | undefined): ScimUserRow {
  if (row === undefined) throw notThere();
  return row;
}

/** Ids are ours: what is no UUID is nobody. */
function idOf(text: string): string {
  const id = z.uuid().safeParse(text);
  if (!id.success) throw notThere();
  return id.data;
}

/** Entity tags are compared weakly (RFC 7644, 3.14): every change makes a new version. */
export function matchesVersion(row: { version: number } | string, header: string): boolean {
  const version = typeof row === 'string' ? row : versionTag(row.version);
  const bare = (tag: string) => tag.trim().replace(/^W\//, '');
  return header.trim() === '*' || header.split(',').some((tag) => bare(tag) === bare(version));
}

function requireVersion(row: ScimUserRow, ifMatch: string | undefined): void {
  if (ifMatch === undefined || matchesVersion(row, ifMatch)) return;
  throw new ScimError(412, undefined, 'The user has been changed since: read it again.');
}

const taken = {
  userName: 'Another user has this userName.',
  employeeNumber:
    'Another user has this worker’s number: externalId, else the enterprise employeeNumber, else userName.',
};

async function orTaken<T>(write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    if (error instanceof ScimUserTakenError) throw new ScimError(409, 'uniqueness', taken[error.what]);
    throw error;
  }
}
