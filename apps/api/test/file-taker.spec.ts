import { hash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { dropSettingsSchema } from '#libs/vocabulary';
import type { DropPlace, OpenedFile } from '../src/feed-drop/drop-place.js';
import { FileTaker, type WatchedPlace } from '../src/feed-drop/file-taker.js';
import { FolderPlace } from '../src/feed-drop/folder-place.js';
import { Settling } from '../src/feed-drop/left-files.js';
import { Troubles } from '../src/feed-drop/troubles.js';
import { startApi, type TestApi } from './setup.js';

const header = 'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country';
const csv = (number: string) => `${header}\n${number},Zoë,Müller,EMPLOYEE,ACTIVE,2020-01-01,DE\n`;

const hashOf = (text: string) => hash('sha256', text, 'hex');

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

/** What happens at a source's folder while we are at work in it. */
interface Meanwhile {
  readonly opening?: (path: string) => void;
  /** After the file was read so often. */
  readonly read?: (times: number) => void;
  readonly moving?: () => void;
  readonly moved?: (to: string) => void;
}

/** A real folder in which others are at work at the moments that a test names. */
function busyPlace(folder: FolderPlace, meanwhile: Meanwhile): DropPlace {
  const opened = (file: OpenedFile): OpenedFile => {
    let times = 0;
    return {
      ...file,
      read: () => {
        const bytes = file.read();
        return Readable.from(
          (async function* whole() {
            yield* bytes;
            meanwhile.read?.((times += 1));
          })(),
        );
      },
    };
  };
  return {
    name: folder.name,
    list: (path) => folder.list(path),
    open: async (path) => {
      meanwhile.opening?.(path);
      return opened(await folder.open(path));
    },
    move: async (from, to) => {
      meanwhile.moving?.();
      await folder.move(from, to);
      meanwhile.moved?.(to);
    },
    putBack: (from, to) => folder.putBack(from, to),
    write: (path, content) => folder.write(path, content),
    remove: (path) => folder.remove(path),
  };
}

/** A source's folder, looked at when the test says so. */
function watched(source: string, meanwhile: Meanwhile = {}) {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'bascule-taker-')));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const mode of ['full', 'delta']) mkdirSync(join(root, mode));
  let now = 0;
  const clock = () => now;
  const place: WatchedPlace = {
    source,
    place: busyPlace(new FolderPlace(root), meanwhile),
    settings: dropSettingsSchema.parse({ settleSeconds: 0 }),
    memory: {
      settling: new Settling(),
      troubles: new Troubles(clock),
      fileTroubles: new Troubles(clock),
      refusals: new Troubles(clock),
    },
  };
  return {
    root,
    look: () => api.app.get(FileTaker).look(place, new AbortController().signal),
    later: (ms: number) => (now += ms),
    /** The text of each taken file, in no order. */
    taken: () =>
      readdirSync(join(root, 'taken'))
        .filter((name) => name.endsWith('.csv') && !name.endsWith('.result.csv'))
        .map((name) => readFileSync(join(root, 'taken', name), 'utf8')),
    /** The hash of each delivery's bytes, in the order in which they count. */
    deliveries: async () => {
      const { rows } = await api.foundation.ledger.pool.query<{ sha256: string }>(
        `select encode(payload_sha256, 'hex') as sha256 from feed_delivery
         where source = $1 order by received_at, sequence`,
        [source],
      );
      return rows.map(({ sha256 }) => sha256);
    },
  };
}

/** Puts another file in the place of one, as whoever uploads under a passing name does. */
function replace(path: string, content: string): void {
  writeFileSync(`${path}.part`, content);
  renameSync(`${path}.part`, path);
}

