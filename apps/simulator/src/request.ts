import type { Mask } from './field-mask.js';
import type { Method } from './documents.js';

/** Whose token it is, and for what. */
export interface Bearer {
  readonly subject: string;
  readonly scopes: ReadonlySet<string>;
}

/** One call, taken apart, and found to fit its method. */
export interface Call {
  readonly method: Method;
  /** Parameters in the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  readonly bearer: Bearer;
  readonly mask: Mask | 'all';
}

/** A reply: an object, which the mask is still to be laid over, or JSON text to which it has been. */
export type Result = Readonly<Record<string, unknown>> | Text | Nothing;

export class Text {
  constructor(
    readonly json: string,
    readonly status = 200,
    readonly type = 'application/json; charset=UTF-8',
  ) {}
}

/** An empty body. */
export class Nothing {
  readonly status = 204;
}

export type Handler = (call: Call) => Result;

/** A parameter of the path; the router put it there. */
export const param = (call: Call, name: string): string => call.params[name] ?? '';
