import { z } from 'zod';
import { employeeCountsOf, readProgressFacts, type CounterRow, type Ledger, type ProgressFacts } from '#libs/ledger';
import {
  employeeStates,
  failures,
  parseFailureReason,
  parseStepName,
  stepNames,
  stepStates,
  waveStates,
  type MigrationId,
  type ProgressDocument,
} from '#libs/vocabulary';
import { estimate } from './estimate.js';
import { rates } from './rates.js';

const quotasSchema = z.array(
  z.object({
    quota: z.string(),
    scope: z.string(),
    window: z.string(),
    limit: z.number(),
    used: z.number(),
    rejected: z.number(),
  }),
);

/** The progress document of a migration, exact at one moment; undefined when there is no such migration. */
export async function readProgress(ledger: Ledger, id: MigrationId): Promise<ProgressDocument | undefined> {
  const facts = await readProgressFacts(ledger, id);
  return facts === undefined ? undefined : toDocument(facts);
}

/** Pure: the same facts give the same document. */
export function toDocument(facts: ProgressFacts): ProgressDocument {
  const { migration, counters } = facts;
  const employees = countBy(
    counters.filter(({ step }) => step === ''),
    employeeStates,
  );
  const quotas = quotasSchema.safeParse(facts.samples[0]?.quotas);
  const rate = rates(facts);
  return {
    migration: {
      id: migration.id,
      name: migration.name,
      state: migration.state,
      startedAt: text(migration.startedAt),
      finishedAt: text(migration.finishedAt),
      lastOutcomeAt: text(migration.lastOutcomeAt),
      cause: causeOf(migration),
    },
    employees,
    percent: percentOf(employees),
    steps: stepNames.map((step) => {
      const { total: _total, ...rest } = countBy(
        counters.filter((row) => row.step === step),
        stepStates,
      );
      return { step, ...rest };
    }),
    waves: facts.waves.map(({ number, state }) => ({
      wave: number,
      state: waveStates.find((word) => word === state) ?? 'pending',
      ...countBy(
        counters.filter((row) => row.step === '' && row.wave === number),
        employeeStates,
      ),
    })),
    rate,
    eta: estimate(facts, quotas.data ?? []),
    quotas: quotas.data ?? [],
    waits: waitsOf(facts),
    failures: failuresOf(facts),
    asOf: facts.now.toISOString(),
  };
}

type EmployeeCounts = ProgressDocument['employees'];

/** Of those who are not left out, rounded down: 100 means everybody. */
const percentOf = ({ total, skipped, done }: EmployeeCounts): number =>
  total === skipped ? (total === 0 ? 0 : 100) : Math.floor((100 * done) / (total - skipped));

/** The counts and percent of many migrations, in one statement. */
export async function readOverview(
  ledger: Ledger,
  ids: readonly MigrationId[],
): Promise<ReadonlyMap<MigrationId, { employees: EmployeeCounts; percent: number }>> {
  const counted = await employeeCountsOf(ledger.db, ids);
  return new Map(
    ids.map((id) => {
      const states = counted.get(id) ?? new Map<string, number>();
      const total = [...states.values()].reduce((all, count) => all + count, 0);
      const employees = withTotal(employeeStates, states, total);
      return [id, { employees, percent: percentOf(employees) }];
    }),
  );
}

const text = (date: Date | null) => date?.toISOString() ?? null;

function causeOf(migration: ProgressFacts['migration']): ProgressDocument['migration']['cause'] {
  const { state, causeReason, causeSince } = migration;
  if ((state !== 'paused' && state !== 'pausing') || causeReason === null) return null;
  const reason = parseFailureReason(causeReason);
  return { reason, whatToDo: failures[reason].whatToDo, since: (causeSince ?? new Date(0)).toISOString() };
}

/** Sums by state; every state is there, and `total` is their sum. */
function countBy<State extends string>(
  rows: readonly CounterRow[],
  states: readonly State[],
): Record<State, number> & { total: number } {
  const counts = new Map<string, number>();
  let total = 0;
  for (const { state, count } of rows) {
    counts.set(state, (counts.get(state) ?? 0) + count);
    total += count;
  }
  return withTotal(states, counts, total);
}

function withTotal<State extends string>(
  states: readonly State[],
  counts: ReadonlyMap<string, number>,
  total: number,
): Record<State, number> & { total: number } {
  const result: Partial<Record<State, number>> = {};
  for (const state of states) result[state] = counts.get(state) ?? 0;
  if (!hasAll(result, states)) throw new Error('a state was not counted');
  return { ...result, total };
}

const hasAll = <State extends string>(
  counts: Partial<Record<State, number>>,
  states: readonly State[],
): counts is Record<State, number> => states.every((state) => counts[state] !== undefined);

function waitsOf(facts: ProgressFacts): ProgressDocument['waits'] {
  return facts.waits.map(({ step, reason, oldestSince, dueBy }) => ({
    reason: parseFailureReason(reason),
    step: parseStepName(step),
    count: sum(facts.counters.filter((row) => row.step === step && row.state === 'waiting' && row.reason === reason)),
    oldestSince: (oldestSince ?? facts.now).toISOString(),
    dueBy: text(dueBy),
  }));
}

function failuresOf(facts: ProgressFacts): ProgressDocument['failures'] {
  return facts.examples.map(({ step, reason: word, employeeNumber }) => {
    const reason = parseFailureReason(word);
    const planned = step === 'plan';
    const rows = facts.counters.filter(
      (row) =>
        row.reason === word &&
        (planned ? row.step === '' && row.state === 'conflict' : row.step === step && row.state === 'failed'),
    );
    return {
      reason,
      step: planned ? 'plan' : parseStepName(step),
      count: sum(rows),
      exampleEmployee: employeeNumber,
      whatToDo: failures[reason].whatToDo,
    };
  });
}

const sum = (rows: readonly CounterRow[]) => rows.reduce((total, { count }) => total + count, 0);
