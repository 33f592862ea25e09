import { expect, test } from 'vitest';
import { decideDelivery, deliveryDifference, settleSource, type DeliveryRow, type Ledger } from '#libs/ledger';
import { feedSourceSettingsSchema, isOver, type FeedSourceSettings } from '#libs/vocabulary';
import { csv, row, setup } from './source.js';

const people = (count: number, from = 1) => Array.from({ length: count }, (_, index) => String(from + index));
const rows = (numbers: readonly string[], change = (line: string) => line) =>
  csv(...numbers.map((one) => change(row(one))));
const inCountry = (country: string) => (line: string) => line.replace(',DE,', `,${country},`);

const hours = (count: number) => new Date(Date.UTC(2026, 0, 1) + count * 3_600_000);

async function statuses(ledger: Ledger): Promise<Record<string, number>> {
  const { rows: counted } = await ledger.pool.query<{ status: string; count: number }>(
    'select status, count(*) as count from employee group by 1',
  );
  return Object.fromEntries(counted.map(({ status, count }) => [status, count]));
}

/** What is over its limit: the measure, its country and the count. */
const over = ({ difference }: DeliveryRow) =>
  (difference?.measures ?? [])
    .filter(isOver)
    .map(({ measure, country, count }) => [measure, country, count].filter((part) => part !== null).join(' '));

async function settle(ledger: Ledger, settings: Parameters<typeof feedSourceSettingsSchema.parse>[0]): Promise<void> {
  const parsed: FeedSourceSettings = feedSourceSettingsSchema.parse(settings);
  await settleSource(ledger.db, { name: 'hr', settings: parsed, actor: 'test' });
}

const decide = (ledger: Ledger, { id, source, difference }: DeliveryRow, verdict: 'approved' | 'rejected') =>
  decideDelivery(ledger.db, {
    id,
    source,
    verdict,
    fingerprint: difference?.fingerprint ?? '',
    actor: 'Ada',
    note: '',
  });

test('a full delivery that was cut off at half its rows is held whole and changes nobody', async () => {
  const { ledger, push } = await setup();
  await push(rows(people(300)));
  const cut = await push(rows(people(150), (line) => line.replace(',IT', ',HR')));
  expect(cut).toMatchObject({ state: 'held', rows: { total: 150, updated: 150, leaver: 0 } });
  expect(over(cut)).toEqual(['rowCount 150']);
  expect(cut.cause).toMatch(/^changes_too_much: 150 rows more or fewer/);
  const { rows: touched } = await ledger.pool.query(
    'select from employee join employee_version on employee_id = id where employee.version > 1 or absent_since is not null',
  );
  expect(touched).toHaveLength(0);
});

test('a delivery that makes too many leavers is held whole: neither its joiners nor its movers are applied', async () => {
  const { ledger, push } = await setup();
  await push(rows(people(400)));
  const ended = people(60).map((one) => row(one, 'IT', 'TERMINATED'));
  const delta = await push(csv(...ended, row('61', 'HR'), row('999')), { mode: 'delta' });
  expect(delta.state).toBe('held');
  expect(over(delta)).toEqual(['leavers 60', 'leavers DE 60']);
  expect(await statuses(ledger)).toEqual({ active: 400 });
  const page = { after: ['', ''] satisfies [string, string], limit: 100 };
  const all = await deliveryDifference(ledger.db, delta.id, page);
  expect(all.filter(({ measure }) => measure === 'leavers')).toHaveLength(60);
  expect(all).toContainEqual({
    measure: 'leavers',
    employeeNumber: '1',
    country: 'DE',
    before: 'active',
    after: 'terminated',
  });
  expect(all).toContainEqual({ measure: 'joiners', employeeNumber: '999', country: 'DE', before: '', after: 'active' });
  expect(all).toContainEqual({
    measure: 'moves',
    employeeNumber: '61',
    country: 'DE',
    before: 'DE, IT',
    after: 'DE, HR',
  });
});

