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
