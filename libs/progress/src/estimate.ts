import { z } from 'zod';
import type { CounterRow, ProgressFacts } from '#libs/ledger';
import { isFailureReason, isStepName, steps, waitDeadline, type ProgressDocument } from '#libs/vocabulary';
import { perMinute } from './rates.js';

const priceSchema = z.object({
  callsPerApi: z.record(z.string(), z.number()),
  perQuota: z.array(z.object({ quota: z.string(), api: z.string(), scope: z.string(), hours: z.number() })),
});
type Price = z.infer<typeof priceSchema>;

const openStates = ['pending', 'inProgress', 'running', 'waiting'];

/** A quota that is used this much, or that fills this much of the time left, is what the run waits for. */
const bindingShare = 0.8;
/** The pace of people counts once this many, or this share of those left, have finished since it began to run. */
const paceOfPeople = { count: 50, share: 0.05 } as const;
/** How far the pace may swing: beyond what was seen, by this much. */
const swing = { faster: 1.1, slower: 0.8 } as const;
/** Calls have a pace once so many of those that the plan reckoned have left: before, the run is still getting up speed. */
const paceOfCalls = 0.01;
/** While only calls have a pace, nothing tells how long the waits for Google will be. */
const slowerWhenYoung = 0.5;

const none = (reason: string) => ({ finishAt: null, reason });

/**
 * When those who can still finish will have: failed and conflicting people are promised nothing, and neither is somebody
 * who waits for a first working day. From the pace of people, or as long as hardly anybody has finished from the pace of
 * calls against what the plan reckoned; never earlier than Google's quotas allow for what is left.
 */
export function estimate(facts: ProgressFacts, quotas: ProgressDocument['quotas']): ProgressDocument['eta'] {
  const { state } = facts.migration;
  if (state === 'paused' || state === 'pausing') return none('The migration is paused.');
  if (state !== 'running') return none('The migration is not running.');
  const { able, unable } = peopleLeft(facts.counters);
  if (able === 0 && unable > 0) return none('Those who are left wait for their first working day.');
  const floor = quotaFloor(facts, able);
  const span = spanLeft(facts, able);
  if (span === undefined) return none('There is no pace to reckon with yet.');
  const minutes = Math.max(span.likely, floor.minutes);
  const at = (fromNow: number) => new Date(facts.now.getTime() + fromNow * 60_000).toISOString();
  return {
    finishAt: at(minutes),
    earliest: at(Math.min(minutes, Math.max(span.shortest, floor.minutes))),
    latest: at(Math.max(minutes, span.longest)),
    bindingQuota: bindingQuota(quotas, floor, minutes),
  };
}

const sum = (rows: readonly CounterRow[]) => rows.reduce((total, { count }) => total + count, 0);

function peopleLeft(counters: readonly CounterRow[]): { able: number; unable: number } {
  const open = counters.filter(({ step, state }) => step === '' && openStates.includes(state));
  const unable = sum(open.filter(waitsWithoutEnd));
  return { able: sum(open) - unable, unable };
}

const waitsWithoutEnd = ({ state, reason }: CounterRow): boolean =>
  state === 'waiting' && isFailureReason(reason) && waitDeadline(reason) === undefined;

interface Span {
  /** Minutes. */
  readonly likely: number;
  readonly shortest: number;
  readonly longest: number;
}

function spanLeft(facts: ProgressFacts, people: number): Span | undefined {
  if (people === 0) return { likely: 0, shortest: 0, longest: 0 };
  const [newest, ...earlier] = facts.samples;
  const [latest] = earlier;
  const first = earlier.at(-1);
  if (newest === undefined || latest === undefined || first === undefined) return undefined;
  const finished = newest.finished - first.finished;
  if (finished >= Math.min(paceOfPeople.count, people * paceOfPeople.share)) {
    const paces = earlier.map((sample) => perMinute(sample, newest, 'finished')).filter((pace) => pace > 0);
    const pace = perMinute(latest, newest, 'finished');
    if (pace > 0) {
      return {
        likely: people / pace,
        shortest: people / (Math.max(...paces) * swing.faster),
        longest: people / (Math.min(...paces) * swing.slower),
      };
    }
  }
  const calls = perMinute(latest, newest, 'calls');
  const price = priceOf(facts);
  if (price === undefined || calls === 0) return undefined;
  const reckoned = Object.values(price.callsPerApi).reduce((total, count) => total + count, 0);
  if (newest.calls < reckoned * paceOfCalls) return undefined;
  const callsLeft = reckoned * shareLeft(facts, people);
  return {
    likely: callsLeft / calls,
    shortest: callsLeft / (calls * swing.faster),
    longest: callsLeft / (calls * slowerWhenYoung),
  };
}

function priceOf({ price }: ProgressFacts): Price | undefined {
  return priceSchema.safeParse(price).data;
}

/**
 * The share of steps that are still to be done: all, or those of one lane or of one step. A failed employee's later steps
 * stay open and never run, so no step has more to do than there are people left.
 */
function shareLeft(
  { counters }: ProgressFacts,
  people: number,
  counts: (step: string) => boolean = () => true,
): number {
  const rows = counters.filter(({ step, state }) => step !== '' && state !== 'skipped' && counts(step));
  const open = rows.filter((row) => openStates.includes(row.state) && !waitsWithoutEnd(row));
  const byStep = [...Map.groupBy(open, ({ step }) => step).values()];
  const left = byStep.reduce((total, ofStep) => total + Math.min(people, sum(ofStep)), 0);
  const all = sum(rows);
  return all === 0 ? 0 : left / all;
}

interface Floor {
  readonly minutes: number;
  readonly quota: string | null;
}

/** How long the quotas need for what is left, at their documented pace. Creations, which count by domain, are accounts. */
function quotaFloor(facts: ProgressFacts, people: number): Floor {
  const needs = (priceOf(facts)?.perQuota ?? []).map(({ quota, api, scope, hours }) => {
    const share = shareLeft(facts, people, (step) =>
      scope === 'domain' ? step === 'account' : isStepName(step) && steps[step].lane === api,
    );
    return { quota, minutes: hours * 60 * share };
  });
  const [longest] = needs.toSorted((a, b) => b.minutes - a.minutes);
  return longest ?? { minutes: 0, quota: null };
}

function bindingQuota(quotas: ProgressDocument['quotas'], floor: Floor, minutes: number): string | null {
  if (minutes > 0 && floor.minutes / minutes >= bindingShare) return floor.quota;
  const [fullest] = quotas
    .filter(({ window, scope, limit, used }) => window !== 'day' && scope !== 'user' && used / limit >= bindingShare)
    .toSorted((a, b) => b.used / b.limit - a.used / a.limit);
  return fullest?.quota ?? null;
}
