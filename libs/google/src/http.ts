import { EventEmitter } from 'node:events';
import { Agent, request, type Dispatcher } from 'undici';
import type { FailureReason } from '#libs/vocabulary';

export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  readonly data: unknown;
}

/** One pool of kept-alive connections for everything that goes to Google. */
export function openConnections(connections: number, callTimeoutMs: number): Agent {
  return new Agent({
    connections,
    pipelining: 1,
    keepAliveTimeout: 30_000,
    headersTimeout: callTimeoutMs,
    bodyTimeout: callTimeoutMs,
    connect: { timeout: Math.min(10_000, callTimeoutMs) },
  });
}

/**
 * One request, never repeated and never redirected, within a hard time-out. Built on undici.request because node-fetch,
 * the client library's default, costs three times the CPU a call. Headers are read of refusals only: nobody asks for those
 * of a success, and building them costs as much as the rest of the reply.
 */
export async function send(
  dispatcher: Dispatcher,
  call: { url: string | URL; method: string; headers: Record<string, string>; body?: string; timeoutMs: number },
): Promise<HttpReply> {
  // An emitter and a plain timer do what AbortSignal.timeout does at a fraction of its cost.
  const patience = new EventEmitter();
  const timer = setTimeout(() => patience.emit('abort'), call.timeoutMs);
  try {
    const reply = await request(call.url, {
      dispatcher,
      method: httpMethod(call.method),
      headers: call.headers,
      ...(call.body !== undefined && { body: call.body }),
      signal: patience,
    });
    const text = await reply.body.text();
    return { status: reply.statusCode, headers: headersOf(reply), data: jsonOr(text) };
  } finally {
    clearTimeout(timer);
  }
}

function headersOf({ statusCode, headers: received }: Dispatcher.ResponseData): Headers {
  const headers = new Headers();
  if (statusCode < 300) return headers;
  for (const [name, value] of Object.entries(received)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return headers;
}

function httpMethod(method: string): Dispatcher.HttpMethod {
  switch (method) {
    case 'POST':
    case 'PUT':
    case 'PATCH':
    case 'DELETE':
      return method;
    default:
      return 'GET';
  }
}

function jsonOr(text: string): unknown {
  if (text === '') return '';
  try {
    return JSON.parse(text);
  } catch {
    // Text and HTML pages come from Google's front ends; the classifier reads them as text.
    return text;
  }
}

const neverConnected = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const notGoogle = /^(CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|UNABLE_TO_|ERR_TLS_|ERR_SSL_)/;

/**
 * What it means that no reply came, and whether the request can have arrived: a connection that was never made carried
 * nothing, and one whose certificate is wrong was never used.
 */
export function withoutReply(error: unknown): { reason: FailureReason; sent: boolean } {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (neverConnected.has(code)) return { reason: 'google_unavailable', sent: false };
  if (notGoogle.test(code)) return { reason: 'wrong_endpoint', sent: false };
  return { reason: 'reply_lost', sent: true };
}

const retryAfterMaxMs = 3_600_000;
const timeInMessage = /retry after (\d{4}-\d\d-\d\dT[\d:.]+Z)/i;

/**
 * When Google asks to be tried again: the Retry-After header (seconds or a date, RFC 9110 section 10.2.3), or the time in
 * the text of Gmail's refusals. At most an hour: a date far away is a fault, not a wish.
 */
export function retryAfter(header: string | null, message: string): number | undefined {
  const seconds = header === null || header.trim() === '' ? Number.NaN : Number(header);
  if (Number.isFinite(seconds)) return Math.min(retryAfterMaxMs, Math.max(0, seconds * 1_000));
  const date = Date.parse(header ?? timeInMessage.exec(message)?.[1] ?? '');
  return Number.isNaN(date) ? undefined : Math.min(retryAfterMaxMs, Math.max(0, date - Date.now()));
}
