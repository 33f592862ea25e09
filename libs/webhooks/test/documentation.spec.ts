import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { addEndpoint, addMessage, listMessages, openLedger } from '#libs/ledger';
import { createTestDatabase } from '#libs/testing';
import { newSigningSecret, WebhookSender } from '#libs/webhooks';

const project = fileURLToPath(new URL('../../../', import.meta.url));
const page = readFileSync(`${project}/docs/webhooks.md`, 'utf8');
const example = (language: string) => new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(page)?.[1] ?? '';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Runs an example as a reader would, until it takes connections; gives what it printed so far. */
async function run(command: string, args: readonly string[], secret: string) {
  const port = await freePort();
  const child = spawn(command, args, {
    cwd: project,
    env: { ...process.env, BASCULE_WEBHOOK_SECRET: secret, PORT: String(port) },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await vi.waitFor(
    async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      socket.destroy();
    },
    { timeout: 30_000, interval: 50 },
  );
  return { url: `http://127.0.0.1:${port}/`, output: () => output };
}

async function expectToVerify(command: string, args: readonly string[]): Promise<void> {
  const database = await createTestDatabase();
  const ledger = openLedger(database.url, { poolSize: 4 });
  onTestFinished(async () => {
    await ledger.close();
    await database.drop();
  });
  const secret = newSigningSecret();
  const receiver = await run(command, args, secret);
  const sender = new WebhookSender(ledger, { rule: 'private' });
  const results: (string | null)[] = [];
  for (const known of [secret, newSigningSecret()]) {
    const endpoint = {
      url: receiver.url,
      source: null,
      events: ['delivery.done'] as const,
      secret: known,
      actor: 'test',
    };
    const endpointId = await addEndpoint(ledger.db, endpoint);
    const body = JSON.stringify({ type: 'delivery.done', data: { source: 'ü' } });
    const id = await addMessage(ledger.db, { endpointId, event: 'delivery.done', body });
    await sender.sendDue();
    const [message] = await listMessages(ledger.db, endpointId, { limit: 1 });
    results.push(message?.lastResult ?? null);
    if (known === secret)
      await vi.waitFor(() => expect(receiver.output()).toContain(`${id} delivery.done`), { timeout: 10_000 });
  }
  expect(results).toEqual(['204', '401']);
}

test('the example in JavaScript takes what Bascule signs, and refuses another secret', async () => {
  await expectToVerify(process.execPath, ['--input-type=module', '--eval', example('js')]);
}, 60_000);

test.skipIf(spawnSync('python3', ['--version']).status !== 0)(
  'the example in Python takes what Bascule signs, and refuses another secret',
  async () => {
    await expectToVerify('python3', ['-c', example('python')]);
  },
  60_000,
);
