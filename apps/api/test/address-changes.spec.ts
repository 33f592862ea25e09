import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { push, startCompany, type TestCompany } from './company.js';

const domain = 'bascule-retail.example';
const document = `blueprint: 1
name: Small
domains: [${domain}]
password: sso
orgUnit: /
licence: none
`;

let company: TestCompany;
const ids = new Map<string, string>();
beforeAll(async () => {
  company = await startCompany(3);
  expect(await company.send('operator', 'POST', '/v1/blueprints', { document })).toMatchObject({ status: 201 });
  const header = 'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country,work_email';
  const rows = [
    'C-1,Ada,Blum,EMPLOYEE,ACTIVE,2020-01-01,FR,',
    `C-2,Eve,Kis,EMPLOYEE,ACTIVE,2020-01-01,FR,eve@${domain}`,
    'C-3,伟,张,EMPLOYEE,ACTIVE,2020-01-01,CN,',
  ];
  await push(company.api, 'desk', [header, ...rows].join('\n'));
  const { rows: people } = await company.api.foundation.ledger.pool.query(
    "select id, employee_number as number from employee where source = 'desk'",
  );
  for (const { id, number } of z.array(z.object({ id: z.string(), number: z.string() })).parse(people)) {
    ids.set(number, id);
  }
});
afterAll(() => company.stop());

const change = (number: string, body: object, role: 'admin' | 'operator' | 'feed' = 'admin') =>
  company.send(role, 'POST', `/v1/employees/${ids.get(number) ?? randomUUID()}/address`, body);

test('without an address it is the feed’s, else the pattern’s; and the answer tells the one before', async () => {
  expect(await change('C-1', { blueprint: 'Small' })).toEqual({
    status: 200,
    body: { address: `ada.blum@${domain}`, before: null },
  });
  expect(await change('C-2', { blueprint: 'Small' })).toMatchObject({ body: { address: `eve@${domain}` } });
  expect(await change('C-1', { blueprint: 'Small', address: `Countess@${domain}` })).toEqual({
    status: 200,
    body: { address: `countess@${domain}`, before: `ada.blum@${domain}` },
  });
});

test('what cannot be is refused with its field or its reason', async () => {
  expect(await change('C-1', {})).toMatchObject({ status: 400, body: { errors: [{ field: 'blueprint' }] } });
  expect(await change('C-1', { blueprint: 'Small', address: 'a@elsewhere.example' })).toMatchObject({
    status: 400,
    body: { errors: [{ field: 'address' }] },
  });
  expect(await change('C-1', { blueprint: 'Small', address: `eve@${domain}` })).toMatchObject({
    status: 409,
    body: { code: 'address_held_by_colleague' },
  });
  expect(await change('C-3', { blueprint: 'Small' })).toMatchObject({
    status: 409,
    body: { code: 'name_not_romanised' },
  });
  expect(await change('nobody', { blueprint: 'Small' })).toMatchObject({ status: 404 });
  for (const role of ['operator', 'feed'] as const) {
    expect(await change('C-1', { blueprint: 'Small' }, role)).toMatchObject({ status: 403 });
  }
});
