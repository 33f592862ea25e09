import { z } from 'zod';

/** A person as Bascule knows them: a UUID of ours, also the value of our mark on their Google account. */
export const employeeIdSchema = z.uuid().brand<'EmployeeId'>();
export type EmployeeId = z.infer<typeof employeeIdSchema>;

export const migrationIdSchema = z.uuid().brand<'MigrationId'>();
export type MigrationId = z.infer<typeof migrationIdSchema>;

export const planIdSchema = z.uuid().brand<'PlanId'>();
export type PlanId = z.infer<typeof planIdSchema>;

export const deliveryIdSchema = z.uuid().brand<'DeliveryId'>();
export type DeliveryId = z.infer<typeof deliveryIdSchema>;

/** An employee's place in one migration; numbers rise in planning order. */
export const enrolmentIdSchema = z.number().int().positive().brand<'EnrolmentId'>();
export type EnrolmentId = z.infer<typeof enrolmentIdSchema>;

export const batchIdSchema = z.number().int().positive().brand<'BatchId'>();
export type BatchId = z.infer<typeof batchIdSchema>;
