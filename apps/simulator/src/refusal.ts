/** What a refusal may carry beside status, reason and words. */
export interface RefusalDetails {
  readonly domain?: string;
  /** Which quota refused, and its size: makes the newer shape, with `status` and `details`. */
  readonly quotaLimit?: string;
  readonly quotaValue?: number;
  readonly service?: string;
  /** Google's RPC status, `PERMISSION_DENIED`: makes the newer shape. */
  readonly rpcStatus?: string;
  readonly details?: readonly object[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal in Google's shapes: the classic one, or with status and details, as the newer front ends do. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    message: string,
    readonly more: RefusalDetails = {},
  ) {
    super(message);
  }

  get headers(): Readonly<Record<string, string>> {
    return this.more.headers ?? {};
  }

  body(): string {
    const { domain = 'global', rpcStatus, details } = this.more;
    const error: Record<string, unknown> = {
      code: this.status,
      message: this.message,
      errors: [{ domain, reason: this.reason, message: this.message }],
    };
    if (this.more.quotaLimit !== undefined) {
      error['status'] = this.status === 429 ? 'RESOURCE_EXHAUSTED' : 'PERMISSION_DENIED';
      error['details'] = [this.quotaDetail(), quotaHelp];
    } else if (rpcStatus !== undefined) {
      error['status'] = rpcStatus;
      if (details !== undefined) error['details'] = details;
    }
    return JSON.stringify({ error });
  }

  private quotaDetail(): object {
    const { quotaLimit = '', quotaValue = 0, service = '' } = this.more;
    return {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'RATE_LIMIT_EXCEEDED',
      domain: 'googleapis.com',
      metadata: {
        service,
        quota_metric: `${service}/default`,
        quota_limit: quotaLimit,
        quota_limit_value: String(quotaValue),
        quota_location: 'global',
        consumer: `projects/${projectNumber}`,
      },
    };
  }
}

export const projectNumber = '100000000001';

const quotaHelp = {
  '@type': 'type.googleapis.com/google.rpc.Help',
  links: [
    {
      description: 'Request a higher quota limit.',
      url: 'https://cloud.google.com/docs/quotas/help/request_increase',
    },
  ],
};

export const notFound = (what: string) => new Refusal(404, 'notFound', `Resource Not Found: ${what}`);
export const invalid = (message: string) => new Refusal(400, 'invalid', `Invalid Input: ${message}`);
export const duplicate = (message = 'Entity already exists.') => new Refusal(409, 'duplicate', message);
export const forbidden = () => new Refusal(403, 'forbidden', 'Not Authorized to access this resource/api');

/** What the front end says of a payload that does not fit the method. */
export const badPayload = (message: string) =>
  new Refusal(400, 'invalid', message, {
    rpcStatus: 'INVALID_ARGUMENT',
    details: [{ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{ description: message }] }],
  });

/** The token endpoint's shape. */
export class TokenRefusal extends Error {
  constructor(
    readonly status: number,
    readonly error: string,
    description: string,
  ) {
    super(description);
  }

  readonly headers: Readonly<Record<string, string>> = {};

  body(): string {
    return JSON.stringify({ error: this.error, error_description: this.message });
  }
}
