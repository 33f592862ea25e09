export const migrationStates = [
  'draft',
  'planned',
  'approved',
  'running',
  'pausing',
  'paused',
  'completed',
  'completedWithIssues',
  'cancelled',
] as const;
export type MigrationState = (typeof migrationStates)[number];

export const employeeStates = ['pending', 'inProgress', 'waiting', 'done', 'failed', 'conflict', 'skipped'] as const;
export type EmployeeState = (typeof employeeStates)[number];

/** `waiting`: on Google or on a back-off, with a due time. `failed` holds conflicts too; the reason tells them apart. */
export const stepStates = ['pending', 'running', 'waiting', 'done', 'failed', 'skipped'] as const;
export type StepState = (typeof stepStates)[number];

export const waveStates = ['pending', 'running', 'completed', 'completedWithIssues', 'cancelled'] as const;
export type WaveState = (typeof waveStates)[number];

export const deliveryStates = ['uploading', 'received', 'checking', 'held', 'applying', 'done', 'refused'] as const;
export type DeliveryState = (typeof deliveryStates)[number];

export const batchStates = ['queued', 'leased', 'settled', 'abandoned'] as const;
export type BatchState = (typeof batchStates)[number];

/** What a plan would do with one employee. */
export const planActions = ['create', 'adopt', 'update', 'suspend', 'nothing', 'conflict', 'skip'] as const;
export type PlanAction = (typeof planActions)[number];

export const roles = ['admin', 'operator', 'viewer', 'feed'] as const;
export type Role = (typeof roles)[number];
