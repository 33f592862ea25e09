import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { z } from 'zod';
import { yamlIn, type Context, type Verb } from '../context.js';
import { deliveryShape, recordsShape } from '../shapes.js';
import { number, table } from '../views/table.js';
import { answering, printCsv } from './feed-answers.js';
import { deciding } from './feed-decisions.js';
import { lookingForFiles } from './feed-drops.js';
import { charsetOption, feedFile } from './feed-files.js';
import { mapping } from './feed-map.js';

const settled = ['done', 'refused', 'held'];
const rowsShown = 20;

interface PushOptions {
  readonly delta?: boolean;
  readonly key?: string;
  readonly population?: string;
  readonly asOf?: string;
  readonly charset?: string;
}

type Delivery = z.infer<typeof deliveryShape>;
type Records = z.infer<typeof recordsShape>;

async function push({ api }: Context, source: string, file: string, options: PushOptions): Promise<Delivery> {
  const { body, headers } = await feedFile(file, { charset: options.charset });
  const { population, asOf } = options;
  const query = new URLSearchParams({
    mode: options.delta === true ? 'delta' : 'full',
    ...(population !== undefined && { population }),
    ...(asOf !== undefined && { effectiveAt: asOf }),
  });
  const path = `/v1/feeds/${encodeURIComponent(source)}/deliveries`;
  let delivery = await api.upload(`${path}?${query.toString()}`, deliveryShape, {
    body,
    headers: {
      ...headers,
      prefer: 'wait=300',
      ...(options.key !== undefined && { 'idempotency-key': options.key }),
    },
  });
  while (!settled.includes(delivery.state) && delivery.waitsFor === null) {
    await sleep(1_000);
    delivery = await api.get(`${path}/${delivery.id}`, deliveryShape);
  }
  return delivery;
}

const readRecords = ({ api }: Context, { source, id }: Delivery, outcome: string, limit: number, cursor = 0) =>
  api.get(
    `/v1/feeds/${encodeURIComponent(source)}/deliveries/${id}/records?outcome=${outcome}&limit=${limit}&cursor=${cursor}`,
    recordsShape,
  );

const recordRows = ({ records }: Records): string =>
  table(
    records.flatMap(({ line, employeeNumber, outcome, problems }) =>
      problems.length === 0
        ? [[`  line ${line}`, employeeNumber ?? '', outcome]]
        : problems.map(({ field, reason, message }) => [
            `  line ${line}`,
            employeeNumber ?? '',
            field,
            reason,
            message ?? '',
          ]),
    ),
  );

function deliveryView({ id, source, state, cause, rows, waitsFor }: Delivery): string {
  const counts = Object.entries(rows).map(([outcome, count]) => `${outcome} ${number(count)}`);
  const lines = [`delivery ${id}: ${state}${cause === null ? '' : ` (${cause})`}`, counts.join(' · ')];
  if (state === 'held') lines.push(`Nothing of it is applied; look: bascule feed difference ${source} ${id}`);
  if (waitsFor !== null) {
    lines.push(`It waits behind a held one, which must be decided: bascule feed difference ${source} ${waitsFor}`);
  }
  return lines.join('\n');
}

const pushing: Verb = (program, context) => {
  program
    .command('push <source> <file>')
    .description('push a feed (CSV, TSV, NDJSON, JSON or XLSX; .zip and .gz as they are) and wait for its outcome')
    .option('--delta', 'only these people changed; without it the file is the whole population')
    .option('--population <name>', 'the part of the source that a full file is the whole of, such as FR')
    .option(
      '--as-of <time>',
      'when the file was exported, such as 2026-11-24T02:00:00Z; an older one changes nothing newer',
    )
    .option(...charsetOption)
    .option('--key <key>', 'idempotency key: a repeat answers with the first outcome')
    .action(async (source: string, file: string, options: PushOptions, command) => {
      const one = context(command);
      const delivery = await push(one, source, file, options);
      const rejected = delivery.rows['rejected'] ?? 0;
      const shown =
        rejected > 0 ? await readRecords(one, delivery, 'rejected', rowsShown) : { records: [], cursor: null };
      one.show({ ...delivery, rejected: shown.records }, () => {
        const lines = [deliveryView(delivery)];
        if (rejected > 0) lines.push('Rejected rows, to be mended in HR and pushed again:', recordRows(shown));
        if (rejected > rowsShown) {
          lines.push(`  and ${number(rejected - rowsShown)} more: bascule feed records ${source} ${delivery.id}`);
        }
        return lines.join('\n');
      });
      if (delivery.state !== 'done') process.exitCode = 1;
    });
};

const recording: Verb = (program, context) => {
  program
    .command('records <source> <delivery>')
    .description('what became of each row of a delivery: line, number, field, reason')
    .option(
      '--outcome <outcome>',
      'new, updated, unchanged, duplicate, older or rejected; all for every row',
      'rejected',
    )
    .option('--csv', 'as CSV, a line a row')
    .action(async (source: string, id: string, options: { outcome: string; csv?: boolean }, command) => {
      const one = context(command);
      const outcome = options.outcome === 'all' ? '' : options.outcome;
      if (options.csv === true) {
        const path = `/v1/feeds/${encodeURIComponent(source)}/deliveries/${encodeURIComponent(id)}/records`;
        await printCsv(one, `${path}?outcome=${encodeURIComponent(outcome)}`);
        return;
      }
      const delivery = await one.api.get(
        `/v1/feeds/${encodeURIComponent(source)}/deliveries/${encodeURIComponent(id)}`,
        deliveryShape,
      );
      const all: Records['records'] = [];
      for (let cursor: number | null = 0; cursor !== null;) {
        const page: Records = await readRecords(one, delivery, outcome, 1_000, cursor);
        ({ cursor } = page);
        if (one.json) all.push(...page.records);
        else if (page.records.length > 0) one.print(recordRows(page));
      }
      if (one.json) one.show(all, () => '');
    });
};

const sourcesShape = z.array(
  z.looseObject({ name: z.string(), people: z.number(), lastDeliveryAt: z.string().nullable() }),
);
const settingsShape = z.record(z.string(), z.unknown());

const settling: Verb = (program, context) => {
  program
    .command('list')
    .description('list the sources that have sent something or were settled')
    .action(async (_options, command) => {
      const { api, show } = context(command);
      const list = await api.get('/v1/feeds', sourcesShape);
      show(list, (rows) =>
        table(rows.map(({ name, people, lastDeliveryAt }) => [name, number(people), lastDeliveryAt ?? 'nothing yet'])),
      );
    });
  program
    .command('settings <source> [file]')
    .description('show what is settled for a source as YAML, or settle it as the YAML file says')
    .action(async (source: string, file: string | undefined, _options, command) => {
      const { api, show } = context(command);
      const path = `/v1/feeds/${encodeURIComponent(source)}/settings`;
      const settings =
        file === undefined ? await api.get(path, settingsShape) : await api.put(path, settingsShape, yamlIn(file));
      show(settings, (document) => stringify(document).trimEnd());
    });
};

export const feed: Verb = (program, context) => {
  const verb = program.command('feed').description('employee feeds');
  pushing(verb, context);
  recording(verb, context);
  answering(verb, context);
  settling(verb, context);
  mapping(verb, context);
  deciding(verb, context);
  lookingForFiles(verb, context);
};
