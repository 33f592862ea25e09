import { readdirSync, readFileSync } from 'node:fs';
import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import { DatabaseError, Pool, types, type CustomTypesConfig } from 'pg';

/** Statements are written with kysely's `sql` tag; rows are typed where they are read. */
export type Database = Kysely<unknown>;
export type LedgerTransaction = Transaction<unknown>;

/** The only truth: everything that must outlive a process. */
export interface Ledger {
  readonly db: Database;
  /** For COPY and cursors, which need a connection of their own. */
  readonly pool: Pool;
  close(): Promise<void>;
}

/** Whole numbers of the ledger stay far below 2^53, so they are read as numbers. */
const numericInt8: CustomTypesConfig = {
  getTypeParser: (oid, format) => (oid === types.builtins.INT8 ? Number : types.getTypeParser(oid, format)),
};

/** Opens the ledger at a PostgreSQL URL. The pool is lazy: an unreachable server shows at the first statement. */
export function openLedger(url: string, options: { poolSize?: number; applicationName?: string } = {}): Ledger {
  const pool = new Pool({
    connectionString: url,
    max: options.poolSize ?? 10,
    application_name: options.applicationName ?? 'bascule',
    types: numericInt8,
  });
  // An idle connection that the server ends is replaced at the next use; without a listener it would end the process.
  pool.on('error', () => undefined);
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  return { db, pool, close: () => db.destroy() };
}

const deadlockDetected = '40P01';
const transactionTriesMax = 5;

/**
 * Runs the work in a transaction, and anew when PostgreSQL ended it as the victim of a deadlock: nothing of it was
 * written then. Our transactions take their locks in one order, batches, enrolments by id, accounts, steps, counters; this
 * is for the rest. The work must have no effect of its own outside the transaction.
 */
export async function transact<T>(db: Database, work: (tx: LedgerTransaction) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await db.transaction().execute(work);
    } catch (error) {
      const isVictim = error instanceof DatabaseError && error.code === deadlockDetected;
      if (!isVictim || tries === transactionTriesMax) throw error;
    }
  }
}

/** Whether the database can be asked at all; rejects when it cannot. */
export async function ledgerAnswers(db: Database): Promise<void> {
  await sql`select 1`.execute(db);
}

const schemaFolder = new URL('../schema/', import.meta.url);

/**
 * Brings the schema up to this version under kysely's advisory lock: any number of processes may start at once.
 * Changes are forward only; a ledger that is newer than this version is refused.
 */
export async function applySchema(url: string): Promise<void> {
  const ledger = openLedger(url, { poolSize: 1 });
  const changes: Record<string, Migration> = {};
  for (const file of readdirSync(schemaFolder).filter((name) => name.endsWith('.sql'))) {
    const text = readFileSync(new URL(file, schemaFolder), 'utf8');
    changes[file.replace(/\.sql$/, '')] = { up: async (db) => void (await sql.raw(text).execute(db)) };
  }
  try {
    const migrator = new Migrator({ db: ledger.db, provider: { getMigrations: async () => changes } });
    const { error } = await migrator.migrateToLatest();
    if (error !== undefined) throw new Error('the ledger’s schema could not be brought up to date', { cause: error });
  } finally {
    await ledger.close();
  }
}
