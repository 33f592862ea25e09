/** A refusal in Google's shapes. `shape` 2 adds status and details, as the newer front ends do. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    message: string,
    readonly more: { domain?: string; quotaLimit?: string; quotaValue?: number; shape2?: boolean } = {},
  ) {
    super(message);
  }

  body(): string {
    const { domain = 'global', quotaLimit, quotaValue, shape2 = false } = this.more;
    const error: Record<string, unknown> = {
      code: this.status,
      message: this.message,
      errors: [{ domain, reason: this.reason, message: this.message }],
    };
    if (shape2) {
      error['status'] = this.status === 429 ? 'RESOURCE_EXHAUSTED' : 'PERMISSION_DENIED';
      error['details'] = [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'RATE_LIMIT_EXCEEDED',
          domain: 'googleapis.com',
          metadata: { quota_limit: quotaLimit ?? '', quota_limit_value: String(quotaValue ?? '') },
        },
      ];
    }
    return JSON.stringify({ error });
  }
}

export const notFound = (what: string) => new Refusal(404, 'notFound', `Resource Not Found: ${what}`);
export const invalid = (message: string) => new Refusal(400, 'invalid', `Invalid Input: ${message}`);
export const duplicate = (message = 'Entity already exists.') => new Refusal(409, 'duplicate', message);
export const forbidden = () => new Refusal(403, 'forbidden', 'Not Authorized to access this resource/api');

/** The token endpoint's shape. */
export class TokenRefusal extends Error {
  constructor(
    readonly status: number,
    readonly error: string,
    description: string,
  ) {
    super(description);
  }

  body(): string {
    return JSON.stringify({ error: this.error, error_description: this.message });
  }
}
