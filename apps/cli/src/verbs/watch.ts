import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import { createEventSource } from 'eventsource-client';
import type { Context, Verb } from '../context.js';
import { progressShape, type Progress } from '../shapes.js';
import { progressView } from '../views/progress.js';

const ended = ['completed', 'completedWithIssues', 'cancelled'];

/** Follows the event stream until the migration has ended; other states (a pause) are shown and waited out. */
async function follow({ api }: Context, id: string, show: (progress: Progress) => void): Promise<Progress> {
  const source = createEventSource({
    url: new URL(`/v1/migrations/${id}/progress/stream`, api.address),
    headers: api.authorization,
  });
  try {
    for await (const event of source) {
      if (event.event !== 'progress') continue;
      const progress = progressShape.parse(JSON.parse(event.data));
      show(progress);
      if (ended.includes(progress.migration.state)) return progress;
    }
  } finally {
    source.close();
  }
  throw new Error('the event stream ended');
}

/** One bar for the people and one for each step. */
class Bars {
  private readonly bars: MultiBar;
  private readonly byName = new Map<string, SingleBar>();

  constructor() {
    this.bars = new MultiBar(
      {
        format: '{name} {bar} {value}/{total} {note}',
        hideCursor: true,
        clearOnComplete: false,
        stopOnComplete: false,
      },
      Presets.shades_classic,
    );
  }

  update(progress: Progress): void {
    const { employees, rate, eta } = progress;
    const total = (employees['total'] ?? 0) - (employees['skipped'] ?? 0);
    const finish = eta.finishAt === null ? (eta.reason ?? '') : `done ${eta.finishAt.slice(11, 19)}`;
    const open = progress.failures.reduce((sum, { count }) => sum + count, 0);
    this.set('employees', employees['done'] ?? 0, total, `${rate.employeesPerMinute}/min ${finish} failures ${open}`);
    for (const step of progress.steps) {
      const count = (state: string) => Number(step[state] ?? 0);
      const all = count('pending') + count('running') + count('waiting') + count('done') + count('failed');
      if (all > 0)
        this.set(String(step['step']), count('done'), all, `waiting ${count('waiting')} failed ${count('failed')}`);
    }
  }

  stop(): void {
    this.bars.stop();
  }

  private set(name: string, value: number, total: number, note: string): void {
    let bar = this.byName.get(name);
    if (bar === undefined) {
      bar = this.bars.create(total, value, { name: name.padEnd(9), note });
      this.byName.set(name, bar);
    }
    bar.setTotal(total);
    bar.update(value, { name: name.padEnd(9), note });
  }
}

const linePauseMs = 5_000;

export const watch: Verb = (program, context) => {
  program
    .command('watch <migration>')
    .description('follow a run live, with rate, finishing time and failures, until it ends')
    .action(async (id: string, _options, command) => {
      const one = context(command);
      const bars = process.stdout.isTTY && !one.json ? new Bars() : undefined;
      let quietUntil = 0;
      const last = await follow(one, id, (progress) => {
        if (one.json) one.print(JSON.stringify(progress));
        else if (bars !== undefined) bars.update(progress);
        else if (Date.now() > quietUntil) {
          quietUntil = Date.now() + linePauseMs;
          one.print(progressView(progress).split('\n').slice(1, 3).join('; '));
        }
      });
      bars?.stop();
      if (!one.json) one.print(progressView(last));
      if (last.migration.state !== 'completed') process.exitCode = 1;
    });
};
