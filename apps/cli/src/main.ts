#!/usr/bin/env node
import { Command } from 'commander';
import { ZodError } from 'zod';
import { ApiError } from './api-client.js';
import { contextOf, UsageError } from './context.js';
import { verbs } from './verbs/index.js';

const write = (text: string) => void process.stdout.write(text);

const program = new Command('bascule')
  .description('Moves a whole company onto Google Workspace.')
  .option('--api <url>', 'address of the API', process.env['BASCULE_API'] ?? 'http://127.0.0.1:8080')
  .option('--token <token>', 'access token (better: BASCULE_TOKEN)', process.env['BASCULE_TOKEN'])
  .option('--json', 'answers as JSON')
  .showHelpAfterError();

for (const verb of verbs) verb(program, (command) => contextOf(command, write));

try {
  await program.parseAsync();
} catch (error) {
  const known = error instanceof ApiError || error instanceof UsageError;
  const message =
    error instanceof ZodError ? 'the API answered in a form that this version does not know' : String(error);
  process.stderr.write(`bascule: ${known ? error.message : message}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
