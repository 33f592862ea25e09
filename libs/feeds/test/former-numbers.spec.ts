import { expect, test } from 'vitest';
import type { Ledger } from '#libs/ledger';
import { header, row, setup } from './source.js';

const csv = (...rows: string[]) => [`${header},previous_worker_id`, ...rows, ''].join('\n');
const own = (number: string, status = 'ACTIVE') => `${row(number, 'IT', status)},`;
const converted = (number: string, previous: string) => `${row(number)},${previous}`;

async function ids(ledger: Ledger): Promise<Record<string, string>> {
  const { rows } = await ledger.pool.query<{ number: string; id: string }>(
    'select employee_number as number, id from employee',
  );
  return Object.fromEntries(rows.map(({ number, id }) => [number, id]));
}

test('who comes back under a new number that names the former one is the same person', async () => {
  const { ledger, push } = await setup();
  await push(csv(own('1', 'TERMINATED'), own('2')));
  const before = await ids(ledger);
  const delivery = await push(csv(converted('C-1', '1'), own('2')));
  expect(delivery.rows).toMatchObject({ total: 2, new: 0, updated: 1, unchanged: 1, absent: 0 });
  expect(await ids(ledger)).toEqual({ 'C-1': before['1'], 2: before['2'] });
});

test('rows that still name the former number are left out, in the same file and in later ones', async () => {
  const { ledger, push, told } = await setup();
  await push(csv(own('1'), own('2')));
  const before = await ids(ledger);
  const both = await push(csv(own('1', 'TERMINATED'), converted('C-1', '1'), own('2')));
  expect(await told(both.id)).toEqual(['older number_superseded', 'updated', 'unchanged']);
  const later = await push(csv(converted('C-1', '1'), own('1', 'TERMINATED'), own('2')));
  expect(await told(later.id)).toEqual(['unchanged', 'older number_superseded', 'unchanged']);
  expect(later.rows).toMatchObject({ total: 3, unchanged: 3, older: 1, leaver: 0 });
  expect(await ids(ledger)).toEqual({ 'C-1': before['1'], 2: before['2'] });
});

test('two workers who name the same former number are both rejected, and the person stays', async () => {
  const { ledger, push, told } = await setup();
  await push(csv(own('1')));
  const before = await ids(ledger);
  const delivery = await push(csv(converted('A', '1'), converted('B', '1'), own('1')));
  expect(await told(delivery.id)).toEqual(['rejected previous_conflict', 'rejected previous_conflict', 'unchanged']);
  expect(await ids(ledger)).toEqual(before);
});

test('two people stay two while the former number is still sent as somebody who is here', async () => {
  const { ledger, push, told } = await setup();
  await push(csv(own('1'), own('2')));
  const before = await ids(ledger);
  const delivery = await push(csv(own('1'), own('2'), converted('C-1', '1')));
  expect(await told(delivery.id)).toEqual(['unchanged', 'unchanged', 'rejected previous_conflict']);
  const broken = await push(csv(own('1', 'AWAY'), own('2'), converted('C-1', '1')));
  expect(await told(broken.id)).toEqual(['rejected status_unknown', 'unchanged', 'rejected previous_conflict']);
  expect(broken.rows).toMatchObject({ absent: 0 });
  expect(await ids(ledger)).toEqual(before);
});

test('a claim of rows that contradict each other is none', async () => {
  const { ledger, push, told } = await setup();
  await push(csv(own('1', 'ACTIVE')));
  const before = await ids(ledger);
  const delivery = await push(csv(converted('A', '1'), `${row('A', 'HR')},1`, own('1', 'TERMINATED')));
  expect(await told(delivery.id)).toEqual(['rejected duplicate_conflict', 'rejected duplicate_conflict', 'updated']);
  expect(await ids(ledger)).toEqual(before);
});

test('a renumbering is taken back by sending the former number again, alone or naming the one that was wrong', async () => {
  const { ledger, push, told } = await setup();
  await push(csv(own('1'), own('2')));
  const before = await ids(ledger);
  await push(csv(converted('C-1', '1'), own('2')));
  expect(await told((await push(csv(own('1'), own('2')))).id)).toEqual(['updated', 'unchanged']);
  expect(await ids(ledger)).toEqual(before);
  await push(csv(converted('C-1', '1'), own('2')));
  const named = await push(csv(converted('1', 'C-1'), own('C-1', 'TERMINATED'), own('2')));
  expect(await told(named.id)).toEqual(['updated', 'older number_superseded', 'unchanged']);
  expect(await ids(ledger)).toEqual(before);
});

test('two former numbers of one person without the present one are rejected, and the person is not absent', async () => {
  const { ledger, push, told } = await setup();
  await push(csv(own('1'), own('2')));
  await push(csv(converted('B', '1'), own('2')));
  await push(csv(converted('C', 'B'), own('2')));
  const before = await ids(ledger);
  const delivery = await push(csv(own('1'), own('B'), own('2')));
  expect(await told(delivery.id)).toEqual(['rejected previous_conflict', 'rejected previous_conflict', 'unchanged']);
  expect(delivery.rows).toMatchObject({ absent: 0 });
  expect(await ids(ledger)).toEqual(before);
  const next = await push(csv(converted('D', '1'), own('2')));
  expect(await told(next.id)).toEqual(['updated', 'unchanged']);
  expect(await ids(ledger)).toEqual({ D: before['C'], 2: before['2'] });
});

