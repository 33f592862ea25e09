import type { LookupAddress } from 'node:dns';
import { expect, test } from 'vitest';
import { AddressRefusedError, guardedLookup } from './post.js';
import type { TargetRule } from './targets.js';

const lookUp = (name: string, rule: TargetRule, all: boolean) =>
  new Promise<string | LookupAddress[]>((resolve, reject) => {
    guardedLookup(rule)(name, { all }, (error, address) => (error === null ? resolve(address) : reject(error)));
  });

test('a name that leads to this machine is refused at the look-up itself, so that no second look-up can differ', async () => {
  for (const all of [true, false]) {
    await expect(lookUp('localhost', 'public', all)).rejects.toThrow(AddressRefusedError);
  }
});

test('the private rule gives this machine’s addresses, in the form that was asked for', async () => {
  expect(await lookUp('localhost', 'private', false)).toMatch(/^(127\.0\.0\.1|::1)$/);
  expect(await lookUp('localhost', 'private', true)).toEqual(
    expect.arrayContaining([{ address: expect.stringMatching(/^(127\.0\.0\.1|::1)$/), family: expect.any(Number) }]),
  );
});

test('a name that nobody has is told as such', async () => {
  await expect(lookUp('nobody.invalid', 'public', true)).rejects.toThrow(/ENOTFOUND|EAI_AGAIN/);
});
