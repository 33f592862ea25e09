import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import { createEventSource } from 'eventsource-client';
import { refusalOf, type ApiError } from '../api-client.js';
import type { Context, Verb } from '../context.js';
import { progressShape, type Progress } from '../shapes.js';
import { finishWords, openFailures, progressLine, progressView } from '../views/progress.js';

/** The exit code of a run that ended without everybody done. */
const notEverybody = 3;
const ended = ['completed', 'completedWithIssues', 'cancelled'];

/** Refusals that no patience mends. */
const final = [401, 403, 404];

/**
 * Follows the event stream until the migration has ended; other states (a pause) are shown and waited out. A broken
 * stream is opened again and again, from the last event on.
 */
async function follow(
  { api }: Context,
  id: string,
  show: (progress: Progress) => void,
  lost: () => void,
): Promise<Progress> {
  // A wrong id or token is told before anything is followed.
  let last = await api.get(`/v1/migrations/${id}/progress`, progressShape);
  show(last);
  let refusal: ApiError | undefined;
  const source = createEventSource({
    url: new URL(`/v1/migrations/${id}/progress/stream`, api.address),
    headers: api.authorization,
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      if (response.ok) return response;
      const refused = await refusalOf(response);
      if (final.includes(response.status)) {
        refusal = refused;
        source.close();
      }
      throw refused;
    },
    onScheduleReconnect: lost,
  });
  try {
    if (ended.includes(last.migration.state)) return last;
    for await (const event of source) {
      if (event.event !== 'progress') continue;
      last = progressShape.parse(JSON.parse(event.data));
      show(last);
      if (ended.includes(last.migration.state)) return last;
    }
  } finally {
    source.close();
  }
  throw refusal ?? new Error('the event stream ended; watch again');
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
    const note =
      progress.migration.cause === null
        ? `${rate.employeesPerMinute}/min  ${finishWords(eta)}  ${openFailures(progress)}`
        : `${progress.migration.state} for ${progress.migration.cause.reason}: ${progress.migration.cause.whatToDo}`;
    this.set('employees', employees['done'] ?? 0, total, note);
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

/** Bars on a terminal; elsewhere a line now and then, and at once when the state changes. */
function shower(one: Context, bars: Bars | undefined): (progress: Progress) => void {
  let quietUntil = 0;
  let state = '';
  return (progress) => {
    if (one.json) one.print(JSON.stringify(progress));
    else if (bars !== undefined) bars.update(progress);
    else if (Date.now() > quietUntil || progress.migration.state !== state) {
      quietUntil = Date.now() + linePauseMs;
      ({ state } = progress.migration);
      one.print(progressLine(progress));
    }
  };
}

export const watch: Verb = (program, context) => {
  program
    .command('watch <migration>')
    .description('follow a run live, with rate, finishing time and failures, until it ends (--json: a document a line)')
    .action(async (id: string, _options, command) => {
      const one = context(command);
      const bars = process.stdout.isTTY && !one.json ? new Bars() : undefined;
      const lost = () => {
        if (bars === undefined) process.stderr.write('bascule: the connection is lost; trying again\n');
      };
      let last: Progress;
      try {
        last = await follow(one, id, shower(one, bars), lost);
      } finally {
        bars?.stop();
      }
      if (!one.json) one.print(progressView(last));
      if (last.migration.state !== 'completed') process.exitCode = notEverybody;
    });
};
