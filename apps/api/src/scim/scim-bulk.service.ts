import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { ScimError, scimErrorBody } from '#libs/feeds';
import { logToken, type Log } from '#libs/platform';
import { isDeep, referencesIn, withReferences } from './bulk-references.js';
import { requireMessage } from './scim-requests.js';
import { ScimService, type ScimAnswer, type ScimContext } from './scim.service.js';

export const operationsMax = 1_000;
export const bulkRequestUrn = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const bulkResponseUrn = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse';

const jobSchema = z.object({
  failOnErrors: z.int().min(1).nullish(),
  Operations: z.array(z.unknown()),
});
const operationSchema = z.object({
  method: z
    .string()
    .toUpperCase()
    .pipe(z.enum(['POST', 'PUT', 'PATCH', 'DELETE'])),
  bulkId: z.string().min(1).optional(),
  version: z.string().optional(),
  path: z.string(),
  data: z.unknown().optional(),
});
/** With the bulkIds that it refers to, which are asked for again and again. */
type Operation = z.infer<typeof operationSchema> & { readonly references: readonly string[] };

/** What became of one operation (RFC 7644, 3.7.3); the status is a text. */
interface Result {
  readonly method?: string;
  readonly bulkId?: string | undefined;
  readonly version?: string;
  readonly location?: string;
  readonly status: string;
  readonly response?: unknown;
}

/** Carries out many operations in one request, each by itself: one that fails undoes no other (RFC 7644, 3.7). */
@Injectable()
export class ScimBulkService {
  constructor(
    private readonly users: ScimService,
    @Inject(logToken) private readonly log: Log,
  ) {}

  /** @throws ScimError for a request that is no job, 413 for one that is too long. */
  async carryOut(context: ScimContext, body: unknown): Promise<{ schemas: string[]; Operations: Result[] }> {
    const { operations, failOnErrors } = jobOf(body);
    const job = new BulkJob(this.users, context, this.log, operations, failOnErrors);
    return { schemas: [bulkResponseUrn], Operations: await job.carryOut() };
  }
}

/** @throws ScimError */
export function jobOf(body: unknown): { operations: readonly unknown[]; failOnErrors: number } {
  requireMessage(body, bulkRequestUrn);
  const job = jobSchema.safeParse(body);
  if (!job.success) {
    throw new ScimError(400, 'invalidSyntax', 'A job has Operations, and perhaps failOnErrors, a number from 1 up.');
  }
  if (job.data.Operations.length > operationsMax) {
    throw new ScimError(413, undefined, `A job may have ${operationsMax} operations: send the rest in another one.`);
  }
  return { operations: job.data.Operations, failOnErrors: job.data.failOnErrors ?? Infinity };
}

class BulkJob {
  private readonly results: (Result | undefined)[];
  private readonly operations: (Operation | undefined)[];
  /** The id that each bulkId got. */
  private readonly ids = new Map<string, string>();
  /** bulkIds of operations that are still to create something. */
  private readonly expected = new Set<string>();
  private errors = 0;

  constructor(
    private readonly users: ScimService,
    private readonly context: ScimContext,
    private readonly log: Log,
    operations: readonly unknown[],
    private readonly failOnErrors: number,
  ) {
    this.results = operations.map(() => undefined);
    this.operations = operations.map(operationOf);
    for (const operation of this.operations) {
      if (operation?.method === 'POST' && operation.bulkId !== undefined) this.expected.add(operation.bulkId);
    }
  }

  async carryOut(): Promise<Result[]> {
    let waiting = this.operations.map((_, index) => index);
    while (waiting.length > 0 && !this.isOver) {
      const later: number[] = [];
      for (const index of waiting) {
        if (this.isOver) break;
        if (this.waits(index)) later.push(index);
        else await this.one(index);
      }
      if (later.length === waiting.length) await this.breakCircle(later);
      waiting = later.filter((index) => this.results[index] === undefined);
    }
    return this.results.filter((result) => result !== undefined);
  }

  private get isOver(): boolean {
    return this.errors >= this.failOnErrors;
  }

  /** Whether an operation refers to what another one is still to create. */
  private waits(index: number): boolean {
    const operation = this.operations[index];
    return operation !== undefined && operation.references.some((id) => this.expected.has(id));
  }

  private async one(index: number): Promise<void> {
    const operation = this.operations[index];
    if (operation === undefined) {
      const what =
        'An operation has a method of POST, PUT, PATCH or DELETE, a path, a bulkId of text, and data of a user.';
      return this.note(index, {}, new ScimError(400, 'invalidSyntax', what));
    }
    const isPost = operation.method === 'POST';
    try {
      if (operation.references.some((id) => !this.ids.has(id))) throw unresolved();
      const answer = await this.perform(operation, (id) => this.ids.get(id));
      this.note(index, operation, answer);
    } catch (error) {
      this.note(index, operation, this.asScimError(error));
    }
    if (isPost && operation.bulkId !== undefined) this.expected.delete(operation.bulkId);
  }

