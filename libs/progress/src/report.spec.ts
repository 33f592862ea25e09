import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { formatReport } from './report.js';

const done = {
  employeeNumber: '1001',
  wave: 1,
  action: 'create',
  state: 'done',
  reason: null,
  address: 'zoe@example.com',
  steps: [
    { step: 'account', state: 'done', reason: null },
    { step: 'gmail', state: 'done', reason: null },
  ],
};
const failed = {
  ...done,
  employeeNumber: '1002',
  state: 'failed',
  reason: 'signature_too_long',
  steps: [{ step: 'gmail', state: 'failed', reason: 'signature_too_long' }],
};
const conflict = {
  ...done,
  employeeNumber: '1003',
  action: 'conflict',
  state: 'conflict',
  reason: 'address_reserved',
  address: null,
  steps: [],
};

const csv = (rows: readonly object[]) => text(formatReport(Readable.from(rows), 'csv'));
const json = async (rows: readonly object[]) => JSON.parse(await text(formatReport(Readable.from(rows), 'json')));

test('a line an employee says what became of them and what to do, the same in both forms', async () => {
  const rows = [done, failed, conflict];
  const expected = [
    { employeeNumber: '1001', state: 'done', reason: '', step: '', whatToDo: '', steps: 'account=done gmail=done' },
    {
      employeeNumber: '1002',
      state: 'failed',
      reason: 'signature_too_long',
      step: 'gmail',
      whatToDo: 'Shorten the signature template in the blueprint, then retry.',
    },
    { employeeNumber: '1003', state: 'conflict', reason: 'address_reserved', address: '', steps: '' },
  ];
  expect(await json(rows)).toMatchObject(expected);
  expect(parse(await csv(rows), { columns: true })).toMatchObject(expected);
});

test('nobody gives a header alone, or an empty list', async () => {
  expect(await csv([])).toBe('employeeNumber,wave,action,state,reason,step,address,whatToDo,steps\n');
  expect(await json([])).toEqual([]);
});

test('no cell begins as a formula, and every value can be read back', async () => {
  const cell = fc.oneof(
    fc.string(),
    fc.constantFrom('=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '=HYPERLINK("http://x","y")'),
  );
  await fc.assert(
    fc.asyncProperty(cell, cell, async (employeeNumber, address) => {
      const records = parse(await csv([{ ...done, employeeNumber, address }]), { columns: true });
      expect(records).toHaveLength(1);
      for (const [name, value] of Object.entries({ employeeNumber, address })) {
        const read = z.record(z.string(), z.string()).parse(records[0])[name];
        expect(read).not.toMatch(/^[=+\-@\t\r]/);
        expect([value, `'${value}`]).toContain(read);
      }
    }),
  );
});

test('a row that cannot be read breaks the report off instead of leaving somebody out', async () => {
  await expect(csv([done, { ...done, state: 7 }])).rejects.toThrow();
  await expect(json([done, { ...done, state: 7 }])).rejects.toThrow();
});

test('a reader who leaves early ends the reading of the ledger', async () => {
  const rows = Readable.from(Array.from({ length: 100_000 }, () => done));
  const report = formatReport(rows, 'csv');
  report.once('data', () => report.destroy());
  await new Promise((resolve) => rows.once('close', resolve));
  expect(rows.destroyed).toBe(true);
});
