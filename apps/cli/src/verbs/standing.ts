import { z } from 'zod';
import { yamlIn, type Verb } from '../context.js';
import { number, table } from '../views/table.js';

const standingShape = z.looseObject({
  migrationId: z.string(),
  isOn: z.boolean(),
  settings: z.looseObject({
    everySeconds: z.number(),
    guard: z.record(z.string(), z.object({ people: z.number(), share: z.number() })),
  }),
  switchedBy: z.string(),
});
type Standing = z.infer<typeof standingShape>;

const roundsShape = z.object({
  rounds: z.array(
    z.looseObject({
      id: z.string(),
      state: z.string(),
      heldBecause: z.string().nullable(),
      createdAt: z.string(),
      people: z.number(),
    }),
  ),
});

function standingView({ isOn, settings, switchedBy, migrationId }: Standing): string {
  const limits = Object.entries(settings.guard).map(([act, { people, share }]) => [
    `  ${act}`,
    `${number(people)} people or ${Math.round(share * 1_000) / 10} % in 24 hours`,
  ]);
  return [
    isOn
      ? `Stands, in the name of ${switchedBy}; a round at most every ${settings.everySeconds} s`
      : 'Does not stand now',
    'What goes through without a person:',
    table(limits),
    `next: bascule rounds ${migrationId}`,
  ].join('\n');
}

function roundsView({ rounds }: z.infer<typeof roundsShape>): string {
  if (rounds.length === 0) return 'No round yet.';
  return rounds
    .flatMap(({ id, state, heldBecause, createdAt, people }) => [
      `${createdAt}  ${id}  ${state}  ${number(people)} people`,
      ...(state === 'planned' && heldBecause !== null
        ? [`  held: ${heldBecause}`, `  next: bascule approve ${id}`]
        : []),
    ])
    .join('\n');
}

export const standing: Verb = (program, context) => {
  program
    .command('stand <migration> [settings]')
    .description('let a started migration keep watching its people; settings (everySeconds, guard) from a YAML file')
    .action(async (id: string, file: string | undefined, _options, command) => {
      const { api, show } = context(command);
      const settings = file === undefined ? {} : yamlIn(file);
      show(await api.post(`/v1/migrations/${id}/stand`, standingShape, settings), standingView);
    });
  program
    .command('rounds <migration>')
    .description('the rounds of a standing migration, newest first; those that wait for you say why')
    .action(async (id: string, _options, command) => {
      const { api, show } = context(command);
      show(await api.get(`/v1/migrations/${id}/rounds`, roundsShape), roundsView);
    });
};
