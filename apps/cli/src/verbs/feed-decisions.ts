import { z } from 'zod';
import type { Context, Verb } from '../context.js';
import { deliveryShape } from '../shapes.js';
import { number, table } from '../views/table.js';

const changesShape = z.array(
  z.looseObject({
    measure: z.string(),
    employeeNumber: z.string(),
    country: z.string(),
    before: z.string(),
    after: z.string(),
  }),
);
const differenceShape = z.looseObject({
  state: z.string(),
  fingerprint: z.string().nullable(),
  measures: z.array(z.looseObject({ isOver: z.boolean(), sentence: z.string() })),
  changes: changesShape,
  cursor: z.string().nullable(),
});
type DifferencePage = z.infer<typeof differenceShape>;

const heldShape = z.array(
  z.looseObject({
    id: z.string(),
    source: z.string(),
    since: z.string(),
    waiting: z.number(),
    measures: z.array(z.looseObject({ isOver: z.boolean(), sentence: z.string() })),
  }),
);

function heldView(held: z.infer<typeof heldShape>): string {
  if (held.length === 0) return 'Nothing is held.';
  return held
    .flatMap(({ id, source, since, waiting, measures }) => [
      `${source}: held since ${since.slice(0, 16).replace('T', ' ')} UTC${waiting === 0 ? '' : `; ${number(waiting)} wait behind it`}`,
      ...measures.filter(({ isOver }) => isOver).map(({ sentence }) => `  too much: ${sentence}`),
      `  next: bascule feed difference ${source} ${id}`,
    ])
    .join('\n');
}

const pathOf = (source: string, id: string) =>
  `/v1/feeds/${encodeURIComponent(source)}/deliveries/${encodeURIComponent(id)}`;

const rowsShown = 20;

interface Filter {
  readonly measure?: string;
  readonly country?: string;
  readonly all?: boolean;
}

async function readDifference({ api }: Context, path: string, { measure, country, all = false }: Filter) {
  const changes: z.infer<typeof changesShape> = [];
  for (let cursor = ''; ;) {
    const query = new URLSearchParams({
      limit: String(all ? 1_000 : rowsShown),
      cursor,
      ...(measure !== undefined && { measure }),
      ...(country !== undefined && { country }),
    });
    const page: DifferencePage = await api.get(`${path}/difference?${query.toString()}`, differenceShape);
    changes.push(...page.changes);
    if (page.cursor === null || !all) return { ...page, changes };
    ({ cursor } = page);
  }
}

function differenceView(page: DifferencePage, source: string, id: string): string {
  const measures = page.measures.map(({ isOver, sentence }) => `  ${isOver ? 'too much:' : 'within:  '} ${sentence}`);
  const rows = page.changes.map(({ measure, employeeNumber, country, before, after }) => [
    `  ${measure}`,
    employeeNumber,
    country,
    before,
    '->',
    after,
  ]);
  const lines = [page.state === 'held' ? 'Nothing of it is applied. It would change:' : 'It has changed:', ...measures];
  if (rows.length > 0) lines.push(table(rows));
  if (page.cursor !== null) lines.push(`  and more: --all shows ${number(rows.length)} and all the others`);
  if (page.state === 'held' && page.fingerprint !== null) {
    lines.push(
      'To let exactly this be applied, or to refuse it:',
      `  bascule feed approve ${source} ${id} ${page.fingerprint}`,
      `  bascule feed reject  ${source} ${id} ${page.fingerprint}`,
    );
  }
  return lines.join('\n');
}

/** Held deliveries: looked at, then approved or rejected, by the fingerprint of what was seen. */
export const deciding: Verb = (program, context) => {
  program
    .command('held')
    .description('the deliveries of all sources that wait for a person: why, and since when')
    .action(async (_options, command) => {
      const { api, show } = context(command);
      show(await api.get('/v1/held-deliveries', heldShape), heldView);
    });
  program
    .command('difference <source> <delivery>')
    .description('what a held delivery would change, or what another has changed')
    .option('--measure <measure>', 'leavers, addressChanges, joiners, renames or moves only')
    .option('--country <country>', 'one country only, such as FR')
    .option('--all', 'every person, not only the first twenty')
    .action(async (source: string, id: string, filter: Filter, command) => {
      const one = context(command);
      one.show(await readDifference(one, pathOf(source, id), filter), (page) => differenceView(page, source, id));
    });
  for (const verb of ['approve', 'reject'] as const) {
    program
      .command(`${verb} <source> <delivery> <fingerprint>`)
      .description(
        verb === 'approve'
          ? 'let a held delivery be applied; the fingerprint is the one that `feed difference` showed'
          : 'refuse a held delivery for good; nothing of it is applied',
      )
      .option('--note <note>', 'why; it is kept with the decision', '')
      .action(async (source: string, id: string, fingerprint: string, { note }: { note: string }, command) => {
        const { api, show } = context(command);
        const delivery = await api.post(`${pathOf(source, id)}/${verb}`, deliveryShape, { fingerprint, note });
        show(delivery, ({ state }) => `${verb === 'approve' ? 'approved' : 'rejected'}; the delivery is ${state} now`);
      });
  }
};
