// node scripts/services.mjs [--ephemeral | --folder FOLDER] -- COMMAND ...
// Runs COMMAND with private PostgreSQL and Redis servers (each unless its URL is set), passes signals on to it, stops the
// servers cleanly afterwards, and ends with COMMAND's exit code.
import { parseArgs } from 'node:util';
import { runCommand } from './services/command.mjs';
import { ServicesError, startServices } from './services/index.mjs';

const { values, positionals } = parseArgs({
  options: { ephemeral: { type: 'boolean' }, folder: { type: 'string' } },
  allowPositionals: true,
});
if (positionals.length === 0) {
  console.error('usage: node scripts/services.mjs [--ephemeral | --folder FOLDER] -- COMMAND ...');
  process.exit(2);
}

try {
  process.exitCode = await runCommand(positionals, () => startServices(values));
} catch (error) {
  if (!(error instanceof ServicesError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
