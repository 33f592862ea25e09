import type { Progress } from '../shapes.js';
import { number, table } from './table.js';

const states = ['total', 'done', 'inProgress', 'waiting', 'pending', 'failed', 'conflict', 'skipped'];

/** The time of day; with the day, where it is not today. */
function clock(iso: string): string {
  const at = new Date(iso);
  const time = at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  if (at.toDateString() === new Date().toDateString()) return time;
  return `${at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })} ${time}`;
}

/** When it will be over, with the range; or why nobody can say. */
export function finishWords(eta: Progress['eta']): string {
  if (eta.finishAt === null) return eta.reason ?? '';
  const range =
    eta.earliest === undefined || eta.latest === undefined ? '' : ` (${clock(eta.earliest)} to ${clock(eta.latest)})`;
  const bound = eta.bindingQuota === undefined || eta.bindingQuota === null ? '' : `, bound by ${eta.bindingQuota}`;
  return `done at about ${clock(eta.finishAt)}${range}${bound}`;
}

export function openFailures({ failures }: Progress): string {
  const count = failures.reduce((sum, one) => sum + one.count, 0);
  return count === 0 ? 'nothing needs you' : `${number(count)} need you`;
}

/** Where a migration stands, in one line. */
export function progressLine(progress: Progress): string {
  const { migration, employees, percent, rate, eta } = progress;
  const wanted = (employees['total'] ?? 0) - (employees['skipped'] ?? 0);
  const parts = [
    `${migration.state} ${percent} %`,
    `${number(employees['done'] ?? 0)} of ${number(wanted)} done`,
    `${number(rate.employeesPerMinute)} a minute`,
    migration.cause === null ? finishWords(eta) : `${migration.cause.reason}: ${migration.cause.whatToDo}`,
    openFailures(progress),
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

/** Where a migration stands, in a few lines. */
export function progressView(progress: Progress): string {
  const { migration, employees, rate, eta } = progress;
  const lines = [
    `${migration.name}: ${migration.state}, ${progress.percent} %`,
    states.map((state) => `${state} ${number(employees[state] ?? 0)}`).join(' · '),
    `${number(rate.employeesPerMinute)} employees and ${number(rate.callsPerMinute)} calls a minute; ${finishWords(eta)}`,
  ];
  const { cause } = migration;
  if (cause !== null) lines.push(`Paused for ${cause.reason} since ${clock(cause.since)}: ${cause.whatToDo}`);
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
