import { expect, test } from 'vitest';
import { isStepName, lanes, parseStepName, stepNames, steps } from './steps.js';

test('a step waits only for steps that stand before it, so that the graph has no cycle and its order can be walked', () => {
  const before = new Set<string>();
  for (const name of stepNames) {
    for (const awaited of steps[name].waitsFor) expect([...before]).toContain(awaited);
    expect(new Set(steps[name].waitsFor).size).toBe(steps[name].waitsFor.length);
    before.add(name);
  }
  expect(before.size).toBe(Object.keys(steps).length);
});

test('only the account waits for nothing, and every step waits for it, directly or not', () => {
  const ancestors = new Map<string, Set<string>>();
  for (const name of stepNames) {
    const all = new Set<string>();
    for (const awaited of steps[name].waitsFor)
      for (const one of [awaited, ...(ancestors.get(awaited) ?? [])]) all.add(one);
    ancestors.set(name, all);
    expect(all.has('account')).toBe(name !== 'account');
  }
});

test('gmail waits for the mailbox, and calendar does not wait for gmail', () => {
  expect(steps.gmail.waitsFor).toContain('mailbox');
  expect(steps.calendar.waitsFor).not.toContain('gmail');
});

test('every lane has a step, and every step a lane', () => {
  expect(new Set(stepNames.map((name) => steps[name].lane))).toEqual(new Set(lanes));
});

test('a step waits for Google a bounded time before its first try', () => {
  for (const name of stepNames) {
    expect(steps[name].firstTryAfterMs).toBeGreaterThanOrEqual(0);
    expect(steps[name].firstTryAfterMs).toBeLessThanOrEqual(300_000);
  }
  expect(steps.account.firstTryAfterMs).toBe(0);
});

test('a stored word that is no step is a fault, not a default', () => {
  for (const name of stepNames) expect(parseStepName(name)).toBe(name);
  for (const word of ['', 'Account', 'toString', 'mail']) {
    expect(isStepName(word)).toBe(false);
    expect(() => parseStepName(word)).toThrow(/older version/);
  }
});
