import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startCompany, type TestCompany } from './company.js';
import type { Method } from './documented.js';
import { startApi } from './setup.js';

let company: TestCompany;
beforeAll(async () => {
  company = await startCompany();
});
afterAll(() => company.stop());

const problem = (name: string, status: number, more: object = {}) => ({
  status,
  body: { type: `urn:bascule:problem:${name}`, status, ...more },
});
const wrongField = (field: string) =>
  problem('invalid-field', 400, { errors: [{ field, message: expect.any(String) }] });
const wrongState = problem('conflict', 409, { code: 'wrong_state' });
const admin = (method: Method, url: string, payload?: object) => company.send('admin', method, url, payload);
const numbers = (from: number, to: number) => company.numbers.slice(from, to);

describe('creating', () => {
  const create = (payload: object) => admin('POST', '/v1/migrations', payload);

  test('a wrong field is named with its path', async () => {
    const { blueprint } = company;
    const name = 'The move';
    expect(await create({ blueprint })).toMatchObject(wrongField('name'));
    expect(await create({ name: '  ', blueprint })).toMatchObject(wrongField('name'));
    expect(await create({ name, blueprint: 'Nobody’s' })).toMatchObject(wrongField('blueprint'));
    expect(await create({ name, blueprint, selection: { kind: 'list', employeeNumbers: [] } })).toMatchObject(
      wrongField('selection.employeeNumbers'),
    );
    expect(await create({ name, blueprint, selection: { kind: 'some' } })).toMatchObject(wrongField('selection.kind'));
    expect(
      await create({ name, blueprint, selection: { kind: 'condition', condition: 'employee.shoeSize > 40' } }),
    ).toMatchObject(wrongField('selection.condition'));
    expect(await create({ name, blueprint, failureBudget: { sameReasonShare: 2 } })).toMatchObject(
      wrongField('failureBudget.sameReasonShare'),
    );
    expect(await create({ name, blueprint, colour: 'red' })).toMatchObject({ status: 400 });
  });

  test('a migration is a draft for a condition, a list or everyone', async () => {
    const { blueprint } = company;
    const selections = [
      { kind: 'everyone' },
      { kind: 'condition', condition: 'employee.country == "FR"' },
      { kind: 'list', employeeNumbers: ['1'] },
    ];
    for (const selection of selections) {
      expect(await create({ name: 'The move', blueprint, selection })).toMatchObject({
        status: 201,
        body: { state: 'draft', selection, blueprintName: blueprint, causeReason: null },
      });
    }
  });
});

const moves = ['plan', 'approve', 'start', 'pause', 'resume', 'cancel', 'retry'];
const reads = ['', '/plan', '/progress', '/progress/stream', '/rates', '/employees', '/report'];

test('an id that nobody has is not found, whatever is asked of it', async () => {
  for (const id of [randomUUID(), 'not-an-id', '%00']) {
    for (const move of moves) {
      expect(await admin('POST', `/v1/migrations/${id}/${move}`)).toMatchObject(problem('not-found', 404));
    }
    for (const read of reads) {
      expect(await admin('GET', `/v1/migrations/${id}${read}`)).toMatchObject(problem('not-found', 404));
    }
  }
});

test('each move needs its role', async () => {
  const id = await company.create(numbers(0, 1));
  const refused = problem('not-allowed', 403);
  for (const move of moves) {
    expect(await company.send('viewer', 'POST', `/v1/migrations/${id}/${move}`)).toMatchObject(refused);
    expect(await company.send('feed', 'POST', `/v1/migrations/${id}/${move}`)).toMatchObject(refused);
  }
  for (const move of ['approve', 'cancel']) {
    expect(await company.send('operator', 'POST', `/v1/migrations/${id}/${move}`)).toMatchObject(refused);
  }
  for (const read of reads) {
    expect(await company.send('feed', 'GET', `/v1/migrations/${id}${read}`)).toMatchObject(refused);
  }
  expect(await company.send('viewer', 'GET', `/v1/migrations/${id}`)).toMatchObject({ body: { state: 'draft' } });
});

test('from draft to the end: each state allows its moves and refuses the others with its name', async () => {
  const id = await company.create(numbers(1, 4));
  const move = (name: string, payload?: object) => admin('POST', `/v1/migrations/${id}/${name}`, payload);
  const refuse = async (...names: string[]) => {
    for (const name of names)
      expect({ name, ...(await move(name)) }).toMatchObject({ ...problem('conflict', 409), name });
  };
  expect(await admin('GET', `/v1/migrations/${id}/plan`)).toMatchObject(problem('not-found', 404));
  await refuse('approve', 'start', 'pause', 'resume', 'retry');

  await company.plan(id);
  await refuse('start', 'pause', 'resume', 'retry');
  expect(await admin('GET', `/v1/migrations/${id}/plan?action=create&limit=2`)).toMatchObject({
    body: { summary: { total: 3, actions: { create: 3 } }, items: [{ action: 'create' }, { action: 'create' }] },
  });

  expect(await move('approve', { accept: 'everything' })).toMatchObject(wrongField('accept'));
  expect(await move('approve')).toMatchObject({ status: 200, body: { state: 'approved' } });
  await refuse('approve', 'pause', 'resume', 'retry');
  expect(await move('start')).toMatchObject({ status: 200, body: { state: 'running' } });
  expect(await move('start')).toMatchObject(wrongState);
  await refuse('approve', 'resume');

  expect(await move('pause')).toMatchObject({ body: { state: 'paused', causeReason: 'paused_by_admin' } });
  await refuse('pause', 'start');
  expect(await admin('GET', `/v1/migrations/${id}/progress`)).toMatchObject({
    body: {
      migration: { state: 'paused', cause: { reason: 'paused_by_admin', whatToDo: expect.any(String) } },
      employees: { total: 3, pending: 3 },
      eta: { finishAt: null, reason: expect.stringContaining('paused') },
    },
  });
  expect(await move('resume')).toMatchObject({ body: { state: 'running', causeReason: null } });
  expect(await move('retry', { reason: 'phase_of_the_moon' })).toMatchObject(wrongField('reason'));
  expect(await move('retry', { step: 'juggle' })).toMatchObject(wrongField('step'));
  expect(await move('retry')).toMatchObject({ status: 200, body: { reopened: 0 } });

  expect(await move('cancel')).toMatchObject({ status: 200, body: { state: 'cancelled' } });
  await refuse('cancel', 'start', 'pause', 'resume', 'retry');
  expect(await admin('GET', `/v1/migrations/${id}/progress`)).toMatchObject({
    body: { employees: { total: 3, skipped: 3 }, percent: 100, migration: { cause: null } },
  });
});

