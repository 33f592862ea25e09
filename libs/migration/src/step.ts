import type { SettledBars, WorkItem } from '#libs/ledger';
import type { CallContext, Workspace } from '#libs/google';
import type { StepOutcome } from '#libs/vocabulary';

/** As users.insert takes it: the hash in hexadecimal and how it was made. */
export interface AccountPassword {
  readonly value: string;
  readonly hashFunction: 'SHA-1';
}

/** What a step may use: no queue and no SQL. */
export interface StepContext {
  readonly item: WorkItem;
  readonly workspace: Workspace;
  /** Carried by every call: the migration's gate, the batch's abort signal, the lease's end. */
  readonly call: CallContext;
  /** Commits what was there before our first write; resolves when it is safe to write. */
  recordPrior(value: unknown): Promise<void>;
  /** Ids of the calendars that the blueprint declares, by name. */
  readonly calendarIds: ReadonlyMap<string, string>;
  /** A password that nobody learns, hashed off the event loop. */
  throwAwayPassword(): Promise<AccountPassword>;
}

/**
 * One kind of action on one employee: reads when in doubt, decides, applies under a permit, verifies or says until when to
 * wait. Google's refusals are thrown as GoogleCallError and become outcomes by the failure catalogue in one place.
 */
export type Step = (context: StepContext) => Promise<StepResult>;

export type StepResult = StepOutcome & {
  /** What the account table must learn. */
  readonly account?: {
    readonly googleId: string;
    readonly origin: 'created' | 'adopted';
    readonly wrote: boolean;
    readonly gmailHash?: string;
    readonly calendarHash?: string;
    readonly bars?: SettledBars;
  };
};