test('a delta never goes back to a former number by itself: a straggler’s end is not the person’s', async () => {
  const { ledger, push, told } = await setup();
  await push(csv(own('1'), own('2')));
  await push(csv(converted('C-1', '1')), { mode: 'delta' });
  const before = await ids(ledger);
  const late = await push(csv(own('1', 'TERMINATED')), { mode: 'delta' });
  expect(await told(late.id)).toEqual(['older number_superseded']);
  const hired = await push(csv(own('1')), { mode: 'delta' });
  expect(await told(hired.id)).toEqual(['older number_superseded']);
  expect(await ids(ledger)).toEqual(before);
  expect(await told((await push(csv(converted('1', 'C-1')), { mode: 'delta' })).id)).toEqual(['updated']);
});

test('who is renumbered in a row that cannot be used, or in two, is present all the same', async () => {
  const { push, told } = await setup();
  await push(csv(own('1'), own('2')));
  const broken = await push(csv(converted('C-1', '1').replace('2020-01-01', ''), own('2')));
  expect(await told(broken.id)).toEqual(['rejected hire_date_missing', 'unchanged']);
  expect(broken.rows).toMatchObject({ absent: 0 });
  const twice = await push(csv(converted('C-1', '1'), `${row('C-1', 'HR')},1`, own('2')));
  expect(await told(twice.id)).toEqual(['rejected duplicate_conflict', 'rejected duplicate_conflict', 'unchanged']);
  expect(twice.rows).toMatchObject({ absent: 0 });
});

test('a broken row that ends the former number does not keep the person from the new one', async () => {
  const { ledger, push, told } = await setup();
  await push(csv(own('1'), own('2')));
  const before = await ids(ledger);
  const ended = own('1', 'TERMINATED').replace('2020-01-01', 'never');
  const delivery = await push(csv(ended, converted('C-1', '1'), own('2')));
  expect(await told(delivery.id)).toEqual(['rejected date_invalid', 'updated', 'unchanged']);
  expect(await ids(ledger)).toEqual({ 'C-1': before['1'], 2: before['2'] });
});

test('numbers that are passed on from one to the next are nobody’s', async () => {
  const { ledger, push, told } = await setup();
  await push(csv(own('1'), own('2'), own('9')));
  const before = await ids(ledger);
  const delivery = await push(csv(converted('2', '1'), converted('3', '2'), own('9')));
  expect(await told(delivery.id)).toEqual(['rejected previous_conflict', 'rejected previous_conflict', 'unchanged']);
  expect(delivery.rows).toMatchObject({ absent: 0 });
  expect(await ids(ledger)).toEqual(before);
});

test('two former numbers of one person, of which one is ended by a broken row, are applied as nothing', async () => {
  const { push, told } = await setup();
  await push(csv(own('1'), own('2')));
  await push(csv(converted('B', '1'), own('2')));
  await push(csv(converted('C', 'B'), own('2')));
  const delivery = await push(csv(own('1', 'TERMINATED').replace('2020-01-01', 'never'), own('B'), own('2')));
  expect(delivery.state).toBe('done');
  expect(await told(delivery.id)).toEqual(['rejected date_invalid', 'rejected previous_conflict', 'unchanged']);
});

test('a company that gets new numbers, and one row ten thousand times, cost no more than others', async () => {
  const { push } = await setup();
  const numbers = Array.from({ length: 10_000 }, (_, index) => String(index + 1));
  await push(csv(...numbers.map((one) => own(one))));
  const renumbered = await push(csv(...numbers.map((one) => converted(`N-${one}`, one))));
  expect(renumbered).toMatchObject({ state: 'held', rows: { total: 10_000, updated: 10_000 } });
  const { push: pushOther } = await setup();
  const repeated = await pushOther(csv(...numbers.map(() => converted('A', '1'))));
  expect(repeated).toMatchObject({ state: 'done', rows: { total: 10_000, new: 1, duplicate: 9_999 } });
});

test('many who would get another number are held', async () => {
  const { push } = await setup();
  const numbers = Array.from({ length: 60 }, (_, index) => String(index + 1));
  await push(csv(...numbers.map((one) => own(one))));
  const delivery = await push(csv(...numbers.map((one) => converted(`N-${one}`, one))));
  expect(delivery.state).toBe('held');
  expect(delivery.cause).toMatch(/^changes_too_much: 60 people would get another number, of 60 \(limit 50\)\. /);
});

test('a former number that nobody had, one’s own, or another source’s makes an ordinary joiner', async () => {
  const { ledger, push } = await setup();
  await push(csv(own('1')), { source: 'other' });
  expect((await push(csv(converted('A', '1'), converted('B', 'B')))).rows).toMatchObject({ new: 2 });
  expect(Object.keys(await ids(ledger)).toSorted()).toEqual(['1', 'A', 'B']);
});
