#!/usr/bin/env node
import { Command, CommanderError, Option } from 'commander';
import { ZodError } from 'zod';
import { ApiError } from './api-client.js';
import { contextOf, UsageError } from './context.js';
import { verbs } from './verbs/index.js';

const write = (text: string) => void process.stdout.write(text);

const program = new Command('bascule')
  .description('Moves a whole company onto Google Workspace.')
  .addOption(new Option('--api <url>', 'address of the API').env('BASCULE_API').default('http://127.0.0.1:8080'))
  .addOption(
    new Option('--token <token>', 'access token; a process list shows it, the variable not').env('BASCULE_TOKEN'),
  )
  .option('--json', 'answers as JSON')
  .addHelpText(
    'after',
    '\nExit codes: 0 done; 1 refused or failed; 2 wrong usage; 3 the run ended, but not everybody is done.',
  )
  .exitOverride();

for (const verb of verbs) verb(program, (command) => contextOf(command, write));
for (const command of program.commands) inherit(command);

/** Commander hands neither setting down to commands that exist already. */
function inherit(command: Command): void {
  command.exitOverride();
  command.commands.forEach(inherit);
}

// Whoever reads our output may leave early, as head does.
process.stdout.on('error', () => process.exit(0));

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
  const message = messageOf(error);
  if (message !== undefined) process.stderr.write(`bascule: ${message}\n`);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return error instanceof UsageError ? 2 : 1;
}

/** One line that names the way out; undefined where commander has said it already. */
function messageOf(error: unknown): string | undefined {
  if (error instanceof CommanderError) return undefined;
  if (error instanceof ApiError || error instanceof UsageError) return error.message;
  if (error instanceof ZodError)
    return 'the API answered in a form that this version does not know; update one of the two';
  return error instanceof Error ? error.message : String(error);
}
