import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { push, startCompany, type TestCompany } from './company.js';

let company: TestCompany;
beforeAll(async () => {
  company = await startCompany(60);
  const people = [
    'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country,work_email,legacy_emails',
    'S-1,Søren,Ærøskøbing-Løkke,EMPLOYEE,ACTIVE,2020-01-01,DK,soren@bascule-retail.example,old.soren@former.example',
    'S-2,José María,Núñez,EMPLOYEE,ACTIVE,2020-01-01,ES,,',
  ];
  await push(company.api, 'desk', people.join('\n'));
});
afterAll(() => company.stop());

const hitSchema = z.looseObject({ id: z.string(), employeeNumber: z.string(), name: z.string() });

async function find(q: string): Promise<string[]> {
  const { status, body } = await company.send('viewer', 'GET', `/v1/employees?q=${encodeURIComponent(q)}`);
  expect(status).toBe(200);
  return z
    .array(hitSchema)
    .parse(body)
    .map(({ employeeNumber }) => employeeNumber);
}

test('a person is found by number, by any word of the name without accents, and by any address', async () => {
  for (const q of [
    'S-1',
    'soren',
    'Søren',
    'LOKKE',
    'aeroskobing',
    'soren@bascule-retail.example',
    'OLD.Soren@former.example',
  ]) {
    expect({ q, found: await find(q) }).toEqual({ q, found: expect.arrayContaining(['S-1']) });
  }
  expect(await find('maria nunez')).toEqual(['S-2']);
});

test('at most twenty come back, and nobody for what nobody has', async () => {
  expect(await find('nobody-has-this')).toEqual([]);
  expect(await find('%')).toEqual([]);
  expect((await find('a')).length).toBeLessThanOrEqual(20);
});

test('an empty or endless question is refused', async () => {
  for (const q of ['', '%20', 'x'.repeat(300)]) {
    expect(await company.send('viewer', 'GET', `/v1/employees?q=${q}`)).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'q' }] },
    });
  }
});

test('one person opens with the plain sentence, and shows record, account and enrolment', async () => {
  const { body } = await company.send('viewer', 'GET', '/v1/employees?q=S-1');
  const id = z.array(hitSchema).parse(body)[0]?.id ?? '';
  expect(await company.send('viewer', 'GET', `/v1/employees/${id}`)).toMatchObject({
    status: 200,
    body: {
      sentence: expect.stringMatching(/^Cannot sign in: there is no account yet\..*Tell the caller/),
      employeeNumber: 'S-1',
      record: { legalName: { givenName: 'Søren' } },
      account: null,
      enrolment: null,
      timeline: [],
    },
  });
});

test('whoever is in a run is told where they stand', async () => {
  const [number = ''] = company.numbers;
  const migration = await company.create([number]);
  await company.plan(migration);
  await company.send('admin', 'POST', `/v1/migrations/${migration}/approve`);
  await company.send('operator', 'POST', `/v1/migrations/${migration}/start`);
  const { body } = await company.send('viewer', 'GET', `/v1/employees?q=${number}`);
  const id =
    z
      .array(hitSchema)
      .parse(body)
      .find(({ employeeNumber }) => employeeNumber === number)?.id ?? '';
  expect(await company.send('viewer', 'GET', `/v1/employees/${id}`)).toMatchObject({
    body: {
      sentence: expect.stringContaining('Their turn in “Pilots” has not come.'),
      enrolment: { state: 'pending', migrationState: 'running', planned: { suspended: false } },
    },
  });
  await company.send('operator', 'POST', `/v1/migrations/${migration}/pause`);
  expect(await company.send('viewer', 'GET', `/v1/employees/${id}`)).toMatchObject({
    body: { sentence: expect.stringContaining('“Pilots” is paused since') },
  });
});

test('an id that nobody has is not found, and a feed’s token sees nobody', async () => {
  for (const id of [randomUUID(), 'x']) {
    expect(await company.send('viewer', 'GET', `/v1/employees/${id}`)).toMatchObject({ status: 404 });
  }
  expect(await company.send('feed', 'GET', '/v1/employees?q=x')).toMatchObject({ status: 403 });
  expect(await company.send('feed', 'GET', `/v1/employees/${randomUUID()}`)).toMatchObject({ status: 403 });
});
