// What processes spend, from the kernel's own accounts (Linux; elsewhere there is nothing to tell).
import { existsSync, readFileSync, readdirSync } from 'node:fs';

const ticksPerSecond = 100;
const hasAccounts = existsSync('/proc/self/stat');

/** Process number → its parent's, and the CPU that it and those of its children that have ended have had. */
function census() {
  const found = new Map();
  if (!hasAccounts) return found;
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      // The second field is the command in brackets, which may hold spaces.
      const fields = readFileSync(`/proc/${entry}/stat`, 'utf8').split(') ').at(-1).split(' ');
      const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
      found.set(Number(entry), { parent: Number(fields[1]), seconds: ticks / ticksPerSecond });
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

/** These processes and all below them. */
function familyOf(roots) {
  const all = census();
  const family = new Set(roots);
  for (let before = -1; before !== family.size;) {
    before = family.size;
    for (const [pid, { parent }] of all) if (family.has(parent)) family.add(pid);
  }
  return [...family].flatMap((pid) => (all.has(pid) ? [{ pid, seconds: all.get(pid).seconds }] : []));
}

const marks = {
  simulator: 'apps/simulator/',
  api: 'apps/api/',
  worker: 'apps/worker/',
  postgres: 'postgres',
  redis: 'redis',
};

function kindOf(pid) {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return command.startsWith('setpriv') ? undefined : Object.keys(marks).find((kind) => command.includes(marks[kind]));
  } catch {
    return undefined;
  }
}

const peakOf = (pid) => {
  try {
    const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Math.round(Number(peak ?? 0) / 1024);
  } catch {
    return 0;
  }
};

/** Seconds of CPU so far, by kind of process, of these children and all below them. */
export function cpuSeconds(children) {
  const spent = {};
  for (const { pid, seconds } of familyOf(children.map((child) => child.pid))) {
    const kind = kindOf(pid) ?? 'other';
    spent[kind] = (spent[kind] ?? 0) + seconds;
  }
  return spent;
}

/** Peak resident memory in megabytes of each process, by kind. PostgreSQL's shared buffers count in each of its own. */
export function peakMegabytes(children) {
  const peaks = {};
  for (const { pid } of familyOf(children.map((child) => child.pid))) {
    const kind = kindOf(pid);
    if (kind !== undefined) (peaks[kind] ??= []).push(peakOf(pid));
  }
  return peaks;
}

/** What the whole machine has had of its CPU so far: to be compared with a later look by `shareIdle`. */
export function machineTicks() {
  if (!hasAccounts) return { idle: 0, all: 0 };
  const numbers = readFileSync('/proc/stat', 'utf8').split('\n')[0].trim().split(/\s+/).slice(1, 9).map(Number);
  return { idle: numbers[3] + numbers[4], all: numbers.reduce((sum, one) => sum + one, 0) };
}

/** The share of the machine's CPU that nobody used between two looks. */
export const shareIdle = (from, to) => (to.idle - from.idle) / Math.max(1, to.all - from.all);
