// Peak memory of each process after feed, plan and a stretch of the run, at several sizes of the company: it must not grow
// with the company. (The simulated Google holds the accounts in memory; the ledger's server has its buffers.)
import { setTimeout as sleep } from 'node:timers/promises';
import { peakMegabytes } from '../laboratory/index.mjs';
import { inLaboratory } from './rooms.mjs';

/** Into the run for so long: workers have reached their level by then, however many people are left. */
const stretchMs = 60_000;

async function peaksAt(employees) {
  return inLaboratory(`memory-${employees}`, async (lab) => {
    const timeScale = 60;
    await lab.startSimulator({ profile: 'documented', timeScale });
    await lab.startBascule({ workers: 2, quotas: { timeScale } });
    await lab.pushFeed(employees);
    const id = await lab.plan();
    await lab.begin(id);
    await Promise.race([sleep(stretchMs), lab.watch(id, ({ migration }) => migration.state !== 'running')]);
    const found = peakMegabytes(lab.children);
    return Object.fromEntries(['api', 'worker'].map((kind) => [kind, Math.max(...(found[kind] ?? [0]))]));
  });
}

export async function memory({ quick, employees }) {
  const sizes = quick ? [10_000, 160_000] : [10_000, 160_000, 320_000];
  const rows = [];
  for (const size of employees === undefined ? sizes : [employees]) {
    const peaks = await peaksAt(size);
    for (const [kind, megabytes] of Object.entries(peaks)) {
      const note = 'feed, plan, start and a minute of the run';
      rows.push({ name: `peak memory, ${kind}, ${size} employees`, value: megabytes, unit: 'MB', note });
    }
  }
  return rows;
}
