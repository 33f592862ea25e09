import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { migrationIdSchema, type ProgressDocument } from '#libs/vocabulary';
import { facts, row } from '../test/builders.js';
import { toDocument } from './document.js';
import { ProgressStream } from './stream.js';

const id = migrationIdSchema.parse('00000000-0000-4000-8000-000000000001');
function setup() {
  const state = { reads: 0, done: 0, faults: 0, broken: false };
  const read = async () => {
    state.reads += 1;
    if (state.broken) throw new Error('the ledger is away');
    const now = new Date(Date.UTC(2026, 10, 25) + state.reads * 1_000);
    return toDocument(facts({ now, counters: [row({ state: 'done', count: state.done }), row({ count: 10 })] }));
  };
  const stream = new ProgressStream(read, () => (state.faults += 1));
  const told: ProgressDocument[] = [];
  return { state, stream, told };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

/** Lets a poll come and its reader end. */
async function nextPoll(): Promise<void> {
  vi.advanceTimersByTime(1_000);
  await sleep(0);
}

test('any number of listeners cost one reader, and none is asked for when the last has left', async () => {
  const { state, stream } = setup();
  const leave = Array.from({ length: 50 }, () => stream.listen(id, () => undefined));
  await sleep(0);
  await nextPoll();
  await nextPoll();
  expect(state.reads).toBe(3);
  for (const one of leave) one();
  await nextPoll();
  expect(state.reads).toBe(3);
});

test('only changes are told; who comes later gets what stands at once, without a question to the ledger', async () => {
  const { state, stream, told } = setup();
  stream.listen(id, (document) => told.push(document));
  await nextPoll();
  await nextPoll();
  expect(told).toHaveLength(1);
  state.done = 5;
  await nextPoll();
  expect(told.map(({ employees }) => employees.done)).toEqual([0, 5]);
  const { reads } = state;
  const late: ProgressDocument[] = [];
  stream.listen(id, (document) => late.push(document));
  expect(late.map(({ employees }) => employees.done)).toEqual([5]);
  expect(state.reads).toBe(reads);
  expect(told).toHaveLength(2);
  stream.close();
});

test('who reconnects and has seen what stands is not told it again, but the next change', async () => {
  const { state, stream, told } = setup();
  const leave = stream.listen(id, (document) => told.push(document));
  await nextPoll();
  const again: ProgressDocument[] = [];
  stream.listen(id, (document) => again.push(document), told[0]?.asOf);
  expect(again).toEqual([]);
  leave();
  state.done = 1;
  await nextPoll();
  expect(again).toHaveLength(1);
  stream.close();
});

test('a fault of the ledger is told to the log, and the next poll goes on', async () => {
  const { state, stream, told } = setup();
  state.broken = true;
  stream.listen(id, (document) => told.push(document));
  await nextPoll();
  expect(state.faults).toBeGreaterThan(0);
  expect(told).toEqual([]);
  state.broken = false;
  await nextPoll();
  expect(told).toHaveLength(1);
  stream.close();
});
