import type { ProgressFacts } from '#libs/ledger';
import type { ProgressDocument } from '#libs/vocabulary';

type Sample = ProgressFacts['samples'][number];

/** Growth of a figure between two samples, a minute's worth; 0 while there are not two. */
export function perMinute(from: Sample | undefined, to: Sample | undefined, figure: 'finished' | 'calls'): number {
  if (from === undefined || to === undefined) return 0;
  const minutes = (to.at.getTime() - from.at.getTime()) / 60_000;
  return minutes <= 0 ? 0 : Math.max(0, (to[figure] - from[figure]) / minutes);
}

/** Over about the last minute; since it last began to run while there is no minute yet; 0 unless it runs. */
export function rates({ samples, migration }: ProgressFacts): ProgressDocument['rate'] {
  const [newest, minuteAgo] = samples;
  if (migration.state !== 'running') return { employeesPerMinute: 0, callsPerMinute: 0 };
  return {
    employeesPerMinute: Math.round(perMinute(minuteAgo, newest, 'finished')),
    callsPerMinute: Math.round(perMinute(minuteAgo, newest, 'calls')),
  };
}
