import type { z } from 'zod';
import { UsageError, type Verb } from '../context.js';
import { employeeShape, hitsShape } from '../shapes.js';
import { table } from '../views/table.js';

type Hits = z.infer<typeof hitsShape>;
type Detail = z.infer<typeof employeeShape>;

/** The only hit, or the only one whose number was given whole. */
export function chosen(hits: Hits, who: string): Hits[number] | undefined {
  const exact = hits.filter(({ employeeNumber }) => employeeNumber === who);
  const candidates = exact.length > 0 ? exact : hits;
  return candidates.length === 1 ? candidates[0] : undefined;
}

const eventsShown = 12;

function detailView({ sentence, employeeNumber, source, account, enrolment, timeline }: Detail): string {
  const lines = [
    sentence,
    '',
    `${employeeNumber} of ${source}: ${account === null ? 'no account' : `${account.primaryEmail} (${account.origin})`}`,
  ];
  if (enrolment !== null) {
    lines.push(
      `${enrolment.migrationName}: ${enrolment.state}`,
      table(enrolment.steps.map(({ step, state, reason }) => [`  ${step}`, state, reason ?? ''])),
    );
  }
  const events = timeline.slice(0, eventsShown);
  if (events.length > 0) {
    const rows = events.map(({ at, kind, step, state, reason }) => [
      `  ${at.slice(0, 19).replace('T', ' ')}`,
      step ?? kind,
      state ?? '',
      reason ?? '',
    ]);
    lines.push('Newest events (UTC):', table(rows));
  }
  return lines.join('\n');
}

export const employee: Verb = (program, context) => {
  program
    .command('employee <who>')
    .description('one person, by number, name or any address: first the plain sentence for the service desk')
    .action(async (who: string, _options, command) => {
      const { api, show } = context(command);
      const hits = await api.get(`/v1/employees?q=${encodeURIComponent(who)}`, hitsShape);
      if (hits.length === 0)
        throw new UsageError(`nobody is known by “${who}”; try the number, a part of the name, or an address`);
      const one = chosen(hits, who);
      if (one !== undefined) {
        show(await api.get(`/v1/employees/${one.id}`, employeeShape), detailView);
        return;
      }
      show(hits, (rows) =>
        [
          `${rows.length} people are known by “${who}”; ask again by number:`,
          table(rows.map((hit) => [`  ${hit.employeeNumber}`, hit.name, hit.address ?? ''])),
        ].join('\n'),
      );
    });
};