test.each(['once it was read', 'as it is moved'])(
  'a file that is replaced %s stays where it is, and is the next delivery',
  async (moment) => {
    let isReplaced = false;
    const replaceOnce = () => {
      if (!isReplaced) replace(join(folder.root, 'delta', 'a.csv'), csv('2'));
      isReplaced = true;
    };
    const folder = watched(`replaced ${moment}`.replaceAll(' ', '-'), {
      read: (times) => {
        if (moment === 'once it was read' && times === 2) replaceOnce();
      },
      moving: () => {
        if (moment === 'as it is moved') replaceOnce();
      },
    });
    writeFileSync(join(folder.root, 'delta', 'a.csv'), csv('1'));
    await folder.look();
    expect(readFileSync(join(folder.root, 'delta', 'a.csv'), 'utf8')).toBe(csv('2'));
    await folder.look();
    expect(readdirSync(join(folder.root, 'delta'))).toEqual([]);
    expect(folder.taken()).toEqual([csv('2')]);
    expect(await folder.deliveries()).toEqual([csv('1'), csv('2')].map(hashOf));
  },
);

test('a file of the same size that is put there between listing and opening begins to settle anew', async () => {
  let isReplaced = false;
  const folder = watched('listed', {
    opening: (path) => {
      if (isReplaced) return;
      isReplaced = true;
      replace(join(folder.root, path), csv('2'));
      utimesSync(join(folder.root, path), 1_000, 1_000);
    },
  });
  writeFileSync(join(folder.root, 'delta', 'a.csv'), csv('1'));
  await folder.look();
  expect(await folder.deliveries()).toEqual([].map(hashOf));
  await folder.look();
  expect(await folder.deliveries()).toEqual([csv('2')].map(hashOf));
});

test('a file that gets another time by being moved is the file that was read all the same', async () => {
  const folder = watched('copied', {
    moved: (to) => utimesSync(join(folder.root, to), 1_000, 1_000),
  });
  writeFileSync(join(folder.root, 'delta', 'a.csv'), csv('1'));
  await folder.look();
  await folder.look();
  expect(readdirSync(join(folder.root, 'delta'))).toEqual([]);
  expect(folder.taken()).toEqual([csv('1')]);
  expect(await folder.deliveries()).toEqual([csv('1')].map(hashOf));
});

test('no file is taken before an older one that can still become a delivery', async () => {
  let isBroken = true;
  const folder = watched('order', {
    opening: (path) => {
      if (isBroken && path.endsWith('older.csv')) throw Object.assign(new Error('the disk'), { code: 'EIO' });
    },
  });
  for (const [name, number, seconds] of [
    ['older.csv', '1', 1_000],
    ['newer.csv', '2', 2_000],
  ] as const) {
    writeFileSync(join(folder.root, 'delta', name), csv(number));
    utimesSync(join(folder.root, 'delta', name), seconds, seconds);
  }
  await folder.look();
  isBroken = false;
  await folder.look();
  expect(await folder.deliveries()).toEqual([].map(hashOf));
  folder.later(300_000);
  await folder.look();
  expect(await folder.deliveries()).toEqual([csv('1'), csv('2')].map(hashOf));
});

test('a file that can never be a delivery holds up no other', async () => {
  const folder = watched('refused');
  writeFileSync(join(folder.root, 'delta', 'older.pdf'), 'no feed');
  utimesSync(join(folder.root, 'delta', 'older.pdf'), 1_000, 1_000);
  for (const number of ['1', '2']) {
    writeFileSync(join(folder.root, 'delta', `${number}.csv`), csv(number));
    await folder.look();
  }
  expect(await folder.deliveries()).toEqual([csv('1'), csv('2')].map(hashOf));
});

test('a .done that outlived its file does not say that the next file of that name is complete', async () => {
  const folder = watched('stray');
  mkdirSync(join(folder.root, 'full', 'FR'));
  for (const path of ['full/FR/people.csv.done', 'delta/b.csv.done', 'delta/c.csv.done']) {
    writeFileSync(join(folder.root, path), '');
  }
  writeFileSync(join(folder.root, 'delta', 'c.csv.part'), csv('1'));
  await folder.look();
  expect(readdirSync(join(folder.root, 'full', 'FR'))).toEqual([]);
  expect(readdirSync(join(folder.root, 'delta'))).toEqual(['c.csv.part']);
});
