import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SortedKeys } from './sorted-keys.js';

test('keys stand in order whatever came and went', () => {
  const change = fc.tuple(fc.boolean(), fc.string({ maxLength: 3 }));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 400 }), fc.string({ maxLength: 3 }), (changes, mark) => {
      const keys = new SortedKeys();
      const expected = new Set<string>();
      for (const [isAdded, key] of changes) {
        if (isAdded) {
          keys.add(key);
          expected.add(key);
        } else {
          keys.delete(key);
          expected.delete(key);
        }
      }
      const sorted = [...expected].sort();
      expect(keys.size).toBe(sorted.length);
      expect(keys.slice(0, Infinity)).toEqual(sorted);
      expect(keys.slice(2, 5)).toEqual(sorted.slice(2, 5));
      expect([...keys.after(mark)]).toEqual(sorted.filter((key) => key > mark));
    }),
  );
});

test('many keys fall into many blocks', () => {
  const keys = new SortedKeys();
  const all = Array.from({ length: 10_000 }, (_, n) => String((n * 7_919) % 10_000).padStart(5, '0'));
  for (const key of all) keys.add(key);
  for (const key of all.slice(0, 5_000)) keys.delete(key);
  const left = all.slice(5_000).sort();
  expect(keys.slice(0, Infinity)).toEqual(left);
  expect(keys.slice(4_990, 5_100)).toEqual(left.slice(4_990));
  expect(keys.after(left[2_500] ?? '').next().value).toBe(left[2_501]);
});
