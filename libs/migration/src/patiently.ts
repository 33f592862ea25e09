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
