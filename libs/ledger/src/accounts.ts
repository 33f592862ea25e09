import { sql } from 'kysely';
import type { LedgerTransaction } from './open.js';

/** An account that a step created, adopted or wrote to. */
export interface SettledAccount {
  readonly employeeId: string;
  readonly googleId: string;
  readonly primaryEmail: string;
  readonly origin: 'created' | 'adopted';
  /** Something was written now: planning believes the ledger over a listing within Google's lag. */
  readonly wrote: boolean;
  /** Hash of the Gmail settings as confirmed, if this outcome confirmed them; likewise for Calendar. */
  readonly gmailHash: string | null;
  readonly calendarHash: string | null;
}

/** Keeps which account is whose and whether we made it; origin is decided once. */
export async function applySettledAccounts(tx: LedgerTransaction, accounts: readonly SettledAccount[]): Promise<void> {
  if (accounts.length === 0) return;
  const latest = onePerEmployee(accounts).toSorted((a, b) => (a.employeeId < b.employeeId ? -1 : 1));
  await sql`
    insert into account (employee_id, google_id, primary_email, origin, written_at, gmail_hash, calendar_hash)
    select employee_id, google_id, primary_email, origin, case when wrote then now() end, gmail_hash, calendar_hash
    from unnest(${latest.map((a) => a.employeeId)}::uuid[], ${latest.map((a) => a.googleId)}::text[],
      ${latest.map((a) => a.primaryEmail)}::text[], ${latest.map((a) => a.origin)}::text[],
      ${latest.map((a) => a.wrote)}::boolean[], ${latest.map((a) => a.gmailHash)}::text[],
      ${latest.map((a) => a.calendarHash)}::text[])
      as a (employee_id, google_id, primary_email, origin, wrote, gmail_hash, calendar_hash)
    on conflict (employee_id) do update set
      google_id = excluded.google_id,
      primary_email = excluded.primary_email,
      written_at = coalesce(excluded.written_at, account.written_at),
      gmail_hash = coalesce(excluded.gmail_hash, account.gmail_hash),
      calendar_hash = coalesce(excluded.calendar_hash, account.calendar_hash)`.execute(tx);
}

/** Several steps of one employee may settle at once: what each learnt is kept. */
function onePerEmployee(accounts: readonly SettledAccount[]): SettledAccount[] {
  const latest = new Map<string, SettledAccount>();
  for (const account of accounts) {
    const earlier = latest.get(account.employeeId);
    latest.set(account.employeeId, {
      ...account,
      wrote: account.wrote || earlier?.wrote === true,
      gmailHash: account.gmailHash ?? earlier?.gmailHash ?? null,
      calendarHash: account.calendarHash ?? earlier?.calendarHash ?? null,
    });
  }
  return [...latest.values()];
}
