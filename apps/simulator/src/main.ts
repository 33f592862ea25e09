import { parseArgs } from 'node:util';
import { readProfile } from './profile.js';
import { startServer } from './server.js';

const { values } = parseArgs({
  options: {
    profile: { type: 'string' },
    port: { type: 'string', default: '0' },
    'time-scale': { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    'key-file': { type: 'string' },
  },
});
if (values.profile === undefined || values['key-file'] === undefined) {
  process.stderr.write('simulator: --profile FILE and --key-file FILE are needed\n');
  process.exit(2);
}

const server = await startServer({
  profile: readProfile(values.profile),
  timeScale: Number(values['time-scale']),
  seed: Number(values.seed),
  keyFile: values['key-file'],
  port: Number(values.port),
});
process.stdout.write(`${JSON.stringify({ ready: true, port: server.port, apiRoot: server.apiRoot })}\n`);

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => server.close());
