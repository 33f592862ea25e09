// How close to Google's documented quotas a run stays, and how many calls they refuse. The judge is the simulated Google,
// which counts for itself what it lets through and what it refuses.
import { machineTicks, shareIdle } from '../laboratory/index.mjs';
import { inLaboratory } from './rooms.mjs';

/** With one admin subject one quota binds for all: the directory's queries a minute. */
const admins = 1;
const domains = 2;
/** Quotas that all calls share, the seconds of their windows, and how many such buckets the run spreads over. */
const sharedQuotas = {
  directoryQueriesPerUser: { windowSeconds: 60, buckets: admins },
  userCreations: { windowSeconds: 1, buckets: domains },
  licensingQueries: { windowSeconds: 60, buckets: 1 },
  gmailUnitsPerProject: { windowSeconds: 60, buckets: 1 },
  calendarQueriesPerProject: { windowSeconds: 60, buckets: 1 },
};
/** The steady part of a run, by the share of accounts that are made. */
const steady = { from: 0.15, to: 0.85 };

const refusedOf = ({ quotas }) => Object.values(quotas).reduce((sum, { rejected }) => sum + rejected, 0);
const callsOf = ({ calls }) => Object.values(calls).reduce((sum, count) => sum + count, 0);

/** Share of each shared quota that was used between two looks. */
function sharesUsed(first, last) {
  const seconds = (last.at - first.at) / 1_000;
  return Object.entries(sharedQuotas)
    .flatMap(([name, { windowSeconds, buckets }]) => {
      const after = last.stats.quotas[name];
      if (after === undefined) return [];
      const amount = after.accepted - (first.stats.quotas[name]?.accepted ?? 0);
      return [{ name, share: amount / ((after.limit * buckets * seconds) / windowSeconds) }];
    })
    .toSorted((a, b) => b.share - a.share);
}

async function run(workers, { employees, timeScale }) {
  return inLaboratory(`quota-${workers}`, async (lab) => {
    // Delays of the field and no faults: whatever is refused is refused for a quota.
    await lab.startSimulator({ profile: 'documented', timeScale });
    await lab.startBascule({ workers, admins, quotas: { timeScale } });
    await lab.pushFeed(employees);
    const id = await lab.plan();
    await lab.begin(id);
    const look = async () => ({ at: performance.now(), ticks: machineTicks(), stats: await lab.stats() });
    let first;
    let last;
    await lab.watch(id, async ({ steps, migration }) => {
      const made = (steps.find(({ step }) => step === 'account')?.done ?? 0) / employees;
      if (made >= steady.from && first === undefined) first = await look();
      else if (first !== undefined && made < steady.to) last = await look();
      // Afterwards only the slowest mailboxes are waited for, without quota.
      return made >= 1 || migration.state !== 'running';
    });
    if (last === undefined) throw new Error('the steady part was too short to be measured: take more employees');
    const end = await lab.stats();
    const idleShare = shareIdle(first.ticks, last.ticks);
    return { shares: sharesUsed(first, last), refused: refusedOf(end), calls: callsOf(end), idleShare };
  });
}

/** Binding quota used and calls refused under the documented quotas, with one, two and four workers. */
export async function quota({ quick, employees = quick ? 2_400 : 6_000 }) {
  const timeScale = 3;
  const rows = [];
  for (const workers of [1, 2, 4]) {
    const { shares, refused, calls, idleShare } = await run(workers, { employees, timeScale });
    const [binding] = shares;
    const staff = workers === 1 ? '1 worker' : `${workers} workers`;
    const idle = `${Math.round(idleShare * 100)} % of the CPU idle`;
    rows.push(
      {
        name: `binding quota used, ${staff}`,
        value: binding.share * 100,
        unit: '%',
        note: `${binding.name}, time scale ${timeScale}, ${idle}; to be at least 95`,
      },
      {
        name: `calls refused for a quota, ${staff}`,
        value: (refused / calls) * 100,
        unit: '%',
        note: `${refused} of ${calls}; to be under 0.1`,
      },
    );
  }
  return rows;
}
