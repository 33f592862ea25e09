import { UsageError, type Verb } from '../context.js';
import { employeeShape, hitsShape } from '../shapes.js';
import { table } from '../views/table.js';

export const employee: Verb = (program, context) => {
  program
    .command('employee <who>')
    .description('one person, by number, name or any address: first the plain sentence for the service desk')
    .action(async (who: string, _options, command) => {
      const { api, show, json } = context(command);
      const hits = await api.get(`/v1/employees?q=${encodeURIComponent(who)}`, hitsShape);
      const [first] = hits;
      if (first === undefined) throw new UsageError(`nobody is known by “${who}”`);
      if (hits.length > 1 && !hits.some(({ employeeNumber }) => employeeNumber === who)) {
        show(hits, (rows) => table(rows.map((hit) => [hit.employeeNumber, hit.name, hit.address ?? ''])));
        return;
      }
      const detail = await api.get(`/v1/employees/${first.id}`, employeeShape);
      show(detail, ({ sentence, employeeNumber, account, enrolment, timeline }) =>
        [
          sentence,
          `${employeeNumber}  ${account === null ? 'no account' : `${account.primaryEmail} (${account.origin})`}`,
          table((enrolment?.steps ?? []).map(({ step, state, reason }) => [`  ${step}`, state, reason ?? ''])),
          table(
            timeline
              .slice(0, 12)
              .map(({ at, step, state, reason }) => [`  ${at}`, step ?? '', state ?? '', reason ?? '']),
          ),
        ].join('\n'),
      );
      if (json) return;
    });
};
