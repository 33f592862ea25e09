import { expect, test } from 'vitest';
import type { ScimObject } from '#libs/ledger';
import { patchedUser, patchUrn } from './patch.js';

const emails = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ type: 'work', value: `${from + index}@x.example` }));
const patched = (user: ScimObject, operations: readonly unknown[]) =>
  patchedUser(user, { schemas: [patchUrn], Operations: operations });

test('what costs more with every value there is costs little: a list said again and again, and taken away in one', () => {
  const user = { userName: 'many', emails: emails(0, 500) };
  const again = Array.from({ length: 200 }, () => ({ op: 'add', path: 'emails', value: emails(0, 500) }));
  expect(patched(user, again)).toBe(user);
  const shared = Array.from({ length: 200 }, () => ({ op: 'remove', path: 'emails', value: emails(1_000, 500) }));
  expect(patched(user, shared)).toBe(user);
  expect(patched(user, [{ op: 'remove', path: 'emails', value: emails(1, 499) }])).toEqual({
    userName: 'many',
    emails: emails(0, 1),
  });
});

test('a user is never larger than the bound, not even between two operations', () => {
  const user = { userName: 'many', emails: emails(0, 500) };
  const grown = [
    { op: 'add', path: 'emails.display', value: 'x'.repeat(30_000) },
    { op: 'remove', path: 'emails' },
  ];
  expect(() => patched(user, grown)).toThrow('A user may have 65536 characters.');
});
