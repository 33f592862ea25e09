import { expect, test } from 'vitest';
import { setup } from './source.js';

const header = 'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country,manager_id';
const row = (number: string, manager = '', status = 'ACTIVE') =>
  `${number},Zoë,Müller,EMPLOYEE,${status},2020-01-01,DE,${manager}`;
const csv = (...rows: string[]) => `${[header, ...rows].join('\n')}\n`;

/** A source, and what is said of the managers of each delivery's rows. */
async function source() {
  const { push, ledger, told } = await setup();
  const warned = async (mode: 'full' | 'delta', ...rows: string[]) => {
    const { id, state, rows: counts } = await push(csv(...rows), { mode });
    expect({ state, rejected: counts.rejected }).toEqual({ state: 'done', rejected: 0 });
    const { rows: warnings } = await ledger.pool.query<{ number: string; reason: string }>(
      `select employee_number as number, problem ->> 'reason' as reason
       from feed_row, jsonb_array_elements(problems) as problem where delivery_id = $1 order by row`,
      [id],
    );
    return warnings.map(({ number, reason }) => `${number} ${reason}`);
  };
  return { warned, told };
}

test('a manager who is not known is told of, whatever the order of the rows, until the manager comes', async () => {
  const { warned } = await source();
  expect(await warned('full', row('1', '2'), row('2'), row('3', 'nobody'))).toEqual(['3 manager_unknown']);
  expect(await warned('delta', row('nobody'))).toEqual([]);
  expect(await warned('delta', row('3', '2'))).toEqual([]);
  expect(await warned('delta', row('3', 'nobody'), row('4', '3'))).toEqual([]);
});

test('a manager who has left is told of, but not to those who have left themselves', async () => {
  const { warned } = await source();
  const gone = [row('1', '', 'TERMINATED'), row('2', '1', 'TERMINATED'), row('3', '1')];
  expect(await warned('full', ...gone)).toEqual(['3 manager_terminated']);
});

test('a circle of managers is told to those who stand in it, also when one row closes it later', async () => {
  const { warned } = await source();
  const circle = [row('1', '2'), row('2', '3'), row('3', '1')];
  expect(await warned('full', ...circle, row('4', '1'), row('5', '4'), row('6'))).toEqual([
    '1 manager_cycle',
    '2 manager_cycle',
    '3 manager_cycle',
  ]);
  expect(await warned('delta', row('3', '6'))).toEqual([]);
  expect(await warned('delta', row('6', '5'))).toEqual(['6 manager_cycle']);
  expect(await warned('delta', row('6'), row('7', '8'), row('8', '7'))).toEqual(['7 manager_cycle', '8 manager_cycle']);
});
