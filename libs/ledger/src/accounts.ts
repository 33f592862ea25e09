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
  readonly enrolmentId: number;
  readonly bars: SettledBars;
}

/** Whose doing a suspension and an archiving are, as far as this outcome learnt it; null: nothing new. */
export interface SettledBars {
  readonly suspendedByUs: boolean | null;
  readonly archivedByUs: boolean | null;
  /** Found as wanted: ours only if the value that was committed before our write, whose reply was lost, says otherwise. */
  readonly foundSuspended: boolean;
  readonly foundArchived: boolean;
}

/**
 * Keeps which account is whose and whether we made it; origin is decided once. A suspension whose reply was lost is ours all
 * the same if the value that was committed before the write says that there was none.
 */
export async function applySettledAccounts(tx: LedgerTransaction, accounts: readonly SettledAccount[]): Promise<void> {
  if (accounts.length === 0) return;
  const latest = onePerEmployee(accounts).toSorted((a, b) => (a.employeeId < b.employeeId ? -1 : 1));
  await sql`
    insert into account (employee_id, google_id, primary_email, origin, written_at, gmail_hash, calendar_hash,
      suspended_by_us, archived_by_us)
    select employee_id, google_id, primary_email, origin, case when wrote then now() end, gmail_hash, calendar_hash,
      suspended_by_us, archived_by_us
    from unnest(${latest.map((a) => a.employeeId)}::uuid[], ${latest.map((a) => a.googleId)}::text[],
      ${latest.map((a) => a.primaryEmail)}::text[], ${latest.map((a) => a.origin)}::text[],
      ${latest.map((a) => a.wrote)}::boolean[], ${latest.map((a) => a.gmailHash)}::text[],
      ${latest.map((a) => a.calendarHash)}::text[], ${latest.map((a) => a.bars.suspendedByUs)}::boolean[],
      ${latest.map((a) => a.bars.archivedByUs)}::boolean[])
      as a (employee_id, google_id, primary_email, origin, wrote, gmail_hash, calendar_hash, suspended_by_us, archived_by_us)
    on conflict (employee_id) do update set
      google_id = excluded.google_id,
      primary_email = excluded.primary_email,
      written_at = coalesce(excluded.written_at, account.written_at),
      gmail_hash = coalesce(excluded.gmail_hash, account.gmail_hash),
      calendar_hash = coalesce(excluded.calendar_hash, account.calendar_hash),
      suspended_by_us = coalesce(excluded.suspended_by_us, account.suspended_by_us),
      archived_by_us = coalesce(excluded.archived_by_us, account.archived_by_us)`.execute(tx);
  await ownLostBars(tx, latest);
}

async function ownLostBars(tx: LedgerTransaction, accounts: readonly SettledAccount[]): Promise<void> {
  const unsure = accounts.filter(({ bars }) => bars.foundSuspended || bars.foundArchived);
  if (unsure.length === 0) return;
  await sql`
    update account set
      suspended_by_us = account.suspended_by_us or (a.suspended and prior_value.value ->> 'suspended' = 'false'),
      archived_by_us = account.archived_by_us or (a.archived and prior_value.value ->> 'archived' = 'false')
    from unnest(${unsure.map((a) => a.employeeId)}::uuid[], ${unsure.map((a) => a.enrolmentId)}::bigint[],
        ${unsure.map((a) => a.bars.foundSuspended)}::boolean[], ${unsure.map((a) => a.bars.foundArchived)}::boolean[])
      as a (employee_id, enrolment_id, suspended, archived)
    join prior_value on prior_value.enrolment_id = a.enrolment_id and prior_value.step = 'account'
    where account.employee_id = a.employee_id`.execute(tx);
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
      bars: earlier === undefined ? account.bars : laterBars(earlier.bars, account.bars),
    });
  }
  return [...latest.values()];
}

const laterBars = (earlier: SettledBars, later: SettledBars): SettledBars => ({
  suspendedByUs: later.suspendedByUs ?? earlier.suspendedByUs,
  archivedByUs: later.archivedByUs ?? earlier.archivedByUs,
  foundSuspended: later.foundSuspended || earlier.foundSuspended,
  foundArchived: later.foundArchived || earlier.foundArchived,
});
