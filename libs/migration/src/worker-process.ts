import type { Workspace } from '#libs/google';
import type { Blueprint } from '#libs/blueprint';
import type { DrawPasswords, Ledger, LeaseTimes } from '#libs/ledger';
import type { FailureReason, MigrationId, StepName } from '#libs/vocabulary';
import type { Settler } from './settler.js';
import type { AccountPassword, Step } from './step.js';

/** What a worker process brings to its batches. */
export interface WorkerProcess extends LeaseTimes {
  readonly name: string;
  readonly slot: number;
  readonly timeScale: number;
  readonly ledger: Ledger;
  readonly workspace: Workspace;
  readonly steps: Readonly<Record<StepName, Step>>;
  /** One for all batches of the process. */
  readonly settler: Settler;
  /** Employees of one batch that are under way at the same time. */
  readonly concurrency: number;
  /** After this long the rest of a batch goes back to the ledger, so that no lane is held. */
  readonly batchMaxMs: number;
  /** Asks for the gate to be set again from the ledger; false when the migration is not running. */
  reopenGate(migrationId: MigrationId): Promise<boolean>;
  /** Trouble that would hit everyone. */
  halt(migrationId: MigrationId, reason: FailureReason): Promise<void>;
  calendarIds(migrationId: MigrationId): Promise<ReadonlyMap<string, string>>;
  /** Scopes of the employees' own tokens; undefined: all. */
  employeeScopes(migrationId: MigrationId): Promise<readonly string[] | undefined>;
  /** The blueprint version of a migration, read once. */
  blueprint(migrationId: MigrationId): Promise<Blueprint>;
  throwAwayPassword(): Promise<AccountPassword>;
  readonly drawPasswords: DrawPasswords;
  /** A fault of our own in one employee's step: logged with ids only. */
  onFault(fault: unknown, ids: { batchId: number; enrolmentId?: number; step?: string }): void;
}
