import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { settleSource } from '#libs/ledger';
import { feedSourceSettingsSchema } from '#libs/vocabulary';
import { enterpriseUrn, newUser, ScimClient, wholeWorker, workerUrn } from './client.js';

let client: ScimClient;
beforeAll(async () => {
  client = await ScimClient.start();
});
afterAll(() => client.stop());

test('a user becomes an employee by a delivery of the source, with everything that the record has a place for', async () => {
  const { id } = await client.create(
    wholeWorker({
      externalId: '000123',
      nickName: 'Zoe',
      title: 'Manager',
      preferredLanguage: 'de-CH, fr;q=0.8',
      emails: [
        { type: 'home', value: 'zoe@home.example' },
        { type: 'work', value: 'Zoe.Mueller@old.example' },
      ],
      phoneNumbers: [
        { type: 'work', value: 'tel:+49-30-123' },
        { type: 'mobile', value: '+49 170 1' },
      ],
      [enterpriseUrn]: {
        employeeNumber: '77',
        department: 'Stores',
        costCenter: '0042',
        organization: 'DE01',
        division: 'North',
        manager: { value: '000007' },
      },
      [workerUrn]: {
        hireDate: '2020-01-01',
        terminationDate: '2031-05-31',
        workerType: 'CONTRACTOR',
        status: 'LEAVE',
        locationCode: 'B-12',
        fte: '0.8',
        legacyEmails: ['z.mueller@older.example'],
        latinName: { givenName: 'Zoe', familyName: 'Mueller' },
        previousWorkerId: '9',
      },
    }),
  );
  expect(await client.provisioning(id)).toEqual({
    state: 'recorded',
    problems: [expect.stringContaining('manager_id names nobody')],
  });
  expect(await client.records()).toContainEqual({
    employeeNumber: '000123',
    previousNumber: '9',
    legalName: { givenName: 'Zoë', familyName: 'Müller' },
    preferredName: { givenName: 'Zoe' },
    latinName: { givenName: 'Zoe', familyName: 'Mueller' },
    status: 'leave',
    workerType: 'contractor',
    country: 'DE',
    hireDate: '2020-01-01',
    endDate: '2031-05-31',
    jobTitle: 'Manager',
    department: 'Stores',
    costCentre: '0042',
    companyCode: 'DE01',
    locationCode: 'B-12',
    managerNumber: '000007',
    workLanguage: 'de-CH',
    fte: 0.8,
    workEmail: 'zoe.mueller@old.example',
    legacyEmails: ['z.mueller@older.example'],
    workPhone: '+49-30-123',
    mobilePhone: '+49 170 1',
  });
});

test('who is deleted or no longer active is a leaver, and comes back under the same number', async () => {
  const numbers = ['leaver-1', 'leaver-2'];
  const [first, second] = await Promise.all(numbers.map((externalId) => client.create(wholeWorker({ externalId }))));
  const statusOf = async (number: string) =>
    (await client.records()).find(({ employeeNumber }) => employeeNumber === number)?.['status'];
  const becomes = (number: string, status: string) =>
    vi.waitFor(async () => expect(await statusOf(number)).toBe(status), { timeout: 40_000, interval: 100 });
  await Promise.all(numbers.map((number) => becomes(number, 'active')));
  expect((await client.send('DELETE', `/Users/${first?.id}`)).status).toBe(204);
  expect((await client.patch(second?.id ?? '', { op: 'replace', path: 'active', value: false })).status).toBe(200);
  await Promise.all(numbers.map((number) => becomes(number, 'terminated')));
  await client.create(wholeWorker({ externalId: 'leaver-1' }));
  await client.patch(second?.id ?? '', { op: 'replace', path: 'active', value: true });
  await Promise.all(numbers.map((number) => becomes(number, 'active')));
});

