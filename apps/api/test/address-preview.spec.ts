import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { previewSchema } from '../src/addresses/addresses.schemas.js';
import { push, startCompany, type TestCompany } from './company.js';
import { expectDocumented } from './documented.js';

const domain = 'bascule-retail.example';
const document = `blueprint: 1
name: Small
domains: [${domain}]
password: sso
orgUnit: /
licence: none
address:
  alternatives:
    - pattern: '{{ family }}.{{ given }}'
      when: employee.country == "HU"
  collision:
    - when: employee.workerType == "contractor"
      value: conflict
    - value: number
`;

let company: TestCompany;
beforeAll(async () => {
  company = await startCompany(6);
  expect(await company.send('operator', 'POST', '/v1/blueprints', { document })).toMatchObject({ status: 201 });
});
afterAll(() => company.stop());

const header =
  'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country,work_email,legacy_emails';

interface Sent {
  readonly query?: string;
  readonly role?: 'operator' | 'viewer' | 'feed';
  readonly headers?: Record<string, string>;
}

async function send(body: string | Buffer, { query = '', role = 'operator', headers = {} }: Sent = {}) {
  const source = query.includes('source=') ? '' : '&source=desk';
  const path = `/v1/addresses/preview?blueprint=Small${source}${query}`;
  const url = `${await company.api.app.getUrl()}${path}`;
  const authorization = `Bearer ${await company.api.token(role)}`;
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'text/csv', ...headers, authorization },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
  const text = await response.text();
  const answer = { statusCode: response.status, headers: Object.fromEntries(response.headers), body: text };
  expectDocumented(company.api, 'POST', path, answer);
  return { status: response.status, text };
}

async function preview(rows: readonly string[], sent?: Sent) {
  const { status, text } = await send([header, ...rows].join('\n'), sent);
  expect(status).toBe(200);
  return previewSchema.parse(JSON.parse(text));
}

const names = ({ people }: z.infer<typeof previewSchema>) =>
  Object.fromEntries(
    people.map(({ row, how, address, reason, holder }) => [
      row,
      [how, address?.split('@')[0] ?? reason, ...(holder === null ? [] : [holder.employeeNumber])],
    ]),
  );

/** What the ledger keeps: nothing of it may come from a preview. */
async function ledgerRows(): Promise<unknown> {
  const { rows } = await company.api.foundation.ledger.pool.query(
    `select (select count(*) from employee) as people, (select count(*) from address_reservation) as reservations,
       (select count(*) from feed_delivery) as deliveries, (select count(*) from plan) as plans`,
  );
  return rows;
}

test('each row tells its address and how it came about, and nothing is kept of it', async () => {
  const before = await ledgerRows();
  const answer = await preview([
    `1,Zoé,Lefèvre,EMPLOYEE,ACTIVE,2021-01-01,FR,,zl@${domain} zoe@elsewhere.example`,
    '2,Zoe,Lefevre,EMPLOYEE,ACTIVE,2020-01-01,FR,,',
    `3,Zsófia,Kis,EMPLOYEE,ACTIVE,2020-01-01,HU,zs.k@${domain},`,
    '4,Béla,Kis,EMPLOYEE,ACTIVE,2020-01-01,HU,,',
    '5,Bela,Kis,EMPLOYEE,ACTIVE,2020-01-02,HU,,',
    '6,Zoe,Lefevre,CONTRACTOR,ACTIVE,2022-01-01,FR,,',
    '7,伟,张,EMPLOYEE,ACTIVE,2020-01-01,CN,,',
    '8,Gone,Person,EMPLOYEE,TERMINATED,2020-01-01,FR,,',
    '9,No,Country,EMPLOYEE,ACTIVE,2020-01-01,XX,,',
    '10,Eve,Moreau,EMPLOYEE,ACTIVE,2020-01-01,FR,,',
    '10,Eve,Moreau,EMPLOYEE,ACTIVE,2020-01-01,FR,,',
    '11,Al,One,EMPLOYEE,ACTIVE,2020-01-01,FR,,',
    '11,Al,Two,EMPLOYEE,ACTIVE,2020-01-01,FR,,',
  ]);
  expect(names(answer)).toEqual({
    1: ['numbered', 'zoe.lefevre2', '2'],
    2: ['pattern', 'zoe.lefevre'],
    3: ['given', 'zs.k'],
    4: ['pattern', 'bela.kis'],
    5: ['alternative', 'kis.bela', '4'],
    6: ['held', 'address_held_by_colleague', '2'],
    7: ['held', 'name_not_romanised'],
    8: ['left', null],
    9: ['rejected', 'country_unknown'],
    10: ['pattern', 'eve.moreau'],
    11: ['repeated', null],
    12: ['rejected', 'duplicate_conflict'],
    13: ['rejected', 'duplicate_conflict'],
  });
  expect(answer.people[0]).toMatchObject({ wanted: `zoe.lefevre@${domain}`, aliases: [`zl@${domain}`], line: 2 });
  expect(answer).toMatchObject({
    blueprint: { name: 'Small', version: 1 },
    rows: 13,
    counts: {
      given: 1,
      pattern: 3,
      alternative: 1,
      numbered: 1,
      held: 2,
      left: 1,
      rejected: 3,
      repeated: 1,
      issued: 0,
    },
    reasons: { address_held_by_colleague: 1, name_not_romanised: 1, country_unknown: 1, duplicate_conflict: 2 },
  });
  expect(await ledgerRows()).toEqual(before);
});

