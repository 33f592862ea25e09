import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const projectFolder = fileURLToPath(new URL('../../../', import.meta.url));
const stopPatienceMs = 30_000;
/** A test process that is killed at its time limit takes what it started with it, where the system can see to that. */
const dyingWithUs = spawnSync('which', ['setpriv']).status === 0 ? ['setpriv', '--pdeathsig', 'KILL'] : [];

/** A process of ours that a test started; it never outlives the test process by much. */
export interface TestProcess {
  readonly pid: number;
  /** Everything that it wrote to its standard error so far. */
  errors(): string;
  /** Everything that it wrote to its standard output so far, once `keepOutput` was called; the log of our processes. */
  output(): string;
  /** Resolves with the exit code, or undefined when a signal ended it. */
  readonly ended: Promise<number | undefined>;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, patience, SIGKILL. */
  stop(): Promise<void>;
}

/**
 * Starts a built program (`dist/apps/<app>/src/main.js`). `scripts/test` builds before it tests; a single vitest run needs
 * `node scripts/build-if-needed.mjs` first.
 */
export function launch(
  app: 'api' | 'worker' | 'simulator' | 'cli',
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): LaunchedProcess {
  return launchScript(`dist/apps/${app}/src/main.js`, args, environment);
}

type LaunchedProcess = TestProcess & { readonly stdout: NonNullable<ChildProcess['stdout']>; keepOutput(): void };

/** Starts a program of the project's folder. */
export function launchScript(
  script: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): LaunchedProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('BASCULE_'));
  const words = [...dyingWithUs, process.execPath, '--enable-source-maps', script, ...args];
  const [command = process.execPath, ...rest] = words;
  const child = spawn(command, rest, {
    cwd: projectFolder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...Object.fromEntries(inherited), ...environment },
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-20_000);
  });
  let output = '';
  const ended = new Promise<number | undefined>((resolve) => {
    child.once('exit', (code) => resolve(code ?? undefined));
    child.once('error', () => resolve(undefined));
  });
  const atOurEnd = () => child.kill('SIGKILL');
  process.once('exit', atOurEnd);
  void ended.then(() => process.off('exit', atOurEnd));
  return {
    pid: child.pid ?? 0,
    stdout: child.stdout,
    errors: () => errors,
    output: () => output,
    keepOutput: () => {
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    },
    ended,
    kill: (signal) => child.kill(signal),
    stop: async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopPatienceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** The first line that a process prints; rejects with its errors when it ends before. */
export async function firstLine(started: ReturnType<typeof launch>): Promise<string> {
  for await (const line of createInterface({ input: started.stdout })) {
    started.stdout.resume();
    return line;
  }
  throw new Error(`the process ended before it said anything: ${started.errors()}`);
}
