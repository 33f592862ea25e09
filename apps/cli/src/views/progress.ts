import type { Progress } from '../shapes.js';
import { number, table } from './table.js';

const states = ['total', 'done', 'inProgress', 'waiting', 'pending', 'failed', 'conflict', 'skipped'];

/** Where a migration stands, in a few lines. */
export function progressView(progress: Progress): string {
  const { migration, employees, rate, eta } = progress;
  const lines = [
    `${migration.name}: ${migration.state}, ${progress.percent} %`,
    states.map((state) => `${state} ${number(employees[state] ?? 0)}`).join(' · '),
    `${number(rate.employeesPerMinute)} employees and ${number(rate.callsPerMinute)} calls a minute; ${
      eta.finishAt === null ? (eta.reason ?? '') : `done at about ${eta.finishAt}`
    }`,
  ];
  if (migration.cause !== null) lines.push(`Paused for ${migration.cause.reason}: ${migration.cause.whatToDo}`);
  const waits = progress.waits.map(({ step, reason, count }) => ['  waits', step, reason, number(count)]);
  const failures = progress.failures.map(({ step, reason, count, exampleEmployee, whatToDo }) => [
    '  failed',
    step,
    reason,
    number(count),
    `e.g. ${exampleEmployee}`,
    whatToDo,
  ]);
  if (waits.length + failures.length > 0) lines.push(table([...waits, ...failures]));
  return lines.join('\n');
}
