import { z } from 'zod';
import type { Verb } from '../context.js';
import { anything, tokenShape } from '../shapes.js';
import { table } from '../views/table.js';

const createdShape = tokenShape.extend({ token: z.string() });

export const token: Verb = (program, context) => {
  const verb = program.command('token').description('access tokens of people and programs');
  verb
    .command('create <name>')
    .description('make a token; it is shown this once')
    .requiredOption('--role <role>', 'admin, operator, viewer or feed')
    .option('--source <source>', 'bind a feed’s token to this source: it then touches no other')
    .action(async (name: string, options: { role: string; source?: string }, command) => {
      const { api, show } = context(command);
      const created = await api.post('/v1/tokens', createdShape, { name, ...options });
      show(created, ({ token: secret, id }) => `${secret}\n(id ${id}; it is not shown again)`);
    });
  verb
    .command('list')
    .description('list the tokens, without their secrets')
    .action(async (_options, command) => {
      const { api, show } = context(command);
      const list = await api.get('/v1/tokens', z.array(tokenShape));
      show(list, (rows) => table(rows.map(({ id, name, role, source }) => [id, role, source ?? '', name])));
    });
  verb
    .command('revoke <id>')
    .description('revoke a token at once')
    .action(async (id: string, _options, command) => {
      const { api, show } = context(command);
      await api.delete(`/v1/tokens/${id}`, anything);
      show({ revoked: id }, () => `revoked ${id}`);
    });
};
