// Prints the benchmark table: scripts/bench [--quick] [--only engine,quota,feed,memory] [--employees N]. Timings of one machine vary: the ratios
// are taken side by side in one run.
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { engine } from './bench-parts/engine.mjs';
import { benchFeed } from './bench-parts/feed.mjs';
import { memory } from './bench-parts/memory.mjs';
import { quota } from './bench-parts/quota.mjs';

const parts = { engine, quota, feed: benchFeed, memory };
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    employees: { type: 'string' },
  },
});
const sizes = { quick: values.quick, ...(values.employees !== undefined && { employees: Number(values.employees) }) };
const chosen = values.only?.split(',') ?? Object.keys(parts);
const unknown = chosen.find((name) => !Object.hasOwn(parts, name));
if (unknown !== undefined) {
  console.error(`--only knows ${Object.keys(parts).join(', ')}; not ${unknown}`);
  process.exit(2);
}

const format = (value) =>
  value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(value >= 10 ? 1 : 3);

console.log(`${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), Node ${process.version}`);
const startedAt = performance.now();
for (const name of chosen) {
  console.log(`\n${name}`);
  for (const { name: what, value, unit, note } of await parts[name](sizes)) {
    console.log(`  ${what.padEnd(44)} ${format(value).padStart(9)} ${unit.padEnd(8)} ${note}`);
  }
}
console.log(`\n${Math.round((performance.now() - startedAt) / 1_000)} s in all`);
