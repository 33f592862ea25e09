import { expect, test } from 'vitest';
import { startCompany, startGateway, until, type TestCompany } from '#libs/testing';

/** How Google's users.list lies, and the cause with which the plan is refused. */
const lies: Record<string, { cause: RegExp; lie: Record<string, unknown> }> = {
  'without anybody': { cause: /listed no account at all/, lie: { kind: 'empty' } },
  'that ends early': { cause: /only \d+ of the 60 accounts/, lie: { kind: 'truncated', after: 30 } },
  'with holes': { cause: /only \d+ of the 60 accounts/, lie: { kind: 'shrunken', share: 0.5 } },
  'whose second page is refused': {
    cause: /incomplete: directory\.users\.list/,
    lie: { kind: 'pageFails', page: 2, status: 400 },
  },
  'whose page tokens are too old': { cause: /incomplete: directory\.users\.list/, lie: { kind: 'tokensExpire' } },
};

const userList = 'directory.users.list';

/** Sixty people with accounts of our making; Google lists twenty a page. */
async function settledCompany(): Promise<TestCompany> {
  const company = await startCompany({
    timeScale: 100,
    feed: 60,
    through: async (simulator) => {
      const gateway = await startGateway(simulator);
      gateway.intercept = ({ method, url }) => {
        if (method !== 'GET' || url.pathname !== '/admin/directory/v1/users') return undefined;
        url.searchParams.set('maxResults', '20');
        return { pathAndQuery: `${url.pathname}${url.search}` };
      };
      return gateway;
    },
  });
  const { admin } = company;
  const migrationId = await admin.launch();
  expect((await admin.untilRest(migrationId)).migration.state).toBe('completed');
  return company;
}

test('a listing without anybody, a shrunken or a broken one is refused with its cause, and nothing starts on it', async () => {
  await using company = await settledCompany();
  const { admin, simulator, bascule } = company;
  const before = await simulator.accounts();
  for (const [kind, { cause, lie }] of Object.entries(lies)) {
    const second = await admin.create({ name: kind });
    await simulator.faults({ listings: { [userList]: lie } });
    // The ledger misses an account in a listing only when Google's lag is over.
    const plan = await until(`the refusal of a listing ${kind}`, async () => {
      const refused = await admin.plan(second);
      return refused.state === 'refused' ? refused : undefined;
    });
    expect({ kind, cause: plan.cause, summary: plan.summary }).toEqual({
      kind,
      cause: expect.stringMatching(cause),
      summary: null,
    });
    await expect(bascule.call('POST', `/v1/migrations/${second}/approve`, {})).rejects.toThrow(/409/);
    await expect(bascule.call('POST', `/v1/migrations/${second}/start`)).rejects.toThrow(/409/);
  }
  await simulator.faults({ listings: { [userList]: null } });
  const honest = await admin.create({ name: 'honest again' });
  expect(await admin.plan(honest)).toMatchObject({ state: 'ready', summary: { actions: { nothing: 60 } } });
  expect(await simulator.accounts()).toEqual(before);
}, 300_000);
