import type { Verb } from '../context.js';
import { findingsShape } from '../shapes.js';
import { table } from '../views/table.js';

export const google: Verb = (program, context) => {
  program
    .command('google')
    .description('the connection to Google')
    .command('check')
    .description('try every scope and API; name what is missing and how to mend it')
    .action(async (_options, command) => {
      const { api, show } = context(command);
      const result = await api.post('/v1/google/check', findingsShape);
      show(result, ({ findings }) =>
        table(findings.map(({ state, subject, check, whatToDo }) => [state, subject, check, whatToDo ?? ''])),
      );
      if (!result.ok) process.exitCode = 1;
    });
};
