import { text } from 'node:stream/consumers';
import { expect, test, vi } from 'vitest';
import { EventStream, type ServerEvent } from './event-stream.js';

const event = (id: string, data: unknown = {}): ServerEvent => ({ event: 'progress', id, data });
const times = { heartbeatMs: 1_000_000, lifeMs: 1_000_000 };

test('events leave in the form of the standard, after the time to come again', async () => {
  const stream = new EventStream(times);
  stream.follow((send) => {
    send(event('1', { text: 'two\nlines' }));
    return () => undefined;
  });
  stream.end();
  expect(await text(stream)).toBe('retry: 2000\n\nevent: progress\nid: 1\ndata: {"text":"two\\nlines"}\n\n');
});

test('a comment keeps a silent connection alive', async () => {
  const stream = new EventStream({ ...times, heartbeatMs: 5 });
  let received = '';
  stream.on('data', (chunk: Buffer) => (received += chunk.toString()));
  await vi.waitFor(() => expect(received.split(': still here\n\n').length).toBeGreaterThan(3));
  stream.destroy();
});

test('it ends by itself, so that whoever may not read any more is found out', async () => {
  const leave = vi.fn<() => void>();
  const stream = new EventStream({ ...times, lifeMs: 20 }).follow(() => leave);
  expect(await text(stream)).toBe('retry: 2000\n\n');
  expect(leave).toHaveBeenCalledOnce();
});

test('a reader who leaves is left alone', async () => {
  const leave = vi.fn<() => void>();
  const stream = new EventStream(times).follow(() => leave);
  stream.destroy();
  await vi.waitFor(() => expect(leave).toHaveBeenCalledOnce());
});

test('a slow reader gets the newest event, not every one that was missed', async () => {
  const stream = new EventStream(times);
  let say: (one: ServerEvent) => void = () => undefined;
  stream.follow((send) => {
    say = send;
    return () => undefined;
  });
  const large = 'x'.repeat(20_000);
  for (let id = 1; id <= 100; id += 1) say(event(String(id), large));
  let received = '';
  stream.on('data', (chunk: Buffer) => (received += chunk.toString()));
  await vi.waitFor(() => expect(received).toContain('id: 100\n'));
  expect(received.match(/^id: /gm)).toHaveLength(2);
  expect(stream.readableLength).toBeLessThan(50_000);
  stream.destroy();
});