test('nobody is in two migrations at once: the later one leaves them out and says why', async () => {
  const first = await company.create(numbers(4, 6));
  const second = await company.create(numbers(5, 7));
  for (const id of [first, second]) {
    await company.plan(id);
    await admin('POST', `/v1/migrations/${id}/approve`);
  }
  for (const id of [first, second]) {
    expect(await admin('POST', `/v1/migrations/${id}/start`)).toMatchObject({ status: 200 });
  }
  const { body } = await admin('GET', `/v1/migrations/${second}/employees?state=skipped`);
  expect(body).toMatchObject({ employees: [{ employeeNumber: company.numbers[5], reason: 'under_way_elsewhere' }] });
  for (const id of [first, second]) await admin('POST', `/v1/migrations/${id}/cancel`);
});

test('an API without Google says so instead of failing', async () => {
  const bare = await startApi();
  const headers = { authorization: `Bearer ${await bare.token('admin')}` };
  const answer = await bare.app.inject({ method: 'POST', url: '/v1/google/check', headers });
  expect(answer.json()).toMatchObject({ type: 'urn:bascule:problem:google-not-configured', status: 503 });
  await bare.stop();
});

test('the check of Google names each admin by number and every finding in words', async () => {
  const { status, body } = await admin('POST', '/v1/google/check');
  expect(status).toBe(200);
  const { findings } = z
    .object({ findings: z.array(z.object({ subject: z.string(), state: z.string() })) })
    .parse(body);
  expect(new Set(findings.map(({ subject }) => subject))).toContain('admin 1');
  expect(JSON.stringify(body)).not.toContain('@');
});

describe('the employees of a run', () => {
  let id: string;
  beforeAll(async () => {
    id = await company.create(numbers(7, 12));
    await company.plan(id);
    await admin('POST', `/v1/migrations/${id}/approve`);
    await admin('POST', `/v1/migrations/${id}/start`);
  });

  const pageSchema = z.object({
    employees: z.array(z.looseObject({ employeeNumber: z.string() })),
    cursor: z.number().nullable(),
  });

  test('come page by page, each once', async () => {
    const seen: string[] = [];
    let cursor: number | null = 0;
    while (cursor !== null) {
      const { body } = await admin('GET', `/v1/migrations/${id}/employees?limit=2&cursor=${cursor}`);
      const page = pageSchema.parse(body);
      seen.push(...page.employees.map(({ employeeNumber }) => employeeNumber));
      cursor = page.cursor;
    }
    expect(seen).toEqual(numbers(7, 12));
  });

  test('are found by state, step and reason', async () => {
    const found = async (query: string) =>
      pageSchema.parse((await admin('GET', `/v1/migrations/${id}/employees?${query}`)).body).employees.length;
    expect(await found('state=pending')).toBe(5);
    expect(await found('state=failed')).toBe(0);
    expect(await found('step=gmail')).toBe(0);
    expect(await found('reason=mailbox_not_ready')).toBe(0);
  });

  test('a filter that means nothing is refused by its name, not answered with nobody', async () => {
    const ask = (query: string) => admin('GET', `/v1/migrations/${id}/employees?${query}`);
    expect(await ask('state=happy')).toMatchObject(wrongField('state'));
    expect(await ask('step=juggle')).toMatchObject(wrongField('step'));
    expect(await ask('reason=phase_of_the_moon')).toMatchObject(wrongField('reason'));
    expect(await ask('limit=0')).toMatchObject(wrongField('limit'));
    expect(await ask('limit=100000')).toMatchObject(wrongField('limit'));
    expect(await ask('cursor=-1')).toMatchObject(wrongField('cursor'));
    expect(await ask('sate=failed')).toMatchObject({ status: 400 });
  });

  test('are all in the report, as JSON and as CSV', async () => {
    const { body } = await admin('GET', `/v1/migrations/${id}/report`);
    const lines = z.array(z.looseObject({ employeeNumber: z.string() })).parse(body);
    expect(lines.map(({ employeeNumber }) => employeeNumber)).toEqual(numbers(7, 12));
    const csv = z.string().parse((await admin('GET', `/v1/migrations/${id}/report?format=csv`)).body);
    expect(csv.trim().split('\n')).toHaveLength(6);
    expect(await admin('GET', `/v1/migrations/${id}/report?format=xls`)).toMatchObject(wrongField('format'));
  });

  test('the list of migrations shows the counts and the percent of each', async () => {
    const { body } = await company.send('viewer', 'GET', '/v1/migrations');
    const list = z.array(z.looseObject({ id: z.string() })).parse(body);
    expect(list.find((one) => one.id === id)).toMatchObject({ percent: 0, employees: { total: 5, pending: 5 } });
  });
});
