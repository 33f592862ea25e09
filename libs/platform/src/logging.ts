import type { LoggerService } from '@nestjs/common';
import { pino, type DestinationStream, type Logger } from 'pino';
import type { FailureReason } from '#libs/vocabulary';

/**
 * What a log line may say beside its sentence: ids, counts, reasons, never a person's data. A new field is added here, so
 * that it is looked at once.
 */
export interface LogFields {
  readonly migrationId?: string | undefined;
  readonly planId?: string | undefined;
  readonly blueprintId?: string | undefined;
  readonly deliveryId?: string | undefined;
  /** An HR system's name, as the admin calls it. */
  readonly source?: string | undefined;
  /** Where a source leaves its files: folder or sftp; never a file's name, which HR chooses. */
  readonly place?: string | undefined;
  readonly employeeId?: string | undefined;
  readonly enrolmentId?: number | undefined;
  readonly batchId?: number | undefined;
  readonly tokenId?: string | undefined;
  readonly requestId?: string | undefined;
  readonly lane?: string | undefined;
  readonly step?: string | undefined;
  readonly state?: string | undefined;
  readonly reason?: FailureReason | undefined;
  readonly quota?: string | undefined;
  readonly count?: number | undefined;
  readonly failedCount?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly slot?: number | undefined;
  readonly port?: number | undefined;
  /** Of an HTTP request: the route's pattern, never the address that was asked for. */
  readonly route?: string | undefined;
  readonly method?: string | undefined;
  readonly status?: number | undefined;
  readonly context?: string | undefined;
}

/** Writes JSON lines. `sentence` is a constant text: what changes goes into the fields. */
export interface Log {
  debug(sentence: string, fields?: LogFields): void;
  info(sentence: string, fields?: LogFields): void;
  warn(sentence: string, fields?: LogFields, error?: unknown): void;
  error(sentence: string, fields?: LogFields, error?: unknown): void;
  /** The same log for Nest itself. */
  readonly forNest: LoggerService;
}

export interface LogOptions {
  readonly level: string;
  /** Which process speaks: api, worker. */
  readonly process: string;
  readonly destination?: DestinationStream | undefined;
}

/** Opens the log of a process, on standard output unless told otherwise. */
export function openLog(options: LogOptions): Log {
  const logger = pino(
    {
      level: options.level,
      base: { process: options.process, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: ['*.authorization', '*.cookie', '*.token', '*.password'], censor: '[redacted]' },
    },
    options.destination ?? pino.destination({ dest: 1, sync: true }),
  );
  return {
    debug: (sentence, fields) => logger.debug(fields ?? {}, sentence),
    info: (sentence, fields) => logger.info(fields ?? {}, sentence),
    warn: (sentence, fields, error) => logger.warn({ ...fields, ...faultFields(error) }, sentence),
    error: (sentence, fields, error) => logger.error({ ...fields, ...faultFields(error) }, sentence),
    forNest: nestLogger(logger),
  };
}

interface FaultFields {
  readonly fault?: string;
  readonly code?: string;
  readonly at?: readonly string[];
  readonly cause?: FaultFields;
}

/**
 * What may be said about an exception: its kind, its code and where it was thrown. Its message is left out: messages of
 * PostgreSQL and Google quote the values at fault.
 */
export function faultFields(error: unknown): FaultFields {
  if (!(error instanceof Error)) return {};
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const at = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const cause = error.cause instanceof Error ? { cause: faultFields(error.cause) } : {};
  return { fault: error.name, ...code, at: at.slice(0, 8).map((line) => line.trim()), ...cause };
}

/** Nest's own lines name modules and routes; its errors come as exceptions or as text with a stack. */
function nestLogger(logger: Logger): LoggerService {
  const write =
    (level: 'debug' | 'warn' | 'error') =>
    (message: unknown, ...rest: unknown[]) => {
      const context = rest.filter((word) => typeof word === 'string').at(-1);
      if (message instanceof Error) logger[level]({ context, ...faultFields(message) }, 'a fault in the framework');
      else logger[level]({ context }, typeof message === 'string' ? message : 'a message of the framework');
    };
  return {
    log: write('debug'),
    debug: write('debug'),
    verbose: write('debug'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('error'),
  };
}
