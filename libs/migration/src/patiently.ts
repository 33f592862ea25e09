import { setTimeout as sleep } from 'node:timers/promises';
import { GoogleCallError } from '#libs/google';
import { failures } from '#libs/vocabulary';
import { backoffMs } from './outcome-changes.js';

const triesMax = 8;

/** Repeats a read that failed in passing: outside a batch nobody else takes it back. Each try takes a permit of its own. */
export async function patiently<T>(read: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await read();
    } catch (error) {
      const passing = error instanceof GoogleCallError && failures[error.reason].kind === 'retry';
      if (!passing || tries + 1 >= triesMax) throw error;
      await sleep(backoffMs(tries, Math.random, error.retryAfterMs) / 4);
    }
  }
}

/** Every page of one of Google's listings, each read patiently, while the page before it is being dealt with. */
export async function* pages<P extends { readonly nextPageToken: string | undefined }>(
  read: (page: { pageToken?: string }) => Promise<P>,
): AsyncGenerator<P> {
  let coming: Promise<P> | undefined = patiently(() => read({}));
  while (coming !== undefined) {
    const page: P = await coming;
    const { nextPageToken: pageToken } = page;
    coming = pageToken === undefined ? undefined : patiently(() => read({ pageToken }));
    // Whoever breaks off does not wait for it any more.
    coming?.catch(() => undefined);
    yield page;
  }
}

/**
 * Works through the items, so many at once. Begins none after a failure, and rejects with it once all that were begun have
 * ended.
 */
export async function sideBySide<T>(
  items: Iterable<T>,
  count: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  const thrown: unknown[] = [];
  const workNext = async () => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      if (thrown.length > 0) return;
      await work(next.value);
    }
  };
  await Promise.all(
    Array.from({ length: count }, () => workNext().catch((failure: unknown) => void thrown.push(failure))),
  );
  if (thrown.length > 0) throw thrown[0];
}
