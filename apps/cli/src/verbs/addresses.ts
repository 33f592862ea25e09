import { Writable } from 'node:stream';
import { z } from 'zod';
import { UsageError, type Verb } from '../context.js';
import { hitsShape } from '../shapes.js';
import { number, table } from '../views/table.js';
import { chosen } from './employee.js';
import { charsetOption, feedFile } from './feed-files.js';

const previewShape = z.looseObject({
  blueprint: z.looseObject({ name: z.string(), version: z.number() }),
  source: z.string(),
  listedAt: z.string().nullable(),
  rows: z.number(),
  counts: z.record(z.string(), z.number()),
  reasons: z.record(z.string(), z.number()),
  people: z.array(
    z.looseObject({
      line: z.number(),
      employeeNumber: z.string().nullable(),
      how: z.string(),
      address: z.string().nullable(),
      wanted: z.string().nullable(),
      holder: z.looseObject({ source: z.string(), employeeNumber: z.string() }).nullable(),
      reason: z.string().nullable(),
      aliases: z.array(z.string()),
      aliasesLeftOut: z.array(z.string()),
    }),
  ),
});
const changedShape = z.looseObject({ address: z.string(), before: z.string().nullable() });
type Preview = z.infer<typeof previewShape>;

const peopleShown = 40;

const meanings: Readonly<Record<string, string>> = {
  named: 'their account’s, as the adoption list says',
  given: 'the feed’s',
  issued: 'theirs since an earlier start',
  present: 'their account’s',
  reserved: 'held for them by an open plan',
  pattern: 'new, by the pattern',
  alternative: 'new, by an alternative, because the pattern’s is somebody else’s',
  numbered: 'new, with a number, because the others are somebody else’s',
  held: 'none: a person must settle it',
  left: 'none: they have left',
  rejected: 'none: the row would be rejected',
  repeated: 'the row repeats an earlier one',
};

function personRow(person: Preview['people'][number]) {
  const { line, employeeNumber, how, address, wanted, holder, reason, aliases, aliasesLeftOut } = person;
  const notes = [
    ...(reason === null ? [] : [reason]),
    ...(wanted === null || wanted === address ? [] : [`${wanted} ${whose(how, holder)}`]),
    ...(aliases.length === 0 ? [] : [`also ${aliases.join(' ')}`]),
    ...(aliasesLeftOut.length === 0 ? [] : [`not ${aliasesLeftOut.join(' ')}, which somebody else has`]),
  ];
  return [`  line ${line}`, employeeNumber ?? '', how, address ?? '', notes.join('; ')];
}

function whose(how: string, holder: { source: string; employeeNumber: string } | null) {
  if (holder !== null) return `is ${holder.employeeNumber}’s (${holder.source})`;
  if (how === 'issued' || how === 'present') return 'would be the one now, if somebody asked for it';
  return how === 'held' ? 'is wanted' : 'is taken';
}

function previewView(preview: Preview, isFull: boolean): string {
  const { blueprint, source, listedAt, rows, counts, reasons, people } = preview;
  const notable = ['alternative', 'numbered', 'held', 'rejected'].reduce((sum, how) => sum + (counts[how] ?? 0), 0);
  const lines = [
    `${number(rows)} rows as ${source} would deliver them, under ${blueprint.name} (version ${blueprint.version}); nothing is stored.`,
    listedAt === null
      ? 'Google’s directory was never listed: what stands there is not known yet. Plan once to know.'
      : `Google’s directory as listed at ${listedAt.slice(0, 16).replace('T', ' ')} UTC.`,
    table(
      Object.entries(counts)
        .filter(([, count]) => count > 0)
        .map(([how, count]) => [`  ${how}`, number(count).padStart(9), meanings[how] ?? '']),
    ),
  ];
  const why = Object.entries(reasons);
  if (why.length > 0) {
    lines.push('Why none:', table(why.map(([reason, count]) => [`  ${reason}`, number(count).padStart(9)])));
  }
  if (people.length > 0) lines.push(isFull ? 'Everybody:' : 'Worth a look:', table(people.map(personRow)));
  if (!isFull && notable > people.length) {
    lines.push(`  and ${number(notable - people.length)} more: see all with --full, or as a table with --csv`);
  }
  return lines.join('\n');
}

interface PreviewOptions {
  readonly blueprint: string;
  readonly source: string;
  readonly full?: boolean;
  readonly csv?: boolean;
  readonly charset?: string;
}

const previewing: Verb = (program, context) => {
  program
    .command('preview <file>')
    .description('which addresses the people of a feed (as for feed push) would get; nothing is stored')
    .requiredOption('--blueprint <blueprint>', 'name or id of a stored blueprint')
    .option('--source <source>', 'the source that would deliver it', 'hr')
    .option('--full', 'everybody, not only those worth a look')
    .option('--csv', 'everybody, as CSV')
    .option(...charsetOption)
    .action(async (file: string, options: PreviewOptions, command) => {
      const one = context(command);
      const { blueprint, source, charset, full = false, csv = false } = options;
      const { body, headers } = await feedFile(file, { charset });
      const all = full || csv || one.json;
      const query = new URLSearchParams({ blueprint, source, people: all ? 'all' : 'notable' });
      if (!all) query.set('limit', String(peopleShown));
      const path = `/v1/addresses/preview?${query.toString()}`;
      if (csv) {
        const response = await one.api.exchange(path, { body, headers: { ...headers, accept: 'text/csv' } });
        await response.body?.pipeTo(Writable.toWeb(process.stdout));
        return;
      }
      one.show(await one.api.upload(path, previewShape, { body, headers }), (preview) => previewView(preview, full));
    });
};

const changing: Verb = (program, context) => {
  program
    .command('change <who> [address]')
    .description('give a person (by number, name or address) another address; without one, the feed’s or the pattern’s')
    .option('--blueprint <blueprint>', 'whose domains and pattern count; without it, that of their latest migration')
    .action(async (who: string, address: string | undefined, options: { blueprint?: string }, command) => {
      const { api, show } = context(command);
      const hits = await api.get(`/v1/employees?q=${encodeURIComponent(who)}`, hitsShape);
      const one = chosen(hits, who);
      if (one === undefined) {
        throw new UsageError(
          hits.length === 0
            ? `nobody is known by “${who}”; try the number`
            : `${hits.length} people are known by “${who}”; name one by number`,
        );
      }
      const changed = await api.post(`/v1/employees/${one.id}/address`, changedShape, {
        ...(address !== undefined && { address }),
        ...options,
      });
      show(changed, ({ address: now, before }) =>
        before === now
          ? `${one.employeeNumber} has ${now}: the next plan renames the account where it has another`
          : `${one.employeeNumber} has ${now} from now on${before === null ? '' : `, and keeps ${before} as an alias`}; plan again to carry it out`,
      );
    });
};

export const addresses: Verb = (program, context) => {
  const verb = program
    .command('addresses')
    .description('addresses: what people would get, and another for one of them');
  previewing(verb, context);
  changing(verb, context);
};