test('an end date that comes earlier counts as leaving, one that moves back does not', async () => {
  const { push } = await setup();
  const withEnd = (date: string) =>
    [
      'worker_id,family_name,worker_type,status,hire_date,termination_date,country',
      ...people(60).map((one) => `${one},Müller,TEMP,ACTIVE,2020-01-01,${date},DE`),
      '',
    ].join('\n');
  expect((await push(withEnd('2030-06-30'))).state).toBe('done');
  expect((await push(withEnd('2031-06-30'))).state).toBe('done');
  expect(over(await push(withEnd('2026-06-30')))).toEqual(['leavers 60', 'leavers DE 60']);
});

test('who is put back to before their first day loses an account like a leaver, and counts as one', async () => {
  const { push } = await setup();
  const everybody = (status: string, hired: string) =>
    rows(people(60), (line) => line.replace('ACTIVE', status).replace('2020-01-01', hired));
  const later = new Date(Date.now() + 60 * 86_400_000).toISOString().slice(0, 10);
  await push(everybody('ACTIVE', '2020-01-01'));
  expect(over(await push(everybody('PREHIRE', '2020-01-01')))).toEqual(['leavers 60', 'leavers DE 60']);
  const { push: pushOther } = await setup();
  await pushOther(everybody('ACTIVE', '2020-01-01'));
  expect(over(await pushOther(everybody('ACTIVE', later)))).toEqual(['leavers 60', 'leavers DE 60']);
});

test('a small country that would lose its people holds a delivery that is harmless for the whole', async () => {
  const { push } = await setup();
  const portugal = people(30, 10_000);
  await push(csv(...people(300).map((one) => row(one)), ...portugal.map((one) => inCountry('PT')(row(one)))));
  const delta = await push(
    rows(portugal, (line) => inCountry('PT')(line).replace('ACTIVE', 'TERMINATED')),
    {
      mode: 'delta',
    },
  );
  expect(over(delta)).toEqual(['leavers PT 30']);
  expect(delta.cause).toContain('30 people would leave in PT, of 30 (limit 20)');
});

test('deliveries behind a held one wait, and approval applies exactly what was shown', async () => {
  const { ledger, push, read, receive } = await setup();
  await push(rows(people(400)));
  const held = await push(
    rows(people(60), (line) => line.replace('ACTIVE', 'TERMINATED')),
    { mode: 'delta' },
  );
  const next = await receive(csv(row('400', 'HR')), { mode: 'delta' });
  expect(await read(next)).toMatchObject({ state: 'received', waitsFor: held.id });
  expect(await push(csv(row('1', 'HR')), { source: 'other', mode: 'delta' })).toMatchObject({ state: 'done' });

  const other = { ...held, difference: { fingerprint: 'another', measures: [] } };
  expect(await decide(ledger, other, 'approved')).toBe('other_difference');
  expect(await decide(ledger, held, 'approved')).toBe('decided');
  expect(await decide(ledger, held, 'approved')).toBe('not_held');
  const last = await push(csv(row('399', 'HR')), { mode: 'delta' });
  expect(last.state).toBe('done');
  expect(await read(held.id)).toMatchObject({
    state: 'done',
    cause: null,
    rows: { updated: 60, leaver: 60 },
    decision: { verdict: 'approved', by: 'Ada' },
  });
  expect(await read(next)).toMatchObject({ state: 'done', waitsFor: null });
  expect(await statuses(ledger)).toEqual({ active: 341, terminated: 60 });
});

test('a rejected delivery is refused with who rejected it, its bytes go, and the next one is applied', async () => {
  const { ledger, push, read } = await setup();
  await push(rows(people(300)));
  const held = await push(rows(people(100)));
  expect(await decide(ledger, held, 'rejected')).toBe('decided');
  expect(await read(held.id)).toMatchObject({ state: 'refused', cause: 'rejected_by_person: Ada rejected it' });
  const { rows: bytes } = await ledger.pool.query('select from feed_payload');
  expect(bytes).toHaveLength(0);
  expect((await push(rows(people(300)))).rows).toMatchObject({ unchanged: 300, absent: 0 });
});

