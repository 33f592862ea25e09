import { z } from 'zod';
import { fileText, type Verb } from '../context.js';

const storedShape = z.looseObject({ id: z.string(), name: z.string(), version: z.number() });
const checkedShape = z.looseObject({
  name: z.string(),
  orgUnits: z.number(),
  groups: z.number(),
  calendars: z.number(),
});

export const blueprint: Verb = (program, context) => {
  const verb = program.command('blueprint').description('what each account must look like');
  verb
    .command('check <file>')
    .description('check a blueprint and store nothing')
    .action(async (file: string, _options, command) => {
      const { api, show } = context(command);
      const checked = await api.post('/v1/blueprints/check', checkedShape, { document: fileText(file) });
      show(
        checked,
        ({ name, orgUnits, groups, calendars }) =>
          `${name} is sound: ${orgUnits} org units, ${groups} groups, ${calendars} calendars declared`,
      );
    });
  verb
    .command('push <file>')
    .description('store a blueprint as the next version of its name')
    .action(async (file: string, _options, command) => {
      const { api, show } = context(command);
      const stored = await api.post('/v1/blueprints', storedShape, { document: fileText(file) });
      show(stored, ({ name, version, id }) => `${name} version ${version} (${id})`);
    });
  verb
    .command('list')
    .description('list the stored blueprints')
    .action(async (_options, command) => {
      const { api, show } = context(command);
      const list = await api.get('/v1/blueprints', z.array(storedShape));
      show(list, (rows) => rows.map(({ name, version, id }) => `${name}  version ${version}  ${id}`).join('\n'));
    });
};
