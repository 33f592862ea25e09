import { Controller, Get, Headers, Inject, Param, Query, Req, Res, StreamableFile } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { enrolledEmployees, listMigrations, rateCurve, readMigration, type Ledger } from '#libs/ledger';
import { Allow, ledgerToken, logToken, Problem, type Log } from '#libs/platform';
import { ProgressStream, readOverview, readProgress, writeReport } from '#libs/progress';
import { employeeStates, migrationIdSchema, type MigrationId } from '#libs/vocabulary';
import { Answers, Problems } from '../described.js';
import { migrationListSchema } from '../migrations/migrations.schemas.js';
import { EventStream } from './event-stream.js';
import {
  enrolledPageSchema,
  progressSchema,
  ratesSchema,
  reasonSchema,
  reportSchema,
  stepSchema,
} from './progress.schemas.js';

const employeesSchema = z.strictObject({
  state: z.enum(employeeStates).optional(),
  step: stepSchema.optional().meta({ description: 'Those with this step failed, waiting or running.' }),
  reason: reasonSchema.optional().meta({ description: 'Those who have this reason, or a step of theirs has.' }),
  cursor: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
const formatSchema = z.strictObject({
  format: z.enum(['json', 'csv']).optional().meta({ description: 'Left out: what Accept asks for, else JSON.' }),
});
const curvePoints = 600;

/** How far a migration is: exact at every moment, in constant time. */
@ApiTags('progress')
@Controller('v1/migrations')
export class ProgressController {
  private readonly stream: ProgressStream;
  private readonly open = new Set<EventStream>();

  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    @Inject(logToken) log: Log,
  ) {
    this.stream = new ProgressStream(
      (id) => readProgress(ledger, id),
      (fault) => log.warn('progress could not be read', {}, fault),
    );
  }

  @Get()
  @Allow('viewer')
  @ApiOperation({ summary: 'Lists the migrations, newest first, with their counts' })
  @Answers(200, migrationListSchema)
  async list() {
    const migrations = await listMigrations(this.ledger.db);
    const overview = await readOverview(
      this.ledger,
      migrations.map(({ id }) => id),
    );
    return migrations.map((migration) => ({ ...migration, ...overview.get(migration.id) }));
  }

  @Get(':id/progress')
  @Allow('viewer')
  @ApiOperation({ summary: 'The progress document: exact at one moment, in constant time' })
  @Answers(200, progressSchema)
  @Problems('not-found')
  async progress(@Param('id') id: string) {
    const document = await readProgress(this.ledger, idOf(id));
    if (document === undefined) throw new Problem('not-found', 'There is no migration with this id.');
    return document;
  }

  @Get(':id/progress/stream')
  @Allow('viewer')
  @ApiOperation({
    summary: 'The progress document at each change, as server-sent events',
    description:
      'Events are named `progress`; each `data` is a whole progress document and its `id` the document’s `asOf`. The first ' +
      'comes at once, unless Last-Event-ID names it. A comment every 15 seconds keeps proxies from cutting the connection. ' +
      'The stream ends by itself after five minutes: reconnect, as EventSource does.',
  })
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'The id of the last event that was seen.' })
  @ApiProduces('text/event-stream')
  @ApiResponse({ status: 200, content: { 'text/event-stream': { schema: { type: 'string' } } } })
  @Problems('not-found')
  async events(
    @Param('id') text: string,
    @Headers('last-event-id') lastSeen: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    const id = await this.existing(text);
    // Told to proxies: neither keep nor gather what passes.
    void reply.headers({ 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' });
    const stream = new EventStream();
    this.open.add(stream);
    stream.once('close', () => this.open.delete(stream));
    stream.follow((send) =>
      this.stream.listen(id, (document) => send({ event: 'progress', id: document.asOf, data: document }), lastSeen),
    );
    return new StreamableFile(stream, { type: 'text/event-stream; charset=utf-8' });
  }

  @Get(':id/rates')
  @Allow('viewer')
  @ApiOperation({ summary: 'Employees finished and calls made over time, at most some hundred points' })
  @Answers(200, ratesSchema)
  @Problems('not-found')
  async rates(@Param('id') id: string) {
    return rateCurve(this.ledger, await this.existing(id), curvePoints);
  }

  @Get(':id/employees')
  @Allow('viewer')
  @ApiOperation({ summary: 'A page of its employees, by state, step or reason' })
  @Answers(200, enrolledPageSchema)
  @Problems('not-found', 'invalid-field')
  async employees(@Param('id') id: string, @Query({ schema: employeesSchema }) query: z.infer<typeof employeesSchema>) {
    const employees = await enrolledEmployees(this.ledger.db, await this.existing(id), {
      after: query.cursor,
      limit: query.limit,
      ...(query.state !== undefined && { state: query.state }),
      ...(query.step !== undefined && { step: query.step }),
      ...(query.reason !== undefined && { reason: query.reason }),
    });
    return { employees, cursor: employees.length === query.limit ? (employees.at(-1)?.enrolmentId ?? null) : null };
  }

  @Get(':id/report')
  @Allow('viewer')
  @ApiOperation({ summary: 'A line an employee: what became of them and what to do (JSON or CSV)' })
  @ApiProduces('application/json', 'text/csv')
  @Answers(200, reportSchema)
  @Problems('not-found', 'invalid-field')
  async report(
    @Param('id') text: string,
    @Query({ schema: formatSchema }) query: z.infer<typeof formatSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const id = await this.existing(text);
    const format = query.format ?? (request.headers.accept?.includes('text/csv') === true ? 'csv' : 'json');
    void reply.header('content-type', format === 'csv' ? 'text/csv; charset=utf-8' : 'application/json');
    return new StreamableFile(await writeReport(this.ledger, id, format));
  }

  /** Before the server closes: it waits for open answers, and a stream never ends by itself. */
  beforeApplicationShutdown(): void {
    for (const stream of this.open) stream.end();
    this.stream.close();
  }

  private async existing(text: string): Promise<MigrationId> {
    const id = idOf(text);
    if ((await readMigration(this.ledger.db, id)) !== undefined) return id;
    throw new Problem('not-found', 'There is no migration with this id.');
  }
}

function idOf(text: string): MigrationId {
  const id = migrationIdSchema.safeParse(text);
  if (!id.success) throw new Problem('not-found', 'There is no migration with this id.');
  return id.data;
}