test('it takes every format of a delivery, packed too, and answers as CSV that no spreadsheet calculates', async () => {
  const person = {
    worker_id: '=1+1',
    legal_given_name: 'Ada',
    legal_family_name: 'Blum',
    worker_type: 'EMPLOYEE',
    status: 'ACTIVE',
    hire_date: '2020-01-01',
    country: 'FR',
  };
  const json = JSON.stringify([person]);
  const wanted = [
    'row,line,employeeNumber,how,address,wanted,holder,holderSource,reason,whatToDo,aliases,aliasesLeftOut',
    `1,1,'=1+1,pattern,ada.blum@${domain},,,,,,,`,
    '',
  ].join('\n');
  for (const sent of [
    { body: json, type: 'application/json' },
    { body: `${JSON.stringify(person)}\n`, type: 'application/x-ndjson' },
    { body: gzipSync(json), type: 'application/json', encoding: 'gzip' },
  ]) {
    const headers = {
      'content-type': sent.type,
      accept: 'text/csv',
      ...(sent.encoding !== undefined && { 'content-encoding': sent.encoding }),
    };
    expect(await send(sent.body, { headers })).toEqual({ status: 200, text: wanted });
  }
});

test('who has an address keeps it, and what they would get now is told as a suggestion', async () => {
  const { pool } = company.api.foundation.ledger;
  const row = (number: string, name: string, more = ',') => `${number},${name},EMPLOYEE,ACTIVE,2020-01-01,FR${more}`;
  const rows = [row('K-1', 'Kim,Alt', ',,'), row('K-2', 'Lou,Alt', ',,'), row('K-3', 'Max,Alt', ',,')];
  await push(company.api, 'keep', [header, ...rows].join('\n'));
  await pool.query(
    `insert into address_reservation (address, employee_id, kind, state)
     select case employee_number when 'K-2' then 'lou.alt7' else lower(employee_number) end || '@${domain}', id, 'primary',
       'issued' from employee where source = 'keep'`,
  );
  const feed = [
    row('K-1', 'Kim,Neu', `,,kim.old@${domain}`),
    row('K-2', 'Lou,Alt', ',,'),
    row('K-3', 'Max,Alt', `,max@${domain},`),
    row('K-4', 'Eve,Neu', `,,kim.old@${domain}`),
  ];
  const { text } = await send([header, ...feed].join('\n'), { query: '&source=keep' });
  const people = previewSchema.parse(JSON.parse(text)).people;
  expect(people.map(({ how, address, wanted, reason }) => [how, address, wanted, reason])).toEqual([
    ['issued', `k-1@${domain}`, `kim.neu@${domain}`, null],
    ['issued', `lou.alt7@${domain}`, null, null],
    ['held', null, `max@${domain}`, 'address_change_unaccepted'],
    ['pattern', `eve.neu@${domain}`, null, null],
  ]);
  expect(people.map(({ aliases, aliasesLeftOut }) => [aliases, aliasesLeftOut])).toEqual([
    [[`kim.old@${domain}`], []],
    [[], []],
    [[], []],
    [[], [`kim.old@${domain}`]],
  ]);
});

test('only notable people come when only those are asked for, and no more than asked for', async () => {
  const rows = [
    '1,Ada,Blum,EMPLOYEE,ACTIVE,2020-01-01,FR,,',
    '2,Ada,Blum,EMPLOYEE,ACTIVE,2021-01-01,FR,,',
    '3,Ada,Blum,EMPLOYEE,ACTIVE,2022-01-01,FR,,',
  ];
  const notable = await preview(rows, { query: '&people=notable' });
  expect(names(notable)).toEqual({ 2: ['numbered', 'ada.blum2', '1'], 3: ['numbered', 'ada.blum3', '1'] });
  expect(names(await preview(rows, { query: '&people=notable&limit=1' }))).toEqual({
    2: ['numbered', 'ada.blum2', '1'],
  });
  expect(await preview(rows, { query: '&limit=0' })).toMatchObject({ people: [], counts: { pattern: 1, numbered: 2 } });
});

