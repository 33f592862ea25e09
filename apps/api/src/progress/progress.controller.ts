import {
  Controller,
  Get,
  Inject,
  Param,
  Query,
  Req,
  Res,
  Sse,
  StreamableFile,
  type MessageEvent,
} from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Observable, Subject, takeUntil } from 'rxjs';
import { z } from 'zod';
import { enrolledEmployees, listMigrations, rateCurve, readMigration, type Ledger } from '#libs/ledger';
import { Allow, ledgerToken, logToken, Problem, type Log } from '#libs/platform';
import { ProgressStream, readProgress, writeReport } from '#libs/progress';
import { employeeStates, migrationIdSchema, type MigrationId } from '#libs/vocabulary';

const employeesSchema = z.strictObject({
  state: z.enum(employeeStates).optional(),
  step: z.string().optional(),
  reason: z.string().optional(),
  cursor: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
const reportSchema = z.strictObject({ format: z.enum(['json', 'csv']).optional() });
const curvePoints = 600;

/** How far a migration is: exact at every moment, in constant time. */
@ApiTags('progress')
@Controller('v1/migrations')
export class ProgressController {
  private readonly stream: ProgressStream;
  private readonly stopping = new Subject<void>();

  constructor(
    @Inject(ledgerToken) private readonly ledger: Ledger,
    @Inject(logToken) log: Log,
  ) {
    this.stream = new ProgressStream(ledger, (fault) => log.warn('progress could not be read', {}, fault));
  }

  @Get()
  @Allow('viewer')
  @ApiOperation({ summary: 'Lists the migrations, newest first' })
  async list() {
    const migrations = await listMigrations(this.ledger.db);
    return Promise.all(
      migrations.map(async (migration) => {
        const progress = await readProgress(this.ledger, migration.id);
        return { ...migration, percent: progress?.percent ?? 0, employees: progress?.employees };
      }),
    );
  }

  @Get(':id/progress')
  @Allow('viewer')
  @ApiOperation({ summary: 'The progress document' })
  async progress(@Param('id') id: string) {
    const document = await readProgress(this.ledger, idOf(id));
    if (document === undefined) throw new Problem('not-found', 'There is no migration with this id.');
    return document;
  }

  @Sse(':id/progress/stream')
  @Allow('viewer')
  @ApiOperation({ summary: 'The progress document at each change, as server-sent events' })
  async events(@Param('id') text: string): Promise<Observable<MessageEvent>> {
    const id = idOf(text);
    if ((await readMigration(this.ledger.db, id)) === undefined) {
      throw new Problem('not-found', 'There is no migration with this id.');
    }
    return new Observable<MessageEvent>((subscriber) =>
      this.stream.listen(id, (document) =>
        subscriber.next({ type: 'progress', id: document.asOf, retry: 2_000, data: document }),
      ),
    ).pipe(takeUntil(this.stopping));
  }

  @Get(':id/rates')
  @Allow('viewer')
  @ApiOperation({ summary: 'Employees finished and calls made over time' })
  rates(@Param('id') id: string) {
    return rateCurve(this.ledger, idOf(id), curvePoints);
  }

  @Get(':id/employees')
  @Allow('viewer')
  @ApiOperation({ summary: 'A page of its employees, by state, step or reason' })
  async employees(@Param('id') id: string, @Query({ schema: employeesSchema }) query: z.infer<typeof employeesSchema>) {
    const employees = await enrolledEmployees(this.ledger.db, idOf(id), {
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
  async report(
    @Param('id') text: string,
    @Query({ schema: reportSchema }) query: z.infer<typeof reportSchema>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const id = idOf(text);
    if ((await readMigration(this.ledger.db, id)) === undefined) {
      throw new Problem('not-found', 'There is no migration with this id.');
    }
    const format = query.format ?? (request.headers.accept?.includes('text/csv') === true ? 'csv' : 'json');
    void reply.header('content-type', format === 'csv' ? 'text/csv; charset=utf-8' : 'application/json');
    return new StreamableFile(await writeReport(this.ledger, id, format));
  }

  /** Before the server closes: it waits for open answers, and a stream never ends by itself. */
  beforeApplicationShutdown(): void {
    this.stopping.next();
    this.stream.close();
  }
}

function idOf(text: string): MigrationId {
  const id = migrationIdSchema.safeParse(text);
  if (!id.success) throw new Problem('not-found', 'There is no migration with this id.');
  return id.data;
}
