import { expect, test } from 'vitest';
import { progressFaults, startCompany } from '#libs/testing';

const seed = Number(process.env['SEED'] ?? 4);

/** The shares of the run at which a worker is killed, in order: always the same for a seed. */
function momentsOf(kills: number): number[] {
  let state = seed;
  return Array.from({ length: kills }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return 0.05 + (0.6 * state) / 2 ** 31;
  }).toSorted((a, b) => a - b);
}

test('workers that are killed at any moment lose nobody, double nobody and leave the counters right', async () => {
  await using company = await startCompany({ profile: 'demo', seed, workers: 2, feed: 200 });
  const { admin, bascule } = company;
  const migrationId = await admin.launch();
  const moments = momentsOf(4);
  let next = 0;
  const wrong: string[] = [];
  const { migration, failures } = await admin.untilRest(migrationId, (progress) => {
    wrong.push(...progressFaults(progress));
    const done = progress.steps.reduce((sum, step) => sum + step.done, 0);
    if (done < (moments[next] ?? Infinity) * progress.employees.total * progress.steps.length) return;
    bascule.workers[next]?.kill('SIGKILL');
    bascule.addWorker();
    next += 1;
  });
  expect({ seed, kills: next, state: migration.state, failures, wrong }).toEqual({
    seed,
    kills: moments.length,
    state: 'completed',
    failures: [],
    wrong: [],
  });
  expect(await company.faults(migrationId)).toEqual([]);
  expect((await company.simulator.stats())['calendars']).toBe(1);
}, 400_000);
