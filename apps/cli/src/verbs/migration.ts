import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { fileText, UsageError, type Context, type Verb } from '../context.js';
import { anything, migrationShape, planShape, progressShape } from '../shapes.js';
import { planView } from '../views/plan.js';
import { progressView } from '../views/progress.js';

const oneLine = ({ id, name, state }: z.infer<typeof migrationShape>) => `${name}: ${state} (${id})`;

interface CreateOptions {
  readonly blueprint: string;
  readonly everyone?: boolean;
  readonly condition?: string;
  readonly numbers?: string;
  readonly handoverKey?: string;
}

/** A file with a number a line, or numbers separated by commas. */
function numbersIn(text: string): string[] {
  const source = text.startsWith('@') ? fileText(text.slice(1)) : text;
  return source.split(/[\s,;]+/).filter((word) => word !== '');
}

function selectionOf({ everyone, condition, numbers }: CreateOptions) {
  if ([everyone === true, condition !== undefined, numbers !== undefined].filter(Boolean).length !== 1) {
    throw new UsageError('say for whom: --everyone, --condition CEL or --numbers 1,2,3 (or @file)');
  }
  if (condition !== undefined) return { kind: 'condition', condition };
  if (numbers !== undefined) return { kind: 'list', employeeNumbers: numbersIn(numbers) };
  return { kind: 'everyone' };
}

async function waitForPlan({ api }: Context, id: string): Promise<z.infer<typeof planShape>> {
  for (;;) {
    const plan = await api.get(`/v1/migrations/${id}/plan?limit=20`, planShape);
    if (plan.state !== 'computing') return plan;
    await sleep(500);
  }
}

const creation: Verb = (program, context) => {
  program
    .command('create <name>')
    .description('create a migration: everyone, a condition, or a list of employee numbers')
    .requiredOption('--blueprint <name>', 'name or id of a stored blueprint')
    .option('--everyone', 'everybody whom the feeds know')
    .option('--condition <cel>', 'such as: employee.country == "FR"')
    .option('--numbers <list>', 'employee numbers, or @file with one a line')
    .option('--handover-key <file>', 'public key (PEM) to which first passwords are sealed')
    .action(async (name: string, options: CreateOptions, command) => {
      const { api, show } = context(command);
      const { handoverKey: keyFile } = options;
      const body = {
        name,
        blueprint: options.blueprint,
        selection: selectionOf(options),
        ...(keyFile !== undefined && { handoverKey: fileText(keyFile) }),
      };
      show(await api.post('/v1/migrations', migrationShape, body), (created) =>
        [oneLine(created), `next: bascule plan ${created.id}`].join('\n'),
      );
    });
};

export const migration: Verb = (program, context) => {
  creation(program, context);
  program
    .command('plan <migration>')
    .description('check Google, then plan: what would be done, for whom, at what price')
    .action(async (id: string, _options, command) => {
      const one = context(command);
      await one.api.post(`/v1/migrations/${id}/plan`, anything);
      const plan = await waitForPlan(one, id);
      one.show(plan, (value) => planView(value, id));
      if (plan.state !== 'ready') process.exitCode = 1;
    });
  program
    .command('approve <migration>')
    .description('approve the plan as it stands')
    .option('--accept <unknowns>', 'what Google would not tell, separated by commas')
    .action(async (id: string, options: { accept?: string }, command) => {
      const { api, show } = context(command);
      const accept = options.accept?.split(',') ?? [];
      show(await api.post(`/v1/migrations/${id}/approve`, migrationShape, { accept }), (approved) =>
        [oneLine(approved), `next: bascule start ${id} && bascule watch ${id}`].join('\n'),
      );
    });
  const moves = {
    start: 'start the approved plan',
    pause: 'pause: within a second no further call leaves',
    resume: 'go on where it paused',
    cancel: 'end it for good; what is done stays done',
  };
  for (const [move, description] of Object.entries(moves)) {
    program
      .command(`${move} <migration>`)
      .description(description)
      .action(async (id: string, _options, command) => {
        const { api, show } = context(command);
        show(await api.post(`/v1/migrations/${id}/${move}`, migrationShape), oneLine);
      });
  }
  program
    .command('retry <migration>')
    .description('make failed steps run again: all, or those of one reason or step')
    .option('--reason <reason>')
    .option('--step <step>')
    .action(async (id: string, options: { reason?: string; step?: string }, command) => {
      const { api, show } = context(command);
      const reopened = await api.post(`/v1/migrations/${id}/retry`, z.object({ reopened: z.number() }), options);
      show(reopened, ({ reopened: count }) => `${count} steps run again`);
    });
  program
    .command('status [migration]')
    .description('where a migration stands; without one, all of them')
    .action(async (id: string | undefined, _options, command) => {
      const { api, show } = context(command);
      if (id === undefined) {
        const list = await api.get('/v1/migrations', z.array(migrationShape));
        show(list, (rows) => rows.map(oneLine).join('\n'));
      } else show(await api.get(`/v1/migrations/${id}/progress`, progressShape), progressView);
    });
};
