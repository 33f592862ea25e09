import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startCompany, startGateway, type GoogleGateway } from '#libs/testing';

test('a run against another server that speaks Google’s API needs another root and other credentials, nothing else', async () => {
  let gateway: GoogleGateway | undefined;
  await using company = await startCompany({
    profile: 'demo',
    feed: 120,
    through: async (simulator) => {
      gateway = await startGateway(simulator);
      return gateway;
    },
  });
  const { admin } = company;
  const migrationId = await admin.launch();
  const { migration, failures } = await admin.untilRest(migrationId);
  expect({ state: migration.state, failures }).toEqual({ state: 'completed', failures: [] });
  expect(await company.faults(migrationId)).toEqual([]);
  const apis = new Set([...(gateway?.seen ?? [])].map((call) => call.slice(call.indexOf(' ') + 1)));
  const expected = [
    '/admin/directory',
    '/apps/licensing',
    '/calendar/v3',
    '/gmail/v1',
    '/groups/v1',
    '/oauth/token',
    '/v1/customers',
  ];
  expect(apis).toEqual(new Set(expected));
}, 300_000);

test('no word of the product names the simulator’s side door', () => {
  const projectFolder = fileURLToPath(new URL('../../../../', import.meta.url));
  const folders = ['libs/*/src', 'apps/api/src', 'apps/worker/src', 'apps/cli/src', 'apps/dashboard/src'];
  const words = ['grep', '-lE', '_simulator|apps/simulator|config/simulator', '--', ...folders, ':!libs/testing'];
  let found = '';
  try {
    found = execFileSync('git', words, { cwd: projectFolder, encoding: 'utf8' });
  } catch (error) {
    // git grep ends with 1 when it finds nothing.
    expect(error).toMatchObject({ status: 1 });
  }
  expect(found).toBe('');
});
