import { Writable } from 'node:stream';
import type { Verb } from '../context.js';

export const report: Verb = (program, context) => {
  program
    .command('report <migration>')
    .description('a line an employee: what became of them and what to do (CSV; --json for JSON)')
    .action(async (id: string, _options, command) => {
      const { api, json } = context(command);
      const response = await api.open(`/v1/migrations/${id}/report`, json ? 'application/json' : 'text/csv');
      await response.body?.pipeTo(Writable.toWeb(process.stdout));
    });
};
