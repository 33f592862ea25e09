import { expect, test } from 'vitest';
import { dropSettingsSchema } from '#libs/vocabulary';
import type { DropEntry, DropPlace } from './drop-place.js';
import { contentOf, idempotencyKeyOf, leftThings, Settling, takenPath, type LeftFile } from './left-files.js';

const file = (name: string, modifiedAt = 0): DropEntry => ({ name, kind: 'file', bytes: 10, modifiedAt });

const leftFiles = async (place: DropPlace) => (await leftThings(place)).files;

/** A place that holds these entries and nothing else. */
function placeWith(folders: Readonly<Record<string, readonly DropEntry[]>>): DropPlace {
  const refuse = () => Promise.reject(new Error('only looked at'));
  return {
    name: 'folder',
    list: (folder) => Promise.resolve(folders[folder] ?? []),
    open: refuse,
    move: refuse,
    putBack: refuse,
    write: refuse,
    remove: refuse,
  };
}

const namesIn = async (...names: string[]) =>
  (await leftFiles(placeWith({ full: names.map((name) => file(name)) }))).map(({ name }) => name);

test('files of both modes are found, the oldest first', async () => {
  const found = await leftFiles(placeWith({ full: [file('b.csv', 2_000)], delta: [file('a.csv', 1_000)] }));
  expect(found.map(({ path, mode }) => [path, mode])).toEqual([
    ['delta/a.csv', 'delta'],
    ['full/b.csv', 'full'],
  ]);
});

test('a folder within full is a population, one within delta is nothing', async () => {
  const folder = (name: string): DropEntry => ({ ...file(name), kind: 'folder' });
  const found = await leftFiles(
    placeWith({
      full: [file('all.csv', 1_000), folder('FR'), folder('.hidden'), folder('with blank')],
      'full/FR': [file('people.csv', 2_000), file('people.csv.done'), folder('deeper')],
      'full/.hidden': [file('a.csv')],
      'full/with blank': [file('b.csv')],
      'full/FR/deeper': [file('c.csv')],
      delta: [folder('DE')],
      'delta/DE': [file('d.csv')],
    }),
  );
  expect(found.map(({ path, population, isDone }) => [path, population, isDone])).toEqual([
    ['full/all.csv', '', false],
    ['full/FR/people.csv', 'FR', true],
  ]);
});

test.each(['.hidden.csv', 'a.csv.part', 'a.csv.filepart', 'a.csv.PART', 'a.tmp', 'a.csv~', 'a.csv.done', '.nfs0001'])(
  '%s is no feed: it is still written, or says something of another file',
  async (name) => expect(await namesIn(name, 'a.csv')).toEqual(['a.csv']),
);

test('a .done whose file is not there, or no longer, is a stray', async () => {
  const folder = (name: string): DropEntry => ({ ...file(name), kind: 'folder' });
  const { strayDones } = await leftThings(
    placeWith({
      full: [file('a.csv'), file('a.csv.done'), file('b.csv.done'), folder('c.csv.done'), folder('FR')],
      'full/FR': [file('a.csv.done'), file('d.csv.part'), file('d.csv.part.done')],
      delta: [file('.done')],
    }),
  );
  expect(strayDones).toEqual(['full/b.csv.done', 'full/FR/a.csv.done', 'delta/.done']);
});

test('what was told beside a file is never taken for a feed', async () => {
  expect(await namesIn('a.xls.result.json', 'a.csv.result.csv', 'result.csv')).toEqual(['result.csv']);
});

test('links, pipes and folders are left alone', async () => {
  const place = placeWith({
    full: [
      { ...file('link.csv'), kind: 'other' },
      { ...file('folder.csv'), kind: 'folder' },
    ],
  });
  expect(await leftFiles(place)).toEqual([]);
});

