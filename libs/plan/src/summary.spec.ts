import { describe, expect, it } from 'vitest';
import { desiredOf, employeeId, observedOf, strangerOf } from '../test/builders.js';
import { planEmployee } from './plan-employee.js';
import { summarise } from './summary.js';

describe('the summary of a plan', () => {
  it('counts each employee once by action, and reasons, steps and changed fields', () => {
    const desired = desiredOf();
    const moved = observedOf(desired, { orgUnitPath: '/Shop/DE', aliases: ['zoe@shop.example'] });
    const summary = summarise([
      planEmployee({ desired, employeeId }),
      planEmployee({ desired, employeeId, leaver: true }),
      planEmployee({ desired, employeeId, observed: strangerOf(), matchedBy: 'address' }),
      planEmployee({ desired: desiredOf({ gmail: {}, calendar: {} }), employeeId, observed: moved, origin: 'created' }),
    ]);
    expect(summary.total).toBe(4);
    expect(summary.actions).toEqual({
      create: 1,
      adopt: 0,
      update: 1,
      suspend: 0,
      nothing: 0,
      conflict: 1,
      skip: 1,
    });
    expect(summary.reasons).toEqual({ left: 1, maybe_same_person: 1 });
    expect(summary.steps).toMatchObject({ account: 2, gmail: 1, confirm: 2 });
    expect(summary.changes).toEqual({ orgUnitPath: 1 });
    expect(Object.values(summary.actions).reduce((sum, count) => sum + count)).toBe(summary.total);
  });

  it('is all zeroes for an empty plan', () => {
    expect(summarise([])).toMatchObject({ total: 0, reasons: {}, changes: {} });
  });
});
