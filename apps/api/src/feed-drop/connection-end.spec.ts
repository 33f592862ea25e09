import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ConnectionEnd } from './connection-end.js';

setFlagsFromString('--expose-gc');
const collectGarbage = z.custom<() => void>((value) => typeof value === 'function').parse(runInNewContext('gc'));

test('an answer that was had is not kept until the connection ends', async () => {
  const end = new ConnectionEnd();
  const had: WeakRef<Buffer>[] = [];
  for (let count = 0; count < 20; count += 1) {
    const piece = await end.before(Promise.resolve(Buffer.alloc(100_000)));
    had.push(new WeakRef(piece));
  }
  await setImmediate();
  collectGarbage();
  // The last one may still stand on the stack.
  expect(had.filter((one) => one.deref() !== undefined).length).toBeLessThanOrEqual(1);
  end.came(new Error('over'));
});

test('whoever waits when the connection ends is told why, and whoever asks after it', async () => {
  const end = new ConnectionEnd();
  const waiting = [1, 2].map(() => end.before(new Promise<never>(() => undefined)));
  end.came(new Error('first'));
  end.came(new Error('second'));
  for (const one of waiting) await expect(one).rejects.toThrow('first');
  await expect(end.before(Promise.resolve('late'))).rejects.toThrow('first');
});
