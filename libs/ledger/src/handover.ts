import { sql } from 'kysely';
import { z } from 'zod';
import type { MigrationId } from '#libs/vocabulary';
import type { Database, LedgerTransaction } from './open.js';

/** A first password as the ledger keeps it: never in clear. */
export interface SealedPassword {
  readonly employeeId: string;
  /** Opened only by the holder of the private key. */
  readonly sealed: Uint8Array;
  /** As users.insert takes it. */
  readonly hashed: string;
  /** Which public key it is sealed to. */
  readonly keyId: string;
}

/** Draws first passwords and seals them to a public key (PEM). */
export type DrawPasswords = (publicKey: string, employeeIds: readonly string[]) => Promise<SealedPassword[]>;

/**
 * Keeps the sealed passwords of accounts that are about to be created, in the transaction of their intents. One that was
 * drawn before stays: every retry sends the same. A password sealed to another key, for an earlier account, is replaced.
 */
export async function storeSealedPasswords(
  tx: LedgerTransaction,
  migrationId: MigrationId,
  passwords: readonly SealedPassword[],
): Promise<void> {
  const rows = passwords.toSorted((a, b) => (a.employeeId < b.employeeId ? -1 : 1));
  await sql`
    insert into handover_secret (employee_id, sealed, hashed, key_id, migration_id)
    select employee_id, decode(sealed, 'base64'), hashed, key_id, ${migrationId}::uuid
    from unnest(${rows.map((row) => row.employeeId)}::uuid[],
      ${rows.map((row) => Buffer.from(row.sealed).toString('base64'))}::text[],
      ${rows.map((row) => row.hashed)}::text[], ${rows.map((row) => row.keyId)}::text[])
      as row (employee_id, sealed, hashed, key_id)
    on conflict (employee_id) do update set migration_id = excluded.migration_id, key_id = excluded.key_id,
      sealed = case when handover_secret.key_id = excluded.key_id then handover_secret.sealed else excluded.sealed end,
      hashed = case when handover_secret.key_id = excluded.key_id then handover_secret.hashed else excluded.hashed end`.execute(
    tx,
  );
}

const exportedSchema = z.object({
  employeeId: z.string(),
  source: z.string(),
  employeeNumber: z.string(),
  address: z.string(),
  keyId: z.string(),
  sealed: z.string(),
});
/** One line of an export; `sealed` in base64. */
export type HandoverLine = z.infer<typeof exportedSchema>;

/** The sealed passwords of the accounts that a migration created, a page in the order of employee ids. */
export async function sealedPasswords(
  db: Database,
  migrationId: MigrationId,
  page: { after?: string; limit: number },
): Promise<HandoverLine[]> {
  const { rows } = await sql`
    select handover_secret.employee_id as "employeeId", employee.source, employee.employee_number as "employeeNumber",
      account.primary_email as address, key_id as "keyId", translate(encode(sealed, 'base64'), E'\n', '') as sealed
    from handover_secret
    join enrolment on enrolment.employee_id = handover_secret.employee_id and enrolment.migration_id = ${migrationId}::uuid
    join employee on employee.id = handover_secret.employee_id
    join account on account.employee_id = handover_secret.employee_id and account.origin = 'created'
    where handover_secret.migration_id = ${migrationId}::uuid
      and (${page.after ?? null}::uuid is null or handover_secret.employee_id > ${page.after ?? null}::uuid)
    order by handover_secret.employee_id limit ${page.limit}`.execute(db);
  return z.array(exportedSchema).parse(rows);
}

/** Leaves a trace of who took first passwords out. */
export async function noteHandover(db: Database, migrationId: MigrationId, actor: string): Promise<void> {
  await sql`
    insert into event (kind, migration_id, actor) values ('handover_exported', ${migrationId}::uuid, ${actor})`.execute(
    db,
  );
}
