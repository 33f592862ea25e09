import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import { fileText, UsageError, type Context, type Verb } from '../context.js';
import { anything } from '../shapes.js';
import { table } from '../views/table.js';

const lineShape = z.object({ employeeNumber: z.string(), account: z.string(), source: z.string().optional() });
const pageShape = z.object({
  adoptions: z.array(
    z.looseObject({
      employeeId: z.string(),
      source: z.string(),
      employeeNumber: z.string(),
      account: z.string(),
      namedBy: z.string(),
      adopted: z.boolean(),
    }),
  ),
  cursor: z.string().nullable(),
});

const listAtOnce = 5_000;

function linesOf(file: string): z.infer<typeof lineShape>[] {
  const text = fileText(file);
  const rows: unknown = parse(text, {
    columns: true,
    bom: true,
    trim: true,
    skip_empty_lines: true,
    delimiter: [',', ';'],
  });
  const lines = z.array(lineShape).safeParse(rows);
  if (!lines.success) throw new UsageError(`${file} needs the columns employeeNumber and account, and may have source`);
  return lines.data.map(({ employeeNumber, account, source }) => ({
    employeeNumber,
    account,
    ...(source !== undefined && source !== '' && { source }),
  }));
}

async function everyEntry({ api }: Context) {
  const all: z.infer<typeof pageShape>['adoptions'] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: z.infer<typeof pageShape> = await api.get(
      `/v1/adoptions?limit=1000${cursor === '' ? '' : `&cursor=${cursor}`}`,
      pageShape,
    );
    all.push(...page.adoptions);
    ({ cursor } = page);
  }
  return all;
}

export const adopt: Verb = (program, context) => {
  const verb = program.command('adopt').description('the admin’s list: which account is whose, for the next plan');
  verb
    .command('list <file>')
    .description('name accounts from a CSV file: employeeNumber, account (address or id), perhaps source')
    .action(async (file: string, _options, command) => {
      const { api, show } = context(command);
      const lines = linesOf(file);
      let named = 0;
      for (let at = 0; at < lines.length; at += listAtOnce) {
        const adoptions = lines.slice(at, at + listAtOnce);
        named += (await api.put('/v1/adoptions', z.object({ named: z.number() }), { adoptions })).named;
      }
      show({ named }, () => `${named} employees named; plan again to see what becomes of them`);
    });
  verb
    .command('name <employeeNumber> <account>')
    .description('name one account, by address or Google’s id')
    .option('--source <source>', 'the feed’s source, where several use the number')
    .action(async (employeeNumber: string, account: string, { source }: { source?: string }, command) => {
      const { api, show } = context(command);
      const adoptions = [{ employeeNumber, account, ...(source !== undefined && { source }) }];
      const answer = await api.put('/v1/adoptions', z.object({ named: z.number() }), { adoptions });
      show(answer, () => `employee ${employeeNumber} is ${account}; plan again to see what becomes of it`);
    });
  verb
    .command('show')
    .description('show the list')
    .action(async (_options, command) => {
      const one = context(command);
      one.show(await everyEntry(one), (rows) =>
        table(
          rows.map((row) => [row.employeeNumber, row.source, row.account, row.adopted ? 'adopted' : '', row.namedBy]),
        ),
      );
    });
  verb
    .command('remove <employeeNumber>')
    .description('take an employee off the list; what was adopted stays so')
    .action(async (employeeNumber: string, _options, command) => {
      const one = context(command);
      const found = (await everyEntry(one)).filter((entry) => entry.employeeNumber === employeeNumber);
      if (found.length === 0) throw new UsageError(`employee ${employeeNumber} is not on the list`);
      for (const { employeeId } of found) await one.api.delete(`/v1/adoptions/${employeeId}`, anything);
      one.show({ removed: found.length }, () => `employee ${employeeNumber} is off the list`);
    });
};
