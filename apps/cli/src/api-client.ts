import { z } from 'zod';

/** A refusal of the API, in its own words, fields included. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: unknown,
    message: string,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

const problemSchema = z.object({
  title: z.string().default('The request failed'),
  detail: z.string().optional(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).default([]),
});

/** Speaks HTTP with the API; a token goes in the header only. */
export class ApiClient {
  constructor(
    readonly address: string,
    private readonly token: string,
  ) {}

  get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    return this.send('GET', path, schema);
  }

  post<T>(path: string, schema: z.ZodType<T>, body: unknown = {}): Promise<T> {
    return this.send('POST', path, schema, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  put<T>(path: string, schema: z.ZodType<T>, body: unknown): Promise<T> {
    return this.send('PUT', path, schema, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  delete<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    return this.send('DELETE', path, schema);
  }

  /** Pushes bytes as they are. */
  upload<T>(
    path: string,
    schema: z.ZodType<T>,
    upload: { body: ReadableStream; headers: Record<string, string> },
  ): Promise<T> {
    return this.send('POST', path, schema, { ...upload, duplex: 'half' });
  }

  /** Pushes bytes as they are and gives the raw answer. */
  async exchange(path: string, upload: { body: ReadableStream; headers: Record<string, string> }): Promise<Response> {
    const response = await this.request(path, { ...upload, method: 'POST', duplex: 'half' });
    if (!response.ok) throw await refusalOf(response);
    return response;
  }

  /** The raw answer, for reports and event streams. */
  async open(path: string, accept: string): Promise<Response> {
    const response = await this.request(path, { headers: { accept } });
    if (!response.ok) throw await refusalOf(response);
    return response;
  }

  get authorization(): Record<string, string> {
    return { authorization: `Bearer ${this.token}` };
  }

  private async send<T>(
    method: string,
    path: string,
    schema: z.ZodType<T>,
    init: { headers?: Record<string, string>; body?: string | ReadableStream; duplex?: 'half' } = {},
  ): Promise<T> {
    const response = await this.request(path, { ...init, method });
    if (!response.ok) throw await refusalOf(response);
    const text = await response.text();
    return schema.parse(text === '' ? undefined : JSON.parse(text));
  }

  private async request(
    path: string,
    init: { method?: string; headers?: Record<string, string>; body?: string | ReadableStream; duplex?: 'half' },
  ): Promise<Response> {
    try {
      return await fetch(new URL(path, this.address), { ...init, headers: { ...init.headers, ...this.authorization } });
    } catch {
      // The cause is a socket's error code, which says less than this line.
      throw new ApiError(0, undefined, `no API answers at ${this.address}; is it running? (--api or BASCULE_API)`);
    }
  }
}

/** What the API cannot know: where this program has the token from. */
const hints: Readonly<Record<number, string>> = {
  401: 'Set BASCULE_TOKEN to a token that is valid.',
  403: 'Set BASCULE_TOKEN to a token of that role.',
};

/** Reads an answer that is no success. */
export async function refusalOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return new ApiError(response.status, text, `the API answered ${response.status}`);
  }
  const problem = problemSchema.safeParse(body);
  if (!problem.success) return new ApiError(response.status, body, `the API answered ${response.status}`);
  const { title, detail, errors } = problem.data;
  const hint = hints[response.status];
  const lines = errors.map(({ field, message }) => `  ${field}: ${message}`);
  return new ApiError(
    response.status,
    body,
    [`${detail ?? title}${hint === undefined ? '' : ` ${hint}`}`, ...lines].join('\n'),
  );
}