test('a user who lacks what a record needs is kept, and told what is missing; what is settled for the source helps', async () => {
  const bare = await client.create(newUser({ name: { familyName: 'Bare' } }));
  const told = await client.provisioning(bare.id);
  expect(told.state).toBe('rejected');
  expect(told.problems?.join(' ')).toMatch(/worker_type .* country /);
  const helped = await client.other('helped');
  const scim = { workerType: 'employee', country: 'FR', employeeNumberFrom: 'employeeNumber' };
  await settleSource(client.api.foundation.ledger.db, {
    name: 'helped',
    settings: feedSourceSettingsSchema.parse({ scim }),
    actor: 'test',
  });
  const { id } = await helped.create(
    newUser({
      externalId: 'j.doe',
      name: { familyName: 'Doe' },
      userType: 'Member',
      [enterpriseUrn]: { employeeNumber: '8' },
    }),
  );
  expect(await helped.provisioning(id)).toMatchObject({ state: 'recorded' });
  const today = new Date().toISOString().slice(0, 10);
  expect(await helped.records()).toMatchObject([
    { employeeNumber: '8', workerType: 'employee', country: 'FR', hireDate: today },
  ]);
});

test('a manager is found by their id, external id or user name', async () => {
  const managed = await client.other('managed');
  const boss = await managed.create(wholeWorker({ externalId: 'boss', userName: 'The.Boss' }));
  const reports = await Promise.all(
    [boss.id, 'boss', 'the.BOSS', 'not-yet'].map((value, index) =>
      managed.create(wholeWorker({ externalId: `report-${index}`, [enterpriseUrn]: { manager: { value } } })),
    ),
  );
  await Promise.all(reports.map(({ id }) => managed.provisioning(id)));
  const managers = (await managed.records()).flatMap(({ managerNumber }) => managerNumber ?? []);
  expect(managers).toEqual(['boss', 'boss', 'boss', 'not-yet']);
});

test('how a source writes its files does not matter to its SCIM users', async () => {
  const mixed = await client.other('mixed');
  const file = {
    encoding: 'windows-1252',
    dates: 'dd/mm/yyyy',
    fte: '100',
    columns: { Name: 'legal_family_name', legal_family_name: null },
    constants: { country: 'FR' },
    words: { worker_type: { EMPLOYEE: 'INTERN' } },
  };
  await settleSource(client.api.foundation.ledger.db, {
    name: 'mixed',
    settings: feedSourceSettingsSchema.parse({ file }),
    actor: 'test',
  });
  const { id } = await mixed.create(wholeWorker({ [workerUrn]: { hireDate: '2020-01-02', fte: '1' } }));
  expect(await mixed.provisioning(id)).toEqual({ state: 'recorded' });
  expect(await mixed.records()).toMatchObject([
    { legalName: { familyName: 'Müller' }, hireDate: '2020-01-02', fte: 1, country: 'DE', workerType: 'employee' },
  ]);
});

test('many writes become few deliveries, and the last state of each user counts', async () => {
  const busy = await client.other('busy');
  const users = await Promise.all(
    Array.from({ length: 40 }, (_, index) => busy.create(wholeWorker({ externalId: `b${index}` }))),
  );
  for (const title of ['One', 'Two', 'Three']) {
    await Promise.all(users.map(({ id }) => busy.patch(id, { op: 'replace', path: 'title', value: title })));
  }
  await vi.waitFor(
    async () => expect((await busy.records()).map(({ jobTitle }) => jobTitle)).toEqual(users.map(() => 'Three')),
    { timeout: 40_000, interval: 200 },
  );
  const { rows } = await client.api.foundation.ledger.pool.query<{ count: number; rejected: number }>(
    `select count(*) as count, sum(rows_rejected) as rejected from feed_delivery where source = 'busy'`,
  );
  expect(rows[0]?.count).toBeLessThan(40);
  expect(rows[0]?.rejected).toBe(0);
});

