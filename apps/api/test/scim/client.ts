import { randomUUID } from 'node:crypto';
import { expect, vi } from 'vitest';
import { z } from 'zod';
import { startApi, type TestApi } from '../setup.js';

export const coreUrn = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const enterpriseUrn = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
export const workerUrn = 'urn:bascule:scim:schemas:extension:worker:1.0:User';
export const patchUrn = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
export const listUrn = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
export const errorUrn = 'urn:ietf:params:scim:api:messages:2.0:Error';

const bodySchema = z.record(z.string(), z.unknown());
export type Body = z.infer<typeof bodySchema>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
  readonly text: string;
}

/** A user without whom nothing can be asked. */
export const newUser = (more: Body = {}): Body => {
  const userName = `worker-${randomUUID()}`;
  return { schemas: [coreUrn], userName, ...more };
};

/** All that an employee record needs. */
export const wholeWorker = (more: Body = {}): Body =>
  newUser({
    schemas: [coreUrn, enterpriseUrn, workerUrn],
    externalId: randomUUID().slice(0, 13),
    name: { givenName: 'Zoë', familyName: 'Müller' },
    userType: 'Employee',
    active: true,
    addresses: [{ type: 'work', country: 'DE' }],
    [workerUrn]: { hireDate: '2020-01-01' },
    ...more,
  });

/** A SCIM client with a token of a source of its own, over real HTTP. */
export class ScimClient {
  private constructor(
    readonly api: TestApi,
    readonly address: string,
    readonly source: string,
    private readonly token: string,
  ) {}

  static async start(source = 'people', environment: Record<string, string> = {}): Promise<ScimClient> {
    const api = await startApi(environment);
    await api.app.listen({ host: '127.0.0.1', port: 0 });
    return new ScimClient(api, await api.app.getUrl(), source, await api.token('feed', source));
  }

  /** Another client of the same API, bound to another source. */
  async other(source: string): Promise<ScimClient> {
    return new ScimClient(this.api, this.address, source, await this.api.token('feed', source));
  }

  stop(): Promise<void> {
    return this.api.stop();
  }

  async send(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const response = await fetch(`${this.address}/scim/v2${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body !== undefined && { 'content-type': 'application/scim+json' }),
        ...headers,
      },
      ...(body !== undefined && {
        body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
      }),
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.includes('json') === true && text !== '';
    return {
      status: response.status,
      headers: response.headers,
      body: json ? bodySchema.parse(JSON.parse(text)) : {},
      text,
    };
  }

  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer> {
    return this.send('GET', path, undefined, headers);
  }

  async create(body: Body = newUser()): Promise<Body & { id: string }> {
    const answer = await this.send('POST', '/Users', body);
    expect(answer).toMatchObject({ status: 201 });
    return z.looseObject({ id: z.string() }).parse(answer.body);
  }

  patch(id: string, ...operations: readonly Body[]): Promise<Answer> {
    return this.send('PATCH', `/Users/${id}`, { schemas: [patchUrn], Operations: operations });
  }

  async search(query: Readonly<Record<string, string | number>>): Promise<Answer> {
    const parameters = new URLSearchParams(
      Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
    );
    return this.get(`/Users?${parameters.toString()}`);
  }

  /** Who is found, by user name. */
  async found(filter: string): Promise<string[]> {
    const { status, body } = await this.search({ filter, count: 1_000 });
    expect(status).toBe(200);
    return usersSchema.parse(body).Resources.map(({ userName }) => userName);
  }

  /** What became of a user's latest change, once it is no longer waiting. */
  async provisioning(id: string): Promise<{ state: string; problems?: string[] | undefined }> {
    return vi.waitFor(
      async () => {
        const { body } = await this.get(`/Users/${id}?attributes=${workerUrn}:provisioning`);
        const { provisioning } = provisioningSchema.parse(body)[workerUrn];
        expect(provisioning.state).not.toBe('waiting');
        return provisioning;
      },
      { timeout: 40_000, interval: 100 },
    );
  }

  /** The records of the source as the intake left them. */
  async records(): Promise<Body[]> {
    const { rows } = await this.api.foundation.ledger.pool.query<{ record: unknown }>(
      `select record from employee join employee_version
         on employee_version.employee_id = employee.id and employee_version.version = employee.version
       where source = $1 order by employee_number`,
      [this.source],
    );
    return rows.map(({ record }) => bodySchema.parse(record));
  }
}

const usersSchema = z.object({ Resources: z.array(z.looseObject({ userName: z.string() })) });
const provisioningSchema = z.object({
  [workerUrn]: z.object({ provisioning: z.object({ state: z.string(), problems: z.array(z.string()).optional() }) }),
});

/** An error's body is exactly this, with a sentence that repeats nothing of the request. */
export function expectError(answer: Answer, status: number, scimType?: string): void {
  expect({ status: answer.status, body: answer.body }).toEqual({
    status,
    body: {
      schemas: [errorUrn],
      status: String(status),
      ...(scimType !== undefined && { scimType }),
      detail: expect.stringMatching(/^[A-Z/a-z].{8,}/),
    },
  });
  expect(answer.headers.get('content-type')).toContain('application/scim+json');
}
