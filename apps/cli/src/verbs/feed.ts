import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { UsageError, type Verb } from '../context.js';
import { deliveryShape } from '../shapes.js';

const mediaTypes: Readonly<Record<string, string>> = {
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
  jsonl: 'application/x-ndjson',
  json: 'application/json',
};

export const feed: Verb = (program, context) => {
  program
    .command('feed')
    .description('employee feeds')
    .command('push <source> <file>')
    .description('push a feed (CSV, NDJSON or JSON; .gz as it is) and wait for its outcome')
    .option('--delta', 'only these people changed; without it the file is the whole population')
    .option('--key <key>', 'idempotency key: a repeat answers with the first outcome')
    .action(async (source: string, file: string, options: { delta?: boolean; key?: string }, command) => {
      const { api, show } = context(command);
      await stat(file).catch(() => {
        throw new UsageError(`${file} cannot be read`);
      });
      const gzip = file.endsWith('.gz');
      const ending = file.replace(/\.gz$/, '').split('.').at(-1)?.toLowerCase() ?? '';
      const type = mediaTypes[ending];
      if (type === undefined)
        throw new UsageError(`${file}: the ending must be .csv, .ndjson or .json, perhaps with .gz`);
      const mode = options.delta === true ? 'delta' : 'full';
      let delivery = await api.upload(`/v1/feeds/${source}/deliveries?mode=${mode}`, deliveryShape, {
        body: Readable.toWeb(createReadStream(file)),
        headers: {
          'content-type': type,
          prefer: 'wait=300',
          ...(gzip && { 'content-encoding': 'gzip' }),
          ...(options.key !== undefined && { 'idempotency-key': options.key }),
        },
      });
      while (!['done', 'refused', 'held'].includes(delivery.state)) {
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        delivery = await api.get(`/v1/feeds/${source}/deliveries/${delivery.id}`, deliveryShape);
      }
      show(delivery, ({ id, state, cause, rows }) =>
        [
          `delivery ${id}: ${state}${cause === null ? '' : ` (${cause})`}`,
          Object.entries(rows)
            .map(([outcome, count]) => `${outcome} ${count}`)
            .join(' · '),
        ].join('\n'),
      );
      if (delivery.state === 'refused') process.exitCode = 1;
    });
};
