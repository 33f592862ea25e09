import { expect, test } from 'vitest';
import { startDeployment, startSimulator } from '#libs/testing';

test('a test gets a Bascule of its own that reaches a simulated Google of its own', async () => {
  const simulator = await startSimulator();
  await simulator.plant([{ kind: 'user', primaryEmail: 'zoe@bascule-retail.example', givenName: 'Zoë' }]);
  const bascule = await startDeployment(simulator, { workers: 0 });
  try {
    expect(await bascule.call('POST', '/v1/google/check')).toMatchObject({ ok: true });
    expect((await simulator.accounts()).map(({ primaryEmail }) => primaryEmail)).toContain(
      'zoe@bascule-retail.example',
    );
  } finally {
    await bascule.stop();
    await simulator.stop();
  }
});
