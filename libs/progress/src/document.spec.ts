import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CounterRow } from '#libs/ledger';
import { employeeStates, failures, stepNames, stepStates, type FailureReason } from '#libs/vocabulary';
import { facts, minutesAgo, row } from '../test/builders.js';
import { toDocument } from './document.js';

const reasons = Object.keys(failures);
const count = fc.integer({ min: 0, max: 160_000 });
const wave = fc.integer({ min: 1, max: 4 });
const reason = fc.constantFrom('', ...reasons);

/** Rows as the ledger's groups give them: one a (wave, step, state, reason). */
const counters: fc.Arbitrary<CounterRow[]> = fc.uniqueArray(
  fc.oneof(
    fc.record({ wave, step: fc.constant(''), state: fc.constantFrom(...employeeStates), reason, count }),
    fc.record({ wave, step: fc.constantFrom(...stepNames), state: fc.constantFrom(...stepStates), reason, count }),
  ),
  { selector: (one) => `${one.wave} ${one.step} ${one.state} ${one.reason}`, maxLength: 60 },
);

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

describe('employees', () => {
  test('are counted once each: the states always add up to the total', () => {
    fc.assert(
      fc.property(counters, (rows) => {
        const { employees } = toDocument(facts({ counters: rows }));
        expect(sum(employeeStates.map((state) => employees[state]))).toBe(employees.total);
        expect(employees.total).toBe(sum(rows.filter(({ step }) => step === '').map((one) => one.count)));
      }),
    );
  });

  test('of all waves add up to all employees', () => {
    fc.assert(
      fc.property(counters, (rows) => {
        const waves = [1, 2, 3, 4].map((number) => ({ number, state: 'running' }));
        const document = toDocument(facts({ counters: rows, waves }));
        expect(sum(document.waves.map(({ total }) => total))).toBe(document.employees.total);
        for (const one of document.waves) expect(sum(employeeStates.map((state) => one[state]))).toBe(one.total);
      }),
    );
  });

  test('every step shows exactly what the counters say of it', () => {
    fc.assert(
      fc.property(counters, (rows) => {
        for (const { step, ...states } of toDocument(facts({ counters: rows })).steps) {
          const own = rows.filter((one) => one.step === step);
          expect(sum(Object.values(states))).toBe(sum(own.map((one) => one.count)));
        }
      }),
    );
  });
});

describe('percent', () => {
  test('is rounded down, and 100 only when everybody is done who is not left out', () => {
    fc.assert(
      fc.property(counters, (rows) => {
        const { employees, percent } = toDocument(facts({ counters: rows }));
        const wanted = employees.total - employees.skipped;
        expect(Number.isInteger(percent)).toBe(true);
        if (wanted > 0) {
          expect(percent).toBeLessThanOrEqual((100 * employees.done) / wanted);
          expect(percent).toBeGreaterThan((100 * employees.done) / wanted - 1);
          expect(percent === 100).toBe(employees.done === wanted);
        }
      }),
    );
  });

  test('one who is missing of 160,000 makes it 99', () => {
    const counted = [
      row({ state: 'done', count: 159_999 }),
      row({ state: 'failed', reason: 'licence_missing', count: 1 }),
    ];
    expect(toDocument(facts({ counters: counted })).percent).toBe(99);
  });

  test('is 0 of nobody, and 100 when all were left out', () => {
    expect(toDocument(facts()).percent).toBe(0);
    expect(toDocument(facts({ counters: [row({ state: 'skipped', reason: 'left', count: 3 })] })).percent).toBe(100);
  });
});

describe('failures and waits', () => {
  const counted = [
    row({ step: 'gmail', state: 'failed', reason: 'signature_too_long', count: 3 }),
    row({ step: 'gmail', state: 'done', count: 500 }),
    row({ step: 'gmail', state: 'waiting', reason: 'token_not_ready', count: 7 }),
    row({ wave: 2, step: 'gmail', state: 'failed', reason: 'signature_too_long', count: 4 }),
    row({ state: 'conflict', reason: 'maybe_same_person', count: 2 }),
  ];

  test('are those open now, over all waves, with an example and what to do', () => {
    const examples = [
      { step: 'gmail', reason: 'signature_too_long', employeeNumber: '1001' },
      { step: 'plan', reason: 'maybe_same_person', employeeNumber: '1002' },
    ];
    expect(toDocument(facts({ counters: counted, examples })).failures).toEqual([
      {
        step: 'gmail',
        reason: 'signature_too_long',
        count: 7,
        exampleEmployee: '1001',
        whatToDo: failures.signature_too_long.whatToDo,
      },
      {
        step: 'plan',
        reason: 'maybe_same_person',
        count: 2,
        exampleEmployee: '1002',
        whatToDo: failures.maybe_same_person.whatToDo,
      },
    ]);
  });

  test('waits say since when and until when', () => {
    const waits = [{ step: 'gmail', reason: 'token_not_ready', oldestSince: minutesAgo(5), dueBy: minutesAgo(-55) }];
    expect(toDocument(facts({ counters: counted, waits })).waits).toEqual([
      {
        step: 'gmail',
        reason: 'token_not_ready',
        count: 7,
        oldestSince: '2026-11-25T09:55:00.000Z',
        dueBy: '2026-11-25T10:55:00.000Z',
      },
    ]);
  });

  test('a reason that this version does not know is refused, not shown as another one', () => {
    const examples = [{ step: 'gmail', reason: 'phase_of_the_moon', employeeNumber: '1001' }];
    expect(() => toDocument(facts({ examples }))).toThrow('phase_of_the_moon');
  });
});

describe('the cause', () => {
  const everyone = reasons.filter((word): word is FailureReason => word in failures);

  test('stands while pausing or paused, for every reason, with what to do and since when', () => {
    for (const state of ['pausing', 'paused']) {
      for (const causeReason of everyone) {
        const document = toDocument(facts({ migration: { state, causeReason, causeSince: minutesAgo(3) } }));
        expect(document.migration.cause).toEqual({
          reason: causeReason,
          whatToDo: failures[causeReason].whatToDo,
          since: '2026-11-25T09:57:00.000Z',
        });
      }
    }
  });

  test('is null in every other state, whatever the ledger still remembers', () => {
    for (const state of ['draft', 'planned', 'approved', 'running', 'completed', 'completedWithIssues', 'cancelled']) {
      const document = toDocument(facts({ migration: { state, causeReason: 'licences_used_up' } }));
      expect(document.migration.cause).toBeNull();
    }
  });
});