test('what would change other than was approved is held anew', async () => {
  const { ledger, push, read } = await setup();
  await push(rows(people(400)));
  const held = await push(
    rows(people(60), (line) => line.replace('ACTIVE', 'TERMINATED')),
    { mode: 'delta' },
  );
  await decide(ledger, held, 'approved');
  // Meanwhile somebody of them left by another way.
  await ledger.pool.query("update employee set status = 'terminated', version = 2 where employee_number = '1'");
  await ledger.pool.query(
    `insert into employee_version select employee_id, 2, record || '{"status": "terminated"}', delivery_id, now()
     from employee_version join employee on id = employee_id where employee_number = '1'`,
  );
  await push(csv(row('1')), { source: 'other' });
  const again = await read(held.id);
  expect(again).toMatchObject({ state: 'held', decision: null });
  expect(again.difference?.fingerprint).not.toBe(held.difference?.fingerprint);
});

test('an approval does not hold when the file is read otherwise, though as many would join', async () => {
  const { ledger, push, read } = await setup();
  const words = (meaning: string) => ({ file: { words: { status: { HERE: meaning } } } });
  await settle(ledger, words('ACTIVE'));
  await push(rows(people(1)));
  const held = await push(
    rows(people(300), (line) => line.replace('ACTIVE', 'HERE')),
    { mode: 'delta' },
  );
  expect(over(held)).toEqual(['joiners 299']);
  await settle(ledger, words('LEAVE'));
  await decide(ledger, held, 'approved');
  await push(csv(row('1')), { source: 'other' });
  const again = await read(held.id);
  expect(again).toMatchObject({ state: 'held', decision: null });
  expect(again.difference?.fingerprint).not.toBe(held.difference?.fingerprint);
});

test('many small deliveries do not do in a day what one big one may not', async () => {
  const { push } = await setup();
  await push(rows(people(600)));
  const leave = (from: number) =>
    push(
      rows(people(15, from), (line) => line.replace('ACTIVE', 'TERMINATED')),
      { mode: 'delta' },
    );
  expect((await leave(1)).state).toBe('done');
  expect((await leave(101)).state).toBe('done');
  expect((await leave(201)).state).toBe('done');
  const fourth = await leave(301);
  expect(fourth.state).toBe('held');
  expect(fourth.cause).toContain('15 people would leave after 45 in the last 24 hours, of 555 (limit 50)');
});

test('addresses that would change are counted, those that HR only writes back are not', async () => {
  const { ledger, push } = await setup();
  const withAddress = (address: (number: string) => string) =>
    [
      'worker_id,family_name,worker_type,status,hire_date,country,work_email',
      ...people(60).map((one) => `${one},Müller,TEMP,ACTIVE,2020-01-01,DE,${address(one)}`),
      '',
    ].join('\n');
  await push(withAddress(() => ''));
  await ledger.pool.query(
    `insert into address_reservation (address, employee_id, kind, state)
     select 'm' || employee_number || '@shop.example', id, 'primary', 'issued' from employee`,
  );
  expect((await push(withAddress((one) => `m${one}@shop.example`))).state).toBe('done');
  const changed = await push(withAddress((one) => `x${one}@shop.example`));
  expect(over(changed)).toEqual(['addressChanges 60', 'addressChanges DE 60']);
});

test('writing back an address that was issued instead of the one that HR had is no change', async () => {
  const { ledger, push } = await setup();
  const withAddress = (domain: string) =>
    [
      'worker_id,family_name,worker_type,status,hire_date,country,work_email',
      ...people(60).map((one) => `${one},Müller,TEMP,ACTIVE,2020-01-01,DE,m${one}@${domain}`),
      '',
    ].join('\n');
  await push(withAddress('old.example'));
  await ledger.pool.query(
    `insert into address_reservation (address, employee_id, kind, state)
     select 'm' || employee_number || '@shop.example', id, 'primary', 'issued' from employee`,
  );
  expect((await push(withAddress('shop.example'))).state).toBe('done');
  const changed = await push(withAddress('other.example'));
  expect(over(changed)).toEqual(['addressChanges 60', 'addressChanges DE 60']);
});