test('a user’s number never changes, whatever becomes of its external id', async () => {
  const fixed = await client.other('fixed');
  const { id } = await fixed.create(wholeWorker({ externalId: 'first' }));
  await fixed.provisioning(id);
  expect((await fixed.patch(id, { op: 'replace', path: 'externalId', value: 'second' })).body).toMatchObject({
    externalId: 'second',
  });
  expect((await fixed.patch(id, { op: 'replace', path: 'title', value: 'Baker' })).status).toBe(200);
  await vi.waitFor(
    async () => expect(await fixed.records()).toMatchObject([{ employeeNumber: 'first', jobTitle: 'Baker' }]),
    {
      timeout: 40_000,
      interval: 100,
    },
  );
});

test('a user who left before they were created is a leaver all the same', async () => {
  const late = await client.other('late-leavers');
  const { addresses } = wholeWorker();
  const base = { addresses, [workerUrn]: { terminationDate: '2021-05-31' } };
  const { id } = await late.create(wholeWorker({ ...base, externalId: 'gone', active: false }));
  expect(await late.provisioning(id)).toEqual({ state: 'recorded' });
  expect(await late.records()).toMatchObject([
    { employeeNumber: 'gone', status: 'terminated', hireDate: '2021-05-31', endDate: '2021-05-31' },
  ]);
});

test('who is known and leaves is a leaver, whatever else of what is said of them cannot be used', async () => {
  const broken = await client.other('broken-leavers');
  const numbers = ['inactive', 'deleted'];
  const [first, second] = await Promise.all(numbers.map((externalId) => broken.create(wholeWorker({ externalId }))));
  for (const { id } of [first, second].filter((user) => user !== undefined)) {
    expect(await broken.provisioning(id)).toEqual({ state: 'recorded' });
    const spoilt = { op: 'replace', path: `${workerUrn}:legacyEmails`, value: ['no address'] };
    expect((await broken.patch(id, { op: 'remove', path: 'addresses' }, spoilt)).status).toBe(200);
    expect(await broken.provisioning(id)).toMatchObject({ state: 'rejected' });
  }
  await broken.patch(first?.id ?? '', { op: 'replace', path: 'active', value: 'False' });
  await broken.send('DELETE', `/Users/${second?.id}`);
  await vi.waitFor(
    async () =>
      expect(await broken.records()).toMatchObject([
        { employeeNumber: 'deleted', status: 'terminated', country: 'DE' },
        { employeeNumber: 'inactive', status: 'terminated', country: 'DE' },
      ]),
    { timeout: 40_000, interval: 100 },
  );
  const { state, problems } = await broken.provisioning(first?.id ?? '');
  expect(state).toBe('recorded');
  expect(problems?.join(' ')).toMatch(/country .* legacy_emails .* the worker has left, and that counts/);
});

test('a manager who comes later is found by the external id or user name by which they were named', async () => {
  const late = await client.other('late-managers');
  const { db } = client.api.foundation.ledger;
  const settings = feedSourceSettingsSchema.parse({ scim: { employeeNumberFrom: 'employeeNumber' } });
  await settleSource(db, { name: 'late-managers', settings, actor: 'test' });
  const worker = (employeeNumber: string, more: object = {}) =>
    wholeWorker({ externalId: `id-of-${employeeNumber}`, [enterpriseUrn]: { employeeNumber, ...more } });
  const reports = await Promise.all(
    ['id-of-boss', 'The.BOSS@example.com', 'x'.repeat(300)].map((value, index) =>
      late.create(worker(`report-${index}`, { manager: { value } })),
    ),
  );
  await Promise.all(reports.map(({ id }) => late.provisioning(id)));
  const managers = async () =>
    (await late.records())
      .filter(({ employeeNumber }) => String(employeeNumber).startsWith('report-'))
      .map(({ managerNumber }) => managerNumber);
  expect(await managers()).toEqual(['id-of-boss', 'The.BOSS@example.com', undefined]);
  await late.create({ ...worker('boss'), userName: 'the.boss@example.com' });
  await vi.waitFor(async () => expect(await managers()).toEqual(['boss', 'boss', undefined]), {
    timeout: 40_000,
    interval: 100,
  });
});

