import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { dyingWithUs, stopProcess } from './processes.mjs';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const inTerminal = [0, 1, 2].some((fd) => [process.stdin, process.stdout, process.stderr][fd].isTTY);

/**
 * Runs a command between the start and the stop of services. Signals are passed on to the command; the services are
 * stopped only after it has ended. Answers the command's exit code, 128 + n when a signal ended it.
 */
export async function runCommand([file, ...args], start) {
  let child;
  let wanted;
  const pass = (signal) => {
    wanted ??= signal;
    // A terminal sends Ctrl-C to the command as well; twice would look like impatience.
    if (signal !== 'SIGINT' || !inTerminal) child?.kill(signal);
  };
  for (const signal of signals) process.on(signal, pass);
  const services = await start();
  try {
    if (wanted !== undefined) return 128 + constants.signals[wanted];
    const [command, ...rest] = [...dyingWithUs('TERM'), file, ...args];
    child = spawn(command, rest, { stdio: 'inherit', env: { ...process.env, ...services.environment } });
    const end = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
    });
    const dead = services.died.then(async (name) => {
      console.error(`${name} ended unexpectedly`);
      await stopProcess(child, 'SIGTERM');
      return 1;
    });
    return await Promise.race([end, dead]);
  } finally {
    await services.stop();
    for (const signal of signals) process.off(signal, pass);
  }
}