test('shifted columns, another encoding and lost leading zeros are held', async () => {
  const { ledger, push } = await setup();
  const numbered = people(300).map((one) => one.padStart(6, '0'));
  await push(rows(numbered));
  const shifted = await push(rows(numbered, (line) => line.replace('Zoë,Müller', 'Müller,Zoë')));
  expect(over(shifted)).toEqual(['renames 300']);
  await decide(ledger, shifted, 'rejected');
  const stripped = await push(rows(people(300)));
  expect(over(stripped)).toEqual(['joiners 300']);
  await decide(ledger, stripped, 'rejected');
  const broken = await push(rows(numbered, (line) => line.replace('ACTIVE', 'AKTIV')));
  expect(over(broken)).toEqual(['rejectedRows 300']);
  expect(await statuses(ledger)).toEqual({ active: 300 });
});

test('who is absent from two full deliveries in a row, twenty hours apart, has left, and comes back as themselves', async () => {
  const { ledger, push } = await setup();
  const full = (at: number, numbers: readonly string[]) => push(rows(numbers), { effectiveAt: hours(at) });
  await full(0, ['1', '2', '3']);
  expect((await full(24, ['1', '2'])).rows).toMatchObject({ absent: 1, leaver: 0 });
  expect((await full(43, ['1', '2'])).rows).toMatchObject({ absent: 1, leaver: 0 });
  const { rows: before } = await ledger.pool.query("select id from employee where employee_number = '3'");
  expect((await full(44, ['1', '2'])).rows).toMatchObject({ absent: 0, leaver: 1 });
  expect(await statuses(ledger)).toEqual({ active: 2, terminated: 1 });
  expect((await full(68, ['1', '2'])).rows).toMatchObject({ unchanged: 2, absent: 0, leaver: 0 });
  expect((await full(92, ['1', '2', '3'])).rows).toMatchObject({ unchanged: 2, updated: 1 });
  const { rows: after } = await ledger.pool.query("select id from employee where employee_number = '3'");
  expect(after).toEqual(before);
  expect(await statuses(ledger)).toEqual({ active: 3 });
});

test('absence is told from the person’s own population only, and present in another is present', async () => {
  const { ledger, push } = await setup();
  const full = (population: string, at: number, numbers: readonly string[]) =>
    push(rows(numbers, inCountry(population)), { population, effectiveAt: hours(at) });
  await full('FR', 0, ['1', '2', '3']);
  expect((await full('PT', 1, ['11', '12'])).rows).toMatchObject({ new: 2, absent: 0 });
  expect((await full('FR', 24, ['1'])).rows).toMatchObject({ absent: 2 });
  // The third has moved to Portugal.
  expect((await full('PT', 25, ['11', '12', '3'])).rows).toMatchObject({ updated: 1, absent: 0 });
  expect((await full('FR', 48, ['1'])).rows).toMatchObject({ leaver: 1, absent: 0 });
  expect((await full('PT', 49, ['11', '12', '3'])).rows).toMatchObject({ unchanged: 3 });
  const { rows: gone } = await ledger.pool.query(
    "select employee_number as number from employee where status = 'terminated'",
  );
  expect(gone).toEqual([{ number: '2' }]);
});

test('many who are absent for the second time are held as leavers', async () => {
  const { ledger, push } = await setup();
  const full = (at: number, count: number) => push(rows(people(count)), { effectiveAt: hours(at) });
  await full(0, 700);
  expect((await full(24, 640)).rows).toMatchObject({ absent: 60 });
  const second = await full(48, 640);
  expect(over(second)).toEqual(['leavers 60']);
  await decide(ledger, second, 'approved');
  await push(csv(row('1')), { source: 'other' });
  expect(await statuses(ledger)).toEqual({ active: 641, terminated: 60 });
});

