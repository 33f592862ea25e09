import { stringify } from 'yaml';
import { z } from 'zod';
import { foldHeader } from '#libs/vocabulary';
import { UsageError, yamlIn, type Context, type Verb } from '../context.js';
import { table } from '../views/table.js';
import { charsetOption, feedFile } from './feed-files.js';

const sectionShape = z.record(z.string(), z.unknown());
const guessShape = z.looseObject({
  file: sectionShape,
  columns: z.array(
    z.looseObject({
      header: z.string(),
      column: z.string().nullable(),
      sure: z.string(),
      why: z.array(z.string()),
      shapes: z.array(z.string()),
    }),
  ),
  missing: z.array(z.string()),
  decisions: z.array(z.looseObject({ path: z.array(z.string()), question: z.string(), choices: z.array(z.string()) })),
});
type Guess = z.infer<typeof guessShape>;
type Section = z.infer<typeof sectionShape>;
const settingsShape = z.looseObject({ file: sectionShape });

/** Of a text the first part is enough. */
const partBytes = 1_048_576;

const isSection = (value: unknown): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What was decided goes before what was guessed, entry by entry. */
function merged(guessed: Section, decided: Section): Section {
  const all: Record<string, unknown> = { ...guessed };
  for (const [name, value] of Object.entries(decided)) {
    const before = all[name];
    all[name] = isSection(before) && isSection(value) ? merged(before, value) : value;
  }
  return all;
}

function valueAt(section: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined) return section;
  return isSection(section) ? valueAt(section[name], rest) : undefined;
}

/** What is still to be decided: one line each. */
function openQuestions({ decisions, missing }: Guess, file: Section, decided: Section): string[] {
  const given = [...Object.values(sectionIn(file, 'columns')), ...Object.keys(sectionIn(file, 'constants'))];
  return [
    ...decisions
      .filter(({ path }) => valueAt(decided, path) === undefined)
      .map(({ path, question, choices }) =>
        [`${path.join(' / ')}: ${question}`, ...(choices.length === 0 ? [] : [`(${choices.join(', ')})`])].join(' '),
      ),
    ...missing
      .filter((column) => !given.includes(column))
      .map((column) => `${column}: no header seems to mean it. Map one to it, or give it under constants.`),
  ];
}

const sectionIn = (section: Section, name: string): Section => {
  const value = section[name];
  return isSection(value) ? value : {};
};

const without = (section: Section, isOut: (name: string, value: unknown) => boolean): Section =>
  Object.fromEntries(Object.entries(section).filter(([name, value]) => !isOut(name, value)));

/** Without sections in which nothing stands. */
function filled(section: Section): Section {
  const entries = Object.entries(section).map(([name, value]) => [name, isSection(value) ? filled(value) : value]);
  return without(Object.fromEntries(entries), (_name, value) => isSection(value) && Object.keys(value).length === 0);
}

/** What was settled before and no guess can know, as far as it fits this file. */
function keptOf(settled: Section, { columns }: Guess): Section {
  const before = new Map(Object.entries(sectionIn(settled, 'columns')).map(([name, to]) => [foldHeader(name), to]));
  const kept = columns.flatMap(({ header }) => {
    const column = before.get(foldHeader(header));
    return column === undefined ? [] : [[header, column] as const];
  });
  const hasColumn = (name: string) => columns.some(({ column }) => column === name);
  return {
    ...(settled['sheet'] !== undefined && { sheet: settled['sheet'] }),
    columns: Object.fromEntries(kept),
    constants: without(sectionIn(settled, 'constants'), hasColumn),
    words: sectionIn(settled, 'words'),
  };
}

/** The section to settle: a header is not guessed to mean what is decided of another one. */
function sectionOf(guessed: Section, decided: Section): Section {
  const meant = new Set(Object.values(sectionIn(decided, 'columns')));
  const columns = without(sectionIn(guessed, 'columns'), (_header, column) => column !== null && meant.has(column));
  return merged({ ...guessed, columns }, decided);
}

async function guess({ api }: Context, source: string, file: string, charset: string | undefined): Promise<Guess> {
  const feed = await feedFile(file, { charset, textBytes: partBytes });
  return api.upload(pathOf(source, 'mapping/guess'), guessShape, feed);
}

const pathOf = (source: string, rest: string) => `/v1/feeds/${encodeURIComponent(source)}/${rest}`;

const columnTable = ({ columns }: Guess): string =>
  table([
    ['HEADER', 'MEANS', 'SURE', 'WHY', 'LOOKS LIKE'],
    ...columns.map(({ header, column, sure, why, shapes }) => [
      header,
      column ?? '-',
      column === null && sure === 'certain' ? 'unwanted' : sure,
      why.join(', '),
      shapes.join(' | '),
    ]),
  ]);

interface MapOptions {
  readonly with?: string;
  readonly save?: boolean;
  readonly charset?: string;
}

export const mapping: Verb = (program, context) => {
  program
    .command('map <source> <file>')
    .description('guess what the headers, dates and words of a file mean, and show it as settings of the source')
    .option('--with <yaml>', 'a YAML file with what you decided: (part of) a section file, before what is guessed')
    .option('--save', 'settle what is shown for the source, once nothing is left to be decided')
    .option(...charsetOption)
    .action(async (source: string, file: string, options: MapOptions, command) => {
      const one = context(command);
      const given = options.with === undefined ? {} : decidedIn(options.with);
      const guessed = await guess(one, source, file, options.charset);
      const settings = await one.api.get(pathOf(source, 'settings'), settingsShape);
      const decided = sectionOf(keptOf(settings.file, guessed), given);
      const section = filled(sectionOf(guessed.file, decided));
      const open = openQuestions(guessed, section, decided);
      const isSaved = options.save === true && open.length === 0;
      // Only the section `file` changes.
      if (isSaved) await one.api.put(pathOf(source, 'settings'), settingsShape, { ...settings, file: section });
      one.show({ ...guessed, file: section, open, saved: isSaved }, () =>
        [
          columnTable(guessed),
          '',
          stringify({ file: section }).trimEnd(),
          ...(open.length === 0 ? [] : ['', 'To be decided, in a YAML file that is given by --with:']),
          ...open.map((line) => `  ${line}`),
          ...(isSaved ? ['', `Settled for ${source}.`] : []),
        ].join('\n'),
      );
      if (options.save === true && !isSaved) process.exitCode = 1;
    });
};

function decidedIn(path: string): Section {
  const document = yamlIn(path);
  const section = isSection(document) && isSection(document['file']) ? document['file'] : document;
  if (!isSection(section)) throw new UsageError(`${path} must hold (part of) a section file`);
  return section;
}