test('a file whose encoding is detected is looked through first, however many pieces it has', async () => {
  const settled = await company.send('admin', 'PUT', '/v1/feeds/detected/settings', { file: { encoding: 'detect' } });
  expect(settled).toMatchObject({ status: 200 });
  const rows = Array.from({ length: 60 }, (_, index) => `${index + 1},Zo\u00EB,Blum${index},${'x'.repeat(20_000)}`);
  const text = [`${header},note`, ...rows.map((row) => row.replace(/,(x+)$/, ',EMPLOYEE,ACTIVE,2020-01-01,FR,,,$1'))];
  const { status, text: answer } = await send(Buffer.from(text.join('\n'), 'latin1'), { query: '&source=detected' });
  expect(status).toBe(200);
  const { people, counts } = previewSchema.parse(JSON.parse(answer));
  expect(counts).toMatchObject({ pattern: 60, rejected: 0 });
  expect(people[0]?.address).toBe(`zoe.blum0@${domain}`);
}, 40_000);

test('what cannot be previewed is refused in the words of a delivery, and only to whom may see people', async () => {
  expect(await send('worker_id\n1')).toMatchObject({ status: 422, text: expect.stringContaining('header_missing') });
  expect(await send('', { headers: { 'content-type': 'application/pdf' } })).toMatchObject({ status: 415 });
  expect(await send(header, { query: '&version=99' })).toMatchObject({ status: 404 });
  for (const role of ['viewer', 'feed'] as const) expect(await send(header, { role })).toMatchObject({ status: 403 });
  // A preview that broke off keeps none of the next from running.
  expect(names(await preview(['1,Ada,Blum,EMPLOYEE,ACTIVE,2020-01-01,FR,,']))).toEqual({ 1: ['pattern', 'ada.blum'] });
});

const plannedSchema = z.looseObject({
  items: z.array(
    z.looseObject({ employeeNumber: z.string(), address: z.string().nullable(), reason: z.string().nullable() }),
  ),
});

async function planned(numbers: readonly string[]): Promise<Record<string, unknown>> {
  const selection = { kind: 'list', employeeNumbers: numbers };
  const created = await company.send('operator', 'POST', '/v1/migrations', {
    name: 'All',
    blueprint: 'Small',
    selection,
  });
  const { id } = z.looseObject({ id: z.string() }).parse(created.body);
  await company.plan(id);
  const { body } = await company.send('viewer', 'GET', `/v1/migrations/${id}/plan?limit=1000`);
  expect((await company.send('admin', 'POST', `/v1/migrations/${id}/cancel`)).status).toBeLessThan(300);
  const { items } = plannedSchema.parse(body);
  return Object.fromEntries(items.map(({ employeeNumber, address, reason }) => [employeeNumber, address ?? reason]));
}

const rowArbitrary = fc.record({
  given: fc.constantFrom('Ada', 'Adà', 'Béla', 'Root', '伟'),
  family: fc.constantFrom('Blum', 'Kis', ''),
  type: fc.constantFrom('EMPLOYEE', 'CONTRACTOR'),
  hired: fc.constantFrom('2020-01-01', '2021-06-01'),
  country: fc.constantFrom('FR', 'HU'),
  email: fc.constantFrom('', '', `ada.blum@${domain}`, `bela@${domain}`),
  legacy: fc.constantFrom('', '', `ada.blum2@${domain}`),
});

test(
  'a preview says what planning does once the feed is delivered, whatever the order of its rows',
  { timeout: 180_000 },
  async () => {
    await push(company.api, 'other', `${header}\nO-1,Ada,Blum,EMPLOYEE,ACTIVE,2020-12-01,FR,,\n`);
    await planned(['O-1']);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(rowArbitrary, { minLength: 2, maxLength: 8 }),
        fc.infiniteStream(fc.nat()),
        async (people, order) => {
          run += 1;
          const rows = people.map((one, at) => {
            const number = `R${run}-${at}`;
            // Some names come back in every round, others are the round’s own.
            const family = one.family === 'Kis' ? 'Kis' : `${one.family}${'abcdefgh'[run] ?? ''}`;
            const values = [one.given, family, one.type, 'ACTIVE', one.hired, one.country, one.email, one.legacy];
            return { at: order.next().value ?? 0, number, text: [number, ...values].join(',') };
          });
          const feed = rows.map(({ text }) => text);
          const shuffled = rows.toSorted((a, b) => a.at - b.at).map(({ text }) => text);
          const says = async (lines: readonly string[]) =>
            Object.fromEntries(
              (await preview(lines)).people
                .map(({ employeeNumber, address, reason }) => [employeeNumber ?? '', address ?? reason] as const)
                .toSorted(([a], [b]) => (a < b ? -1 : 1)),
            );
          const said = await says(feed);
          expect(await says(shuffled)).toEqual(said);
          await push(company.api, 'desk', [header, ...feed].join('\n'));
          expect(await planned(rows.map(({ number }) => number))).toEqual(said);
        },
      ),
      { numRuns: 5 },
    );
  },
);