test('an older delivery overwrites nothing newer, whatever the order in which they come', async () => {
  const { ledger, push, told } = await setup();
  const delta = (at: number, department: string) =>
    push(csv(row('1', department)), { mode: 'delta', effectiveAt: hours(at) });
  await push(csv(row('1'), row('2')), { effectiveAt: hours(10) });
  expect((await delta(30, 'HR')).rows).toMatchObject({ updated: 1 });
  const late = await delta(20, 'Stores');
  expect(late.rows).toMatchObject({ total: 1, unchanged: 1, older: 1, updated: 0 });
  expect(await told(late.id)).toEqual(['older older_than_stored']);
  const stale = await push(csv(row('1'), row('2')), { effectiveAt: hours(5) });
  expect(stale).toMatchObject({ state: 'refused' });
  expect(stale.cause).toMatch(/^stale_snapshot: /);
  // What a full delivery has confirmed since is newer as well.
  await push(csv(row('1', 'HR'), row('2')), { effectiveAt: hours(50) });
  expect((await delta(40, 'Stores')).rows).toMatchObject({ older: 1 });
  const { rows: departments } = await ledger.pool.query(
    `select record ->> 'department' as department from employee_version join employee
     on employee_id = id and employee_version.version = employee.version where employee_number = '1'`,
  );
  expect(departments).toEqual([{ department: 'HR' }]);
});

test('a delta that changes nothing confirms its people: an older one does not overwrite them, nor misses them', async () => {
  const { ledger, push, told } = await setup();
  await push(csv(row('1', 'HR'), row('2')), { effectiveAt: hours(10) });
  await push(csv(row('1', 'HR'), row('3')), { mode: 'delta', effectiveAt: hours(30) });
  const late = await push(csv(row('1', 'Stores')), { mode: 'delta', effectiveAt: hours(20) });
  expect(await told(late.id)).toEqual(['older older_than_stored']);
  // From before the third was hired, and before the first was confirmed.
  const full = await push(csv(row('2')), { effectiveAt: hours(20) });
  expect(full.rows).toMatchObject({ unchanged: 1, absent: 0 });
  const { rows: absent } = await ledger.pool.query('select from employee where absent_since is not null');
  expect(absent).toHaveLength(0);
});

test('who is named by a newer delivery of their country is not absent from an older one of the whole company', async () => {
  const { push } = await setup();
  await push(csv(row('1'), row('2')), { effectiveAt: hours(0) });
  await push(csv(row('1'), row('2')), { population: 'DE', effectiveAt: hours(30) });
  expect((await push(csv(row('1')), { effectiveAt: hours(20) })).rows).toMatchObject({ absent: 0 });
  expect((await push(csv(row('1')), { effectiveAt: hours(40) })).rows).toMatchObject({ absent: 1 });
});

test('the people of a source are counted as they come, leave, move and go', async () => {
  const { ledger, push } = await setup();
  const counted = async () => {
    const { rows: found } = await ledger.pool.query<{ country: string; people: number }>(
      'select country, people from source_people where people > 0 order by 1',
    );
    return Object.fromEntries(found.map(({ country, people: count }) => [country, count]));
  };
  const full = (at: number, ...lines: string[]) => push(csv(...lines), { effectiveAt: hours(at) });
  await full(0, row('1'), row('2'), row('3'), row('4', 'IT', 'TERMINATED'));
  expect(await counted()).toEqual({ DE: 3 });
  await full(24, row('1', 'IT', 'TERMINATED'), inCountry('FR')(row('2')), row('4'));
  expect(await counted()).toEqual({ DE: 2, FR: 1 });
  await full(48, row('1'), inCountry('FR')(row('2')), row('4'));
  expect(await counted()).toEqual({ DE: 2, FR: 1 });
  await ledger.pool.query("delete from employee where country = 'FR'");
  expect(await counted()).toEqual({ DE: 2 });
});

test('the first delivery of a source and of each population is never too many joiners', async () => {
  const { push } = await setup();
  expect((await push(rows(people(500)), { population: 'DE' })).state).toBe('done');
  expect((await push(rows(people(500, 1_000), inCountry('FR')), { population: 'FR' })).state).toBe('done');
  expect(over(await push(rows(people(500, 2_000)), { mode: 'delta' }))).toEqual(['joiners 500']);
});

test('a source’s own limits decide', async () => {
  const { ledger, push } = await setup();
  await settle(ledger, { guard: { leavers: { people: 0, share: 0 } }, absence: { hoursApart: 0 } });
  await push(rows(people(10)));
  expect((await push(rows(people(9)))).rows).toMatchObject({ absent: 1 });
  expect(over(await push(rows(people(9))))).toEqual(['leavers 1']);
});
