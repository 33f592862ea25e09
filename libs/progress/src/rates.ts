import type { ProgressFacts } from '#libs/ledger';
import type { ProgressDocument } from '#libs/vocabulary';

interface Sample {
  readonly at: Date;
  readonly finished: number;
  readonly calls: number;
}

const perMinute = (from: Sample | undefined, to: Sample | undefined, figure: 'finished' | 'calls'): number => {
  if (from === undefined || to === undefined) return 0;
  const minutes = (to.at.getTime() - from.at.getTime()) / 60_000;
  return minutes <= 0 ? 0 : Math.max(0, (to[figure] - from[figure]) / minutes);
};

/** Over about the last minute; since the start while there is no minute yet. */
export function rates({ samples, migration }: ProgressFacts): ProgressDocument['rate'] {
  const [newest, minuteAgo] = samples;
  if (migration.state !== 'running') return { employeesPerMinute: 0, callsPerMinute: 0 };
  return {
    employeesPerMinute: Math.round(perMinute(minuteAgo, newest, 'finished')),
    callsPerMinute: Math.round(perMinute(minuteAgo, newest, 'calls')),
  };
}

/** A quota that is used this much is what the run waits for. */
const bindingShare = 0.8;

/**
 * When those who can still finish will have: from the pace since about five minutes, with the fastest and the slowest of
 * the paces seen as its range. It promises nothing for failed or conflicting people.
 */
export function estimate(
  facts: ProgressFacts,
  left: number,
  quotas: ProgressDocument['quotas'],
): ProgressDocument['eta'] {
  const { state } = facts.migration;
  if (state === 'paused' || state === 'pausing') return { finishAt: null, reason: 'The migration is paused.' };
  if (state !== 'running') return { finishAt: null, reason: 'The migration is not running.' };
  const [newest, ...earlier] = facts.samples;
  const paces = earlier.map((sample) => perMinute(sample, newest, 'finished')).filter((pace) => pace > 0);
  const pace = paces[1] ?? paces[0];
  if (pace === undefined) return { finishAt: null, reason: 'There is no pace to reckon with yet.' };
  const at = (employeesPerMinute: number) =>
    new Date(facts.now.getTime() + (left / employeesPerMinute) * 60_000).toISOString();
  const binding = quotas
    .filter(({ limit, used }) => used / limit >= bindingShare)
    .toSorted((a, b) => b.used / b.limit - a.used / a.limit)[0];
  return {
    finishAt: at(pace),
    earliest: at(Math.max(...paces) * 1.1),
    latest: at(Math.min(...paces) * 0.8),
    bindingQuota: binding?.quota ?? null,
  };
}