  /**
   * Operations that wait for each other: the first is made without its references, and learns them when the others are made
   * (RFC 7644, 3.7.1).
   */
  private async breakCircle(waiting: readonly number[]): Promise<void> {
    const index = waiting.find((one) => this.operations[one]?.method === 'POST');
    const operation = index === undefined ? undefined : this.operations[index];
    if (index === undefined || operation?.bulkId === undefined) {
      for (const one of waiting) this.note(one, this.operations[one] ?? {}, unresolved());
      return;
    }
    try {
      const answer = await this.perform(operation, (id) => this.ids.get(id));
      this.note(index, operation, answer);
      this.expected.delete(operation.bulkId);
      for (const other of waiting) if (other !== index && !this.isOver && !this.waits(other)) await this.one(other);
      if (operation.references.some((id) => this.expected.has(id))) await this.breakCircle(this.unfinished(waiting));
      const id = this.ids.get(operation.bulkId) ?? '';
      const whole = withReferences(operation.data, (bulkId) => this.ids.get(bulkId));
      this.note(index, operation, await this.users.replace(this.context, id, whole, {}));
    } catch (error) {
      this.note(index, operation, this.asScimError(error));
      this.expected.delete(operation.bulkId);
    }
  }

  private unfinished(indices: readonly number[]): number[] {
    return indices.filter((index) => this.results[index] === undefined);
  }

  private async perform(
    operation: Operation,
    idOf: (bulkId: string) => string | undefined,
  ): Promise<ScimAnswer | { location: string; version?: undefined }> {
    const { method, version, bulkId } = operation;
    const path = operation.path.replace(/bulkId:([^/]+)$/, (whole, bulk: string) => idOf(bulk) ?? whole);
    const data = withReferences(operation.data, idOf);
    const found = /^\/?Users(?:\/([^/]+))?\/?$/.exec(path);
    const id = found?.[1];
    if (found === null || (id === undefined) !== (method === 'POST')) {
      throw new ScimError(400, 'invalidPath', 'The path is /Users for a POST, else /Users/ and an id.');
    }
    if (id === undefined) {
      if (bulkId === undefined) throw new ScimError(400, 'invalidSyntax', 'A POST needs a bulkId.');
      if (this.ids.has(bulkId)) throw new ScimError(400, 'invalidValue', 'Another POST of the job has this bulkId.');
      const answer = await this.users.create(this.context, data, {});
      this.ids.set(bulkId, answer.id);
      return answer;
    }
    if (method === 'PUT') return this.users.replace(this.context, id, data, {}, version);
    if (method === 'PATCH') return this.users.patch(this.context, id, data, {}, version);
    await this.users.remove(this.context, id, version);
    return { location: `${this.context.address}/Users/${id}` };
  }

  private note(
    index: number,
    { method, bulkId, path }: Partial<Operation>,
    end: ScimError | ScimAnswer | { location: string; version?: undefined },
  ): void {
    const about = { ...(method !== undefined && { method }), ...(bulkId !== undefined && { bulkId }) };
    if (end instanceof ScimError) {
      this.errors += 1;
      // Every result but that of a failed POST names its resource.
      const id = /^\/?Users\/([^/:]+)$/.exec(path ?? '')?.[1];
      const location = id !== undefined && { location: `${this.context.address}/Users/${id}` };
      this.results[index] = { ...about, ...location, status: String(end.status), response: scimErrorBody(end) };
      return;
    }
    const status = method === 'POST' ? '201' : method === 'DELETE' ? '204' : '200';
    const version = end.version !== undefined && { version: end.version };
    this.results[index] = { ...about, location: end.location, ...version, status };
  }

  private asScimError(error: unknown): ScimError {
    if (error instanceof ScimError) return error;
    this.log.error('an operation of a job failed', {}, error);
    return new ScimError(500, undefined, 'A fault in Bascule: send the operation again.');
  }
}

/** Undefined for what is no operation. */
function operationOf(sent: unknown): Operation | undefined {
  const operation = operationSchema.safeParse(sent).data;
  if (operation === undefined || isDeep(operation.data)) return undefined;
  return { ...operation, references: [...referencesIn(operation.path), ...referencesIn(operation.data)] };
}

const unresolved = () => new ScimError(409, undefined, 'The operation refers to a bulkId that created nothing.');