test.each([
  ['people.csv', { mediaType: 'text/csv', contentEncoding: null }],
  ['PEOPLE.CSV.GZ', { mediaType: 'text/csv', contentEncoding: 'gzip' }],
  ['people.2026-11-25.ndjson', { mediaType: 'application/x-ndjson', contentEncoding: null }],
  ['people.json.gz', { mediaType: 'application/json', contentEncoding: 'gzip' }],
  ['people.tsv', { mediaType: 'text/tab-separated-values', contentEncoding: null }],
  ['people.zip', { mediaType: 'application/zip', contentEncoding: null }],
  ['people.pdf', undefined],
  ['people', undefined],
  ['people.gz', undefined],
])('%s is read as its name says', (name, content) => expect(contentOf(name)).toEqual(content));

async function only(place: DropPlace): Promise<LeftFile> {
  const [found] = await leftFiles(place);
  if (found === undefined) throw new Error('no file was found');
  return found;
}

test('a file counts as complete once neither size nor time have changed for the settling time', async () => {
  const settings = dropSettingsSchema.parse({ settleSeconds: 60 });
  const settling = new Settling();
  const seen = async (entry: DropEntry, now: number) => {
    const found = await only(placeWith({ full: [entry] }));
    settling.look([found], now);
    return settling.isComplete(found, settings, now);
  };
  // Long ago by the file's own time: an upload that keeps the original's time says nothing.
  expect(await seen(file('a.csv'), 1_000_000)).toBe(false);
  expect(await seen(file('a.csv'), 1_059_999)).toBe(false);
  expect(await seen({ ...file('a.csv'), bytes: 20 }, 1_060_000)).toBe(false);
  expect(await seen({ ...file('a.csv', 1_000), bytes: 20 }, 1_119_999)).toBe(false);
  expect(await seen({ ...file('a.csv', 1_000), bytes: 20 }, 1_179_998)).toBe(false);
  expect(await seen({ ...file('a.csv', 1_000), bytes: 20 }, 1_179_999)).toBe(true);
});

test('a file that went away and came back begins to settle anew', async () => {
  const settings = dropSettingsSchema.parse({ settleSeconds: 60 });
  const settling = new Settling();
  const found = await only(placeWith({ full: [file('a.csv')] }));
  settling.look([found], 0);
  settling.look([], 30_000);
  settling.look([found], 70_000);
  expect(settling.isComplete(found, settings, 70_000)).toBe(false);
});

test('a file with its .done beside it is complete at once, and where .done is asked for nothing else is', async () => {
  const strict = dropSettingsSchema.parse({ ready: 'done', settleSeconds: 0 });
  const settling = new Settling();
  const done = await only(placeWith({ full: [file('a.csv'), file('a.csv.done')] }));
  const bare = await only(placeWith({ full: [file('b.csv'), file('a.csv.done')] }));
  settling.look([done, bare], 0);
  expect(settling.isComplete(done, strict, 1_000_000)).toBe(true);
  expect(settling.isComplete(bare, strict, 1_000_000)).toBe(false);
});

test('a taken file is found by time, delivery and its own name, whatever its length', () => {
  const delivery = { id: '3f0c0e9e-9a43-4b1e-8b7c-5f7f0a1c2d3e', receivedAt: new Date('2026-11-25T02:00:07.123Z') };
  expect(takenPath(delivery, 'people.csv')).toBe(`taken/20261125T020007Z-${delivery.id}-people.csv`);
  const long = takenPath(delivery, `${'ü'.repeat(200)}.csv`);
  expect(Buffer.byteLength(`${long.slice('taken/'.length)}.result.json`)).toBeLessThan(255);
  expect(long).toMatch(/ü\.csv$/);
});

test('the key of a file changes with place, path, time and bytes, and with nothing else', async () => {
  const found = await only(placeWith({ full: [file('a.csv', 1_000)] }));
  const keys = [
    idempotencyKeyOf('folder', found, 'aa'),
    idempotencyKeyOf('sftp', found, 'aa'),
    idempotencyKeyOf('folder', { ...found, path: 'delta/a.csv' }, 'aa'),
    idempotencyKeyOf('folder', { ...found, modifiedAt: 2_000 }, 'aa'),
    idempotencyKeyOf('folder', found, 'bb'),
  ];
  expect(new Set(keys).size).toBe(5);
  expect(idempotencyKeyOf('folder', { ...found, isDone: true }, 'aa')).toBe(keys[0]);
});
