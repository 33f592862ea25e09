import { Agent, request, type Dispatcher } from 'undici';

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
 * One request, never repeated, within a hard time-out. Built on undici.request because node-fetch, the client library's
 * default, costs three times the CPU a call.
 */
export async function send(
  dispatcher: Dispatcher,
  call: { url: string; method: string; headers: Record<string, string>; body?: string; timeoutMs: number },
): Promise<HttpReply> {
  const reply = await request(call.url, {
    dispatcher,
    method: httpMethod(call.method),
    headers: call.headers,
    ...(call.body !== undefined && { body: call.body }),
    signal: AbortSignal.timeout(call.timeoutMs),
  });
  const text = await reply.body.text();
  const headers = new Headers();
  for (const [name, value] of Object.entries(reply.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return { status: reply.statusCode, headers, data: jsonOr(text) };
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

/** Whether the request cannot have reached Google: the connection was never made. */
export function neverSent(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'UND_ERR_CONNECT_TIMEOUT'].includes(String(code));
}
