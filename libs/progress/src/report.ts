import { pipeline, Readable, Transform } from 'node:stream';
import { z } from 'zod';
import { streamEnrolled, type Ledger } from '#libs/ledger';
import { failures, parseFailureReason, type MigrationId } from '#libs/vocabulary';
import { asCsv } from './csv.js';

const rowSchema = z.object({
  employeeNumber: z.string(),
  wave: z.number(),
  action: z.string(),
  state: z.string(),
  reason: z.string().nullable(),
  address: z.string().nullable(),
  steps: z.array(z.object({ step: z.string(), state: z.string(), reason: z.string().nullable() })),
});

/** Named, so that a report of nobody has its header too. */
const columns = ['employeeNumber', 'wave', 'action', 'state', 'reason', 'step', 'address', 'whatToDo', 'steps'];

/** A report, a line an employee: streamed, so that memory does not grow with the company. */
export async function writeReport(ledger: Ledger, id: MigrationId, format: 'csv' | 'json'): Promise<Readable> {
  return formatReport(await streamEnrolled(ledger, id), format);
}

/** Rows as the ledger gives them, in the form asked for; ending the report early ends the rows as well. */
export function formatReport(rows: Readable, format: 'csv' | 'json'): Readable {
  const lines = new Transform({
    objectMode: true,
    transform(row: unknown, _encoding, done) {
      done(null, lineOf(rowSchema.parse(row)));
    },
  });
  pipeline(rows, lines, () => undefined);
  return format === 'csv' ? asCsv(lines, columns) : Readable.from(asJson(lines));
}

function lineOf(row: z.infer<typeof rowSchema>) {
  const failed = row.steps.find(({ state }) => state === 'failed');
  const word = failed?.reason ?? row.reason;
  return {
    employeeNumber: row.employeeNumber,
    wave: row.wave,
    action: row.action,
    state: row.state,
    reason: word ?? '',
    step: failed?.step ?? '',
    address: row.address ?? '',
    whatToDo: word === null ? '' : failures[parseFailureReason(word)].whatToDo,
    steps: row.steps.map(({ step, state }) => `${step}=${state}`).join(' '),
  };
}

async function* asJson(lines: AsyncIterable<unknown>): AsyncGenerator<string> {
  let separator = '[\n';
  for await (const line of lines) {
    yield `${separator}${JSON.stringify(line)}`;
    separator = ',\n';
  }
  yield separator === '[\n' ? '[]\n' : '\n]\n';
}