test('who was rejected is delivered again when the client repeats what it said, or when the source is settled anew', async () => {
  const again = await client.other('again');
  const { db, pool } = client.api.foundation.ledger;
  const nowhere = wholeWorker({ externalId: 'nowhere', addresses: [] });
  const { id } = await again.create(nowhere);
  expect(await again.provisioning(id)).toMatchObject({ state: 'rejected' });
  const deliveries = async () => {
    const { rows } = await pool.query<{ count: number }>(
      `select count(*) as count from feed_delivery where source = 'again' and finished_at is not null`,
    );
    return rows[0]?.count;
  };
  expect(await deliveries()).toBe(1);
  const repeated = await again.send('PUT', `/Users/${id}`, nowhere);
  expect(repeated).toMatchObject({ status: 200, body: { meta: { version: 'W/"1"' } } });
  await vi.waitFor(async () => expect(await deliveries()).toBe(2), { timeout: 40_000, interval: 100 });
  expect(await again.provisioning(id)).toMatchObject({ state: 'rejected' });
  const settings = feedSourceSettingsSchema.parse({ scim: { country: 'FR' } });
  await settleSource(db, { name: 'again', settings, actor: 'test' });
  await vi.waitFor(async () => expect(await again.records()).toMatchObject([{ employeeNumber: 'nowhere' }]), {
    timeout: 40_000,
    interval: 100,
  });
  expect(await again.provisioning(id)).toMatchObject({ state: 'recorded' });
  await again.send('PUT', `/Users/${id}`, nowhere);
  await settleSource(db, { name: 'again', settings, actor: 'test' });
  expect(await again.provisioning(id)).toMatchObject({ state: 'recorded' });
  const { rows } = await pool.query(`select from scim_user where source = 'again' and change > delivered_change`);
  expect(rows).toEqual([]);
});

test('a manager who is named by an external id in another case is nobody, and no reason to deliver again and again', async () => {
  const other = await client.other('other-case');
  const { db, pool } = client.api.foundation.ledger;
  const settings = feedSourceSettingsSchema.parse({ scim: { employeeNumberFrom: 'employeeNumber' } });
  await settleSource(db, { name: 'other-case', settings, actor: 'test' });
  const own = { [enterpriseUrn]: { employeeNumber: '1', manager: { value: 'id-of-one' } } };
  const { id } = await other.create(wholeWorker({ externalId: 'ID-of-One', ...own }));
  expect(await other.provisioning(id)).toMatchObject({ state: 'recorded' });
  const second = await other.create(wholeWorker({ [enterpriseUrn]: { employeeNumber: '2' } }));
  expect(await other.provisioning(second.id)).toMatchObject({ state: 'recorded' });
  const { rows } = await pool.query(
    `select (select count(*) from feed_delivery where source = 'other-case') as deliveries,
       (select count(*) from scim_user where source = 'other-case' and change > delivered_change) as waiting`,
  );
  expect(rows).toEqual([{ deliveries: 2, waiting: 0 }]);
});

test('a deleted user whom nobody knew does not end the one who has the number now, when the source is settled anew', async () => {
  const reused = await client.other('reused');
  const { db } = client.api.foundation.ledger;
  const first = await reused.create(wholeWorker({ externalId: 'seven', addresses: [] }));
  expect(await reused.provisioning(first.id)).toMatchObject({ state: 'rejected' });
  expect((await reused.send('DELETE', `/Users/${first.id}`)).status).toBe(204);
  const living = await reused.create(wholeWorker({ externalId: 'seven' }));
  expect(await reused.provisioning(living.id)).toMatchObject({ state: 'recorded' });
  await settleSource(db, { name: 'reused', settings: feedSourceSettingsSchema.parse({}), actor: 'test' });
  const later = await reused.create(wholeWorker({ externalId: 'eight' }));
  expect(await reused.provisioning(later.id)).toMatchObject({ state: 'recorded' });
  expect(await reused.records()).toMatchObject([
    { employeeNumber: 'eight', status: 'active' },
    { employeeNumber: 'seven', status: 'active' },
  ]);
});
