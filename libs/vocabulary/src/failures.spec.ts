import { expect, test } from 'vitest';
import {
  failures,
  isFailureReason,
  listedWaits,
  parseFailureReason,
  waitDeadline,
  type FailureReason,
} from './failures.js';
import { refusals, rejections, warnings } from './feed-reasons.js';

const reasons = Object.keys(failures).filter(isFailureReason);
const ofKind = (kind: string) => reasons.filter((reason) => failures[reason].kind === kind);

test('every failure says in plain sentences what is the matter and what a person should do', () => {
  for (const reason of reasons) {
    const { summary, whatToDo } = failures[reason];
    expect(reason).toMatch(/^[a-z]+(_[a-z0-9]+)*$/);
    for (const sentence of [summary, whatToDo]) expect(sentence).toMatch(/^[A-Z].{5,}[.]$/);
  }
});

test('no failure has room for personal data: sentences are constant and name nobody', () => {
  for (const reason of reasons) {
    const { summary, whatToDo } = failures[reason];
    expect(`${summary} ${whatToDo}`).not.toMatch(/[@{}<>$%]|\bundefined\b|\bnull\b/);
  }
});

test('what Bascule mends by itself asks nothing of anybody, and what it cannot mend asks something', () => {
  for (const reason of [...ofKind('retry'), ...ofKind('wait')]) expect(failures[reason].whatToDo).toMatch(/^Nothing: /);
  for (const reason of [...ofKind('employee'), ...ofKind('conflict'), ...ofKind('everyone')]) {
    expect(failures[reason].whatToDo).not.toMatch(/^Nothing/);
  }
});

test('no two failures mean the same', () => {
  expect(new Set(reasons.map((reason) => failures[reason].summary)).size).toBe(reasons.length);
});

test('whatever pauses everybody says how to go on', () => {
  const goesOn: readonly FailureReason[] = ['customer_mismatch'];
  for (const reason of ofKind('everyone').filter((one) => !goesOn.includes(one))) {
    expect(failures[reason].whatToDo).toMatch(/resume/i);
  }
});

test('every wait has a deadline after which the employee’s step fails, but for those whose end is known by date', () => {
  const unbounded = ofKind('wait').filter((reason) => waitDeadline(reason) === undefined);
  expect(unbounded.sort()).toEqual(['calendar_usage_limited', 'suspended_until_start']);
  for (const reason of ofKind('wait')) {
    const deadline = waitDeadline(reason);
    if (deadline === undefined) continue;
    expect(deadline.deadlineMs).toBeGreaterThan(0);
    expect(deadline.deadlineMs).toBeLessThanOrEqual(86_400_000);
    expect(failures[deadline.becomes].kind).toBe('employee');
  }
});

test('only waits are ended by listings', () => {
  for (const reason of listedWaits) expect(failures[reason].kind).toBe('wait');
});

test('a stored word that is no reason is a fault, not a default', () => {
  for (const reason of reasons) expect(parseFailureReason(reason)).toBe(reason);
  for (const word of ['', 'Left', 'constructor']) expect(() => parseFailureReason(word)).toThrow(/older version/);
});

test('every reason of a feed says what is the matter and what to do, and no row is both rejected and warned for it', () => {
  const all = [rejections, warnings, refusals].flatMap((table) => Object.entries(table));
  for (const [reason, { meaning, fix }] of all) {
    expect(reason).toMatch(/^[a-z]+(_[a-z0-9]+)*$/);
    expect(meaning).toMatch(/^(is|has|holds|ends|names|lies|begins|cannot|could|and) .*[^.]$/);
    expect(fix).toMatch(/^[a-z].{4,}[^.]$/);
  }
  expect(Object.keys(rejections).filter((reason) => Object.hasOwn(warnings, reason))).toEqual([]);
});
