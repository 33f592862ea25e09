import { sql } from 'kysely';
import type { Database } from './open.js';

/** An access token as the ledger knows it: its secret is kept as a hash only. */
export interface AccessToken {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  /** The one source that the token may touch; null when it is not bound. */
  readonly source: string | null;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly revokedAt: Date | null;
}

const columns = sql`access_token.id, name, role, source, access_token.created_at as "createdAt", created_by as "createdBy",
  revoked_at as "revokedAt"`;

interface NewAccessToken {
  readonly name: string;
  readonly role: string;
  readonly source?: string | undefined;
  readonly secretHash: Buffer;
  readonly actor: string;
}

/** Records a token by the SHA-256 of its secret. Undefined when a living token has that name already. */
export async function createAccessToken(db: Database, token: NewAccessToken): Promise<AccessToken | undefined> {
  const { rows } = await sql<AccessToken>`
    with access_token as (
      insert into access_token (name, role, source, token_hash, created_by)
      values (${token.name}, ${token.role}, ${token.source ?? null}, ${token.secretHash}, ${token.actor})
      on conflict (name) where revoked_at is null do nothing
      returning *
    ), noted as (
      insert into event (kind, actor, detail)
      select 'token_created', ${token.actor}, jsonb_build_object('tokenId', id, 'role', role, 'source', source) from access_token
    )
    select ${columns} from access_token`.execute(db);
  return rows[0];
}

/** Records the first token of a ledger that knows none; false when it knows one already. Safe to race. */
export async function createFirstAccessToken(db: Database, token: NewAccessToken): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    await sql`lock table access_token in share row exclusive mode`.execute(tx);
    const { rows } = await sql`select from access_token limit 1`.execute(tx);
    if (rows.length > 0) return false;
    await createAccessToken(tx, token);
    return true;
  });
}

/** The living token with this secret. */
export async function findAccessToken(db: Database, secretHash: Buffer): Promise<AccessToken | undefined> {
  const { rows } = await sql<AccessToken>`
    select ${columns} from access_token where token_hash = ${secretHash} and revoked_at is null`.execute(db);
  return rows[0];
}

/** The living token behind a browser's session. */
export async function findSession(db: Database, secretHash: Buffer): Promise<AccessToken | undefined> {
  const { rows } = await sql<AccessToken>`
    select ${columns} from access_session join access_token on access_token.id = token_id
    where secret_hash = ${secretHash} and expires_at > now() and revoked_at is null`.execute(db);
  return rows[0];
}

/** Opens a session; sessions that have run out are cleared away by the way. */
export async function openSession(
  db: Database,
  session: { tokenId: string; secretHash: Buffer; lifeSeconds: number },
): Promise<void> {
  await sql`
    with cleared as (delete from access_session where expires_at < now())
    insert into access_session (secret_hash, token_id, expires_at)
    values (${session.secretHash}, ${session.tokenId}::uuid, now() + ${session.lifeSeconds} * interval '1 second')`.execute(
    db,
  );
}

export async function endSession(db: Database, secretHash: Buffer): Promise<void> {
  await sql`delete from access_session where secret_hash = ${secretHash}`.execute(db);
}

/** All tokens, the newest first. */
export async function listAccessTokens(db: Database): Promise<AccessToken[]> {
  const { rows } = await sql<AccessToken>`
    select ${columns} from access_token order by created_at desc, id limit 1000`.execute(db);
  return rows;
}

/**
 * Revokes a token, and with it its sessions. The last living admin token stays, or nobody could ever make another.
 */
export async function revokeAccessToken(
  db: Database,
  revocation: { id: string; actor: string },
): Promise<'revoked' | 'unknown' | 'last_admin'> {
  return db.transaction().execute(async (tx) => {
    await sql`lock table access_token in share row exclusive mode`.execute(tx);
    const { rows } = await sql<{ isLastAdmin: boolean; isRevoked: boolean }>`
      select revoked_at is not null as "isRevoked", role = 'admin' and not exists (
        select from access_token as other
        where other.role = 'admin' and other.revoked_at is null and other.id <> access_token.id) as "isLastAdmin"
      from access_token where id = ${revocation.id}::uuid`.execute(tx);
    const [found] = rows;
    if (found === undefined) return 'unknown';
    if (found.isRevoked) return 'revoked';
    if (found.isLastAdmin) return 'last_admin';
    await sql`
      with revoked as (
        update access_token set revoked_at = now() where id = ${revocation.id}::uuid returning id
      )
      insert into event (kind, actor, detail)
      select 'token_revoked', ${revocation.actor}, jsonb_build_object('tokenId', id) from revoked`.execute(tx);
    return 'revoked';
  });
}
