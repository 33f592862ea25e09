import { Writable } from 'node:stream';
import { z } from 'zod';
import type { Context, Verb } from '../context.js';
import { deliveryShape } from '../shapes.js';
import { number, table } from '../views/table.js';

const standingShape = z.looseObject({
  workerId: z.string(),
  state: z.string(),
  reason: z.string().nullable(),
  address: z.string().nullable(),
  addressState: z.string().nullable(),
  since: z.string(),
  recordVersion: z.number(),
  provisionedVersion: z.number().nullable(),
});
type Standing = z.infer<typeof standingShape>;

const answerShape = standingShape.extend({
  sentence: z.string(),
  rejected: z
    .looseObject({
      deliveryId: z.string(),
      line: z.number(),
      problems: z.array(z.looseObject({ field: z.string(), reason: z.string(), message: z.string() })),
    })
    .nullable(),
});

const workersShape = z.looseObject({ workers: z.array(standingShape), cursor: z.string().nullable() });
type Workers = z.infer<typeof workersShape>;

const deliveriesShape = z.looseObject({
  deliveries: z.array(deliveryShape.extend({ mode: z.string(), receivedAt: z.string() })),
  cursor: z.string().nullable(),
});

/** Writes a table of the API's as it comes. */
export async function printCsv({ api }: Context, path: string): Promise<void> {
  const response = await api.open(path, 'text/csv');
  await response.body?.pipeTo(Writable.toWeb(process.stdout));
}

const pathOf = (source: string, rest: string) => `/v1/feeds/${encodeURIComponent(source)}/${rest}`;

/** As words of a query; what is undefined is left out. */
function queryOf(words: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(words)) if (value !== undefined) query.set(name, value);
  return query.toString();
}

const rowOf = ({ workerId, state, reason, address, addressState }: Standing) => [
  workerId,
  state,
  reason ?? '',
  address ?? '',
  addressState ?? '',
];

interface WorkersOptions {
  readonly state?: string;
  readonly changedSince?: string;
  readonly csv?: boolean;
}

async function showWorkers(one: Context, source: string, { csv, ...filter }: WorkersOptions): Promise<void> {
  if (csv === true) {
    await printCsv(one, pathOf(source, `workers?${queryOf({ ...filter })}`));
    return;
  }
  const all: Standing[] = [];
  for (let cursor: string | undefined, more = true; more;) {
    const query = queryOf({ ...filter, limit: '1000', cursor });
    const page: Workers = await one.api.get(pathOf(source, `workers?${query}`), workersShape);
    if (one.json) all.push(...page.workers);
    else if (page.workers.length > 0) one.print(table(page.workers.map(rowOf)));
    cursor = page.cursor ?? undefined;
    more = cursor !== undefined;
  }
  if (one.json) one.show(all, () => '');
}

function answerView(answer: z.infer<typeof answerShape>): string {
  const { sentence, workerId, state, reason, since, address, addressState, recordVersion, provisionedVersion } = answer;
  const lines = [
    sentence,
    '',
    `${workerId}: ${state}${reason === null ? '' : ` (${reason})`} since ${since.slice(0, 19).replace('T', ' ')} UTC`,
    `address: ${address === null ? 'none yet' : `${address} (${addressState})`}`,
    `HR’s record: version ${recordVersion}; the account’s: ${provisionedVersion ?? 'none'}`,
  ];
  if (answer.rejected !== null) {
    const { deliveryId, line, problems } = answer.rejected;
    lines.push(`The last row, line ${line} of ${deliveryId}, was rejected:`);
    lines.push(table(problems.map(({ field, reason: why, message }) => [`  ${field}`, why, message])));
  }
  return lines.join('\n');
}

/** What became of it all: workers by HR's own id, and deliveries. */
export const answering: Verb = (program, context) => {
  program
    .command('workers <source>')
    .description('the workers of a source: state, and the address of each to write back to HR')
    .option('--state <state>', 'only those: provisioned, failed, conflict, …')
    .option('--changed-since <moment>', 'only those of whom something changed, such as since 2026-11-25T06:00:00Z')
    .option('--csv', 'as CSV')
    .action(async (source: string, options: WorkersOptions, command) => showWorkers(context(command), source, options));
  program
    .command('worker <source> <id>')
    .description('one worker by HR’s own id: the plain sentence, the state, the address, what HR said last')
    .action(async (source: string, id: string, _options, command) => {
      const { api, show } = context(command);
      show(await api.get(pathOf(source, `workers/${encodeURIComponent(id)}`), answerShape), answerView);
    });
  program
    .command('deliveries <source>')
    .description('the latest deliveries of a source with their counts')
    .option('--state <state>', 'only those: held, done, refused, …')
    .option('--limit <number>', 'how many', '20')
    .action(async (source: string, options: { state?: string; limit: string }, command) => {
      const { api, show } = context(command);
      const page = await api.get(pathOf(source, `deliveries?${queryOf({ ...options })}`), deliveriesShape);
      show(page.deliveries, (rows) =>
        table(
          rows.map(({ id, mode, state, receivedAt, rows: counts }) => [
            receivedAt.slice(0, 19).replace('T', ' '),
            id,
            mode,
            state,
            ...['new', 'updated', 'leaver', 'rejected'].map((name) => `${name} ${number(counts[name] ?? 0)}`),
          ]),
        ),
      );
    });
};
