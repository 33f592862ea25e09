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

test('a former number that nobody had, one’s own, or another source’s makes an ordinary joiner', async () => {
  const { ledger, push } = await setup();
  await push(csv(own('1')), { source: 'other' });
  expect((await push(csv(converted('A', '1'), converted('B', 'B')))).rows).toMatchObject({ new: 2 });
  expect(Object.keys(await ids(ledger)).toSorted()).toEqual(['1', 'A', 'B']);
});
