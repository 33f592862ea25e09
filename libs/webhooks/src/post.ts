import { lookup, type LookupAddress } from 'node:dns';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { mayReach, readTarget, type TargetRule } from './targets.js';

/** What a receiver made of a message: its status, or in one word why there was none. */
export type Answer =
  | { readonly status: number; readonly retryAfter: string | undefined }
  | { readonly trouble: 'timed_out' | 'address_refused' | 'not_reached' | 'given_up' };

export class AddressRefusedError extends Error {}

/**
 * Looks a name up and gives only addresses that may be reached, and the connection goes to those: a name that is looked up
 * again for the connection could lead elsewhere by then.
 */
export const guardedLookup =
  (rule: TargetRule): LookupFunction =>
  (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, '');
        return;
      }
      const allowed = addresses.filter(({ address }) => mayReach(address, rule));
      const [first] = allowed;
      if (first === undefined) callback(new AddressRefusedError('no address of the name may be reached'), '');
      else give(callback, options.all === true, allowed, first);
    });
  };

function give(
  callback: Parameters<LookupFunction>[2],
  all: boolean,
  addresses: LookupAddress[],
  first: LookupAddress,
): void {
  if (all) callback(null, addresses);
  else callback(null, first.address, first.family);
}

/**
 * Posts a message once, within the time-out as a whole. Redirects are not followed, the answer's body is not read, and the
 * connection is not kept. `stop` gives it up earlier. Never rejects.
 */
export function postOnce(
  target: string,
  message: { body: string; headers: Readonly<Record<string, string>> },
  { rule, timeoutMs, stop }: { rule: TargetRule; timeoutMs: number; stop: AbortSignal },
): Promise<Answer> {
  const read = readTarget(target, rule);
  if ('problem' in read) return Promise.resolve({ trouble: 'address_refused' });
  const { url } = read;
  const timeOut = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve) => {
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const request = send(url, {
      method: 'POST',
      agent: false,
      lookup: guardedLookup(rule),
      signal: AbortSignal.any([timeOut, stop]),
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(message.body),
        'user-agent': 'Bascule',
        ...message.headers,
      },
    });
    request.on('response', (response) => {
      resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] });
      response.on('error', () => undefined);
      response.destroy();
    });
    // 101 Switching Protocols: nobody asked for another protocol, and nothing else tells of it.
    request.on('upgrade', ({ statusCode = 101 }, socket) => {
      socket.destroy();
      resolve({ status: statusCode, retryAfter: undefined });
    });
    request.on('close', () => resolve({ trouble: 'not_reached' }));
    request.on('error', (error) => {
      if (error instanceof AddressRefusedError) resolve({ trouble: 'address_refused' });
      else if (stop.aborted) resolve({ trouble: 'given_up' });
      else resolve({ trouble: timeOut.aborted ? 'timed_out' : 'not_reached' });
    });
    request.end(message.body);
  });
}
