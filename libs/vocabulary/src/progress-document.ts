import type { FailureReason } from './failures.js';
import type { StepName } from './steps.js';
import type { EmployeeState, MigrationState, StepState, WaveState } from './states.js';

/** Times are RFC 3339 strings, counts whole numbers. */
export interface ProgressDocument {
  readonly migration: {
    readonly id: string;
    readonly name: string;
    readonly state: MigrationState;
    readonly startedAt: string | null;
    readonly finishedAt: string | null;
    readonly lastOutcomeAt: string | null;
    /** Null unless pausing or paused. */
    readonly cause: { readonly reason: FailureReason; readonly whatToDo: string; readonly since: string } | null;
  };
  /** Each employee is counted once; the states add up to the total. */
  readonly employees: { readonly total: number } & Readonly<Record<EmployeeState, number>>;
  /** done / (total − skipped), rounded down: 100 means everybody. */
  readonly percent: number;
  readonly steps: readonly ({ readonly step: StepName } & Readonly<Record<StepState, number>>)[];
  readonly waves: readonly ({ readonly wave: number; readonly state: WaveState; readonly total: number } & Readonly<
    Record<EmployeeState, number>
  >)[];
  readonly rate: { readonly employeesPerMinute: number; readonly callsPerMinute: number };
  readonly eta:
    | {
        readonly finishAt: string;
        readonly earliest: string;
        readonly latest: string;
        readonly bindingQuota: string | null;
      }
    | { readonly finishAt: null; readonly reason: string };
  readonly quotas: readonly {
    readonly quota: string;
    readonly scope: string;
    readonly window: string;
    readonly limit: number;
    readonly used: number;
    readonly rejected: number;
  }[];
  readonly waits: readonly {
    readonly reason: FailureReason;
    readonly step: StepName;
    readonly count: number;
    readonly oldestSince: string;
    readonly dueBy: string | null;
  }[];
  /** Those open now. */
  readonly failures: readonly {
    readonly reason: FailureReason;
    readonly step: StepName | 'plan';
    readonly count: number;
    readonly exampleEmployee: string;
    readonly whatToDo: string;
  }[];
  readonly asOf: string;
}
