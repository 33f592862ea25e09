import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/index.js';
import type { Dispatcher } from 'undici';
import { send } from './http.js';

/** The client library's own types of a transport; every API of it has the same. */
type Adapter = NonNullable<gmail_v1.Options['adapter']>;
type Prepared = Parameters<Adapter>[0];
type Reply = Awaited<ReturnType<Adapter>>;

/**
 * Our own transport under the client library: one request over undici, none of its retries.
 * Source: gaxios, GaxiosOptions.adapter
 */
export function transportOver(dispatcher: Dispatcher, timeoutMs: number): Adapter {
  return async <T>(prepared: Prepared): Promise<Reply & { data: T }> => {
    const headers: Record<string, string> = {};
    prepared.headers.forEach((value, name) => {
      if (name !== 'accept-encoding') headers[name] = value;
    });
    const { body } = prepared;
    const reply = await send(dispatcher, {
      url: prepared.url,
      method: prepared.method ?? 'GET',
      headers,
      ...(typeof body === 'string' && { body }),
      timeoutMs,
    });
    const ok = reply.status < 300;
    const response: object = { ...reply, config: prepared, ok, statusText: '', bodyUsed: true };
    if (!isReply<T>(response)) throw new Error('not a reply');
    return response;
  };
}

/**
 * The client library looks at status, headers, data and (for errors) bodyUsed only; building a whole fetch Response costs
 * more than the call.
 */
const isReply = <T>(value: object): value is Reply & { data: T } =>
  'status' in value && 'headers' in value && 'data' in value;
