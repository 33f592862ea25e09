import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stepNames, stepStates, steps, type StepName } from '#libs/vocabulary';
import { employeeStateOf, isFinished, newlyReady, type StepStanding } from './step-graph.js';

const standing = (step: StepName, rest: Partial<StepStanding> = {}): StepStanding => ({
  step,
  state: 'pending',
  reason: null,
  ready: false,
  ...rest,
});

describe('the step graph', () => {
  it('names only steps as prerequisites and has no cycle', () => {
    const seen = new Set<StepName>();
    for (const name of stepNames) {
      for (const prerequisite of steps[name].waitsFor) expect(seen).toContain(prerequisite);
      seen.add(name);
    }
  });

  it('makes gmail ready once the mailbox is done, whatever calendar does', () => {
    const standings = [
      standing('mailbox', { state: 'done', ready: true }),
      standing('gmail'),
      standing('calendar', { state: 'waiting', ready: true, reason: 'calendar_not_ready' }),
    ];
    expect(newlyReady(standings)).toEqual(['gmail']);
  });

  it('never makes a step ready behind a failed one', () => {
    expect(newlyReady([standing('mailbox', { state: 'failed', ready: true }), standing('gmail')])).toEqual([]);
  });
});

describe('the employee’s state', () => {
  it('is pending until the first step is touched', () => {
    expect(employeeStateOf([standing('account', { ready: true }), standing('aliases')]).state).toBe('pending');
  });

  it('is in progress while one step runs though another failed', () => {
    const standings = [
      standing('gmail', { state: 'failed', reason: 'signature_too_long', ready: true }),
      standing('calendar', { state: 'running', ready: true }),
    ];
    expect(employeeStateOf(standings).state).toBe('inProgress');
  });

  it('is failed when only steps behind the failed one are left', () => {
    const standings = [
      standing('mailbox', { state: 'failed', reason: 'mailbox_never_ready', ready: true }),
      standing('gmail'),
    ];
    expect(employeeStateOf(standings)).toEqual({ state: 'failed', reason: 'mailbox_never_ready' });
  });

  it('is a conflict when the failed step needs a person to settle it', () => {
    const standings = [standing('account', { state: 'failed', reason: 'account_turned_up', ready: true })];
    expect(employeeStateOf(standings).state).toBe('conflict');
  });

  it('is finished exactly when no step can run, now or after a wait', () => {
    const anyStanding = fc.record({
      step: fc.constantFrom(...stepNames),
      state: fc.constantFrom(...stepStates),
      reason: fc.constant(null),
      ready: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(anyStanding, { minLength: 1 }), (standings) => {
        const canRun = standings.some(
          ({ state, ready }) => state === 'running' || state === 'waiting' || (state === 'pending' && ready),
        );
        expect(isFinished(employeeStateOf(standings).state)).toBe(!canRun);
      }),
    );
  });
});
