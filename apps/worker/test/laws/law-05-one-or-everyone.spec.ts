import { expect, test } from 'vitest';
import {
  googleError,
  numberOf,
  startCompany,
  startGateway,
  type GoogleGateway,
  type Interception,
  type TestCompany,
} from '#libs/testing';

test('people with trouble of their own fail alone, each with their reason', async () => {
  const trouble: Record<string, string> = {
    [numberOf(3)]: 'invalid_field',
    [numberOf(19)]: 'invalid_field',
    [numberOf(7)]: 'mailbox_never_ready',
    [numberOf(11)]: 'forbidden_for_account',
  };
  const sick = (reason: string) => Object.keys(trouble).filter((number) => trouble[number] === reason);
  await using company = await startCompany({
    timeScale: 120,
    feed: 100,
    google: {
      poison: {
        invalidInsert: sick('invalid_field'),
        mailboxNever: sick('mailbox_never_ready'),
        calendarForbidden: sick('forbidden_for_account'),
      },
    },
  });
  const { admin } = company;
  const migrationId = await admin.launch();
  const { migration, employees } = await admin.untilRest(migrationId);
  expect({ state: migration.state, cause: migration.cause }).toEqual({ state: 'completedWithIssues', cause: null });
  expect(employees).toMatchObject({ done: 96, failed: 4 });
  const failed = (await admin.report(migrationId)).filter(({ state }) => state === 'failed');
  expect(Object.fromEntries(failed.map(({ employeeNumber, reason }) => [employeeNumber, reason]))).toEqual(trouble);
  expect(await company.faults(migrationId)).toEqual([]);
}, 300_000);

async function companyBehindGateway(people: number, timeScale = 60) {
  let gateway: GoogleGateway | undefined;
  const company = await startCompany({
    timeScale,
    feed: people,
    through: async (simulator) => (gateway = await startGateway(simulator)),
  });
  if (gateway === undefined) throw new Error('there is no gateway');
  return { company, gateway };
}

/** What everybody would fail of, in the order of the steps that meet it, and the cause with which all pauses instead. */
const general: Record<string, { cause: string; path: RegExp; answer: Interception }> = {
  'a privilege that the admin lacks': {
    cause: 'admin_privilege_missing',
    path: /^\/admin\/directory\/v1\/groups\/[^/]+\/members/,
    answer: googleError(403, 'forbidden', 'Not Authorized to access this resource/api'),
  },
  'a key that is revoked': {
    cause: 'credentials_refused',
    path: /^\/oauth\/token/,
    answer: { status: 400, body: { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' } },
  },
  'an API that is not enabled': {
    cause: 'api_disabled',
    path: /^\/gmail\//,
    answer: googleError(
      403,
      'accessNotConfigured',
      'Gmail API has not been used in project 1 before or it is disabled. Enable it, then retry.',
    ),
  },
};

async function failNobody(company: TestCompany, migrationId: string, cause: string): Promise<void> {
  const paused = await company.admin.untilRest(migrationId);
  expect(paused.migration).toMatchObject({ state: 'paused', cause: { reason: cause } });
  expect(paused.employees).toMatchObject({ failed: 0, conflict: 0 });
}

test('trouble that would hit everybody pauses with one cause, fails nobody, and after the cure the run completes', async () => {
  const { company: opened, gateway } = await companyBehindGateway(80);
  await using company = opened;
  const { admin } = company;
  const id = await admin.create();
  await admin.plan(id);
  await admin.act(id, 'approve');
  let first = true;
  for (const { cause, path, answer } of Object.values(general)) {
    gateway.intercept = ({ url }) => (path.test(url.pathname) ? answer : undefined);
    await admin.act(id, first ? 'start' : 'resume');
    first = false;
    await failNobody(company, id, cause);
  }
  gateway.intercept = () => undefined;
  await admin.act(id, 'resume');
  expect((await admin.untilRest(id)).migration).toMatchObject({ state: 'completed', cause: null });
  expect(await company.faults(id)).toEqual([]);
}, 300_000);

test('the same reason on twenty people in a row pauses with that reason, and a retry after the cure completes', async () => {
  const { company: opened, gateway } = await companyBehindGateway(80);
  await using company = opened;
  const { admin } = company;
  gateway.intercept = ({ method, url }) =>
    method === 'POST' && url.pathname.startsWith('/calendar/v3/calendars/primary/acl')
      ? googleError(400, 'invalid', 'Invalid scope value.')
      : undefined;
  const id = await admin.launch();
  const paused = await admin.untilRest(id);
  expect(paused.migration).toMatchObject({ state: 'paused', cause: { reason: 'invalid_field' } });
  expect(paused.employees.failed).toBeGreaterThanOrEqual(20);
  gateway.intercept = () => undefined;
  expect(await admin.retry(id)).toBeGreaterThanOrEqual(20);
  await admin.act(id, 'resume');
  expect(await admin.untilRest(id)).toMatchObject({
    migration: { state: 'completed', cause: null },
    employees: { done: 80 },
    failures: [],
  });
  expect(await company.faults(id)).toEqual([]);
}, 300_000);

test('used-up licences pause with that cause; with more of them the run completes', async () => {
  await using company = await startCompany({
    timeScale: 60,
    feed: 110,
    google: { licences: [{ productId: 'Google-Apps', skuId: '1010020026', pool: 50 }] },
  });
  const { admin, simulator } = company;
  const id = await admin.launch();
  await failNobody(company, id, 'licences_used_up');
  await simulator.faults({ pools: { 'Google-Apps/1010020026': 1_000 } });
  await admin.act(id, 'resume');
  expect(await admin.untilRest(id)).toMatchObject({
    migration: { state: 'completed', cause: null },
    employees: { done: 110 },
    failures: [],
  });
  expect(await company.faults(id)).toEqual([]);
}, 300_000);
