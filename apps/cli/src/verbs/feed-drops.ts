import { z } from 'zod';
import type { Verb } from '../context.js';
import { table } from '../views/table.js';

const dropsShape = z.array(
  z.looseObject({
    place: z.string(),
    lookedAt: z.string(),
    fault: z.string().nullable(),
    faultSince: z.string().nullable(),
    lastTakenAt: z.string().nullable(),
  }),
);

export const lookingForFiles: Verb = (program, context) => {
  program
    .command('drops <source>')
    .description('where the files that a source leaves are looked for, and what is in the way')
    .action(async (source: string, _options, command) => {
      const { api, show } = context(command);
      const drops = await api.get(`/v1/feeds/${encodeURIComponent(source)}/drops`, dropsShape);
      show(drops, (places) => {
        if (places.length === 0) return `nobody looks for files of ${source}: see docs/feed-drop.md`;
        return table(
          places.map(({ place, lookedAt, fault, lastTakenAt }) => [
            place,
            `looked ${lookedAt}`,
            `last file taken ${lastTakenAt ?? 'never'}`,
            fault ?? 'all is well',
          ]),
        );
      });
      if (drops.some(({ fault }) => fault !== null)) process.exitCode = 1;
    });
};
