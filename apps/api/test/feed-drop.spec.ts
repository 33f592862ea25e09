import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { onTestFinished, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { startApi } from './setup.js';

const header = 'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country';
const row = (number: string | number, status = 'ACTIVE') => `${number},Zoë,Müller,EMPLOYEE,${status},2020-01-01,DE`;
const csv = (...rows: string[]) => `${[header, ...rows].join('\n')}\n`;

const resultSchema = z.looseObject({
  id: z.string(),
  state: z.string(),
  cause: z.string().nullable(),
  rows: z.record(z.string(), z.number()),
});

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 40_000, interval: 50 });

/** A watched folder with the API over it. */
async function watchedFolder(drop: Readonly<Record<string, unknown>> = { ready: 'done' }) {
  const root = mkdtempSync(join(tmpdir(), 'bascule-drop-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const hr = join(root, 'hr');
  for (const folder of ['full', 'delta']) mkdirSync(join(hr, folder), { recursive: true });
  let log = '';
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log += chunk.toString();
      done();
    },
  });
  const environment = { BASCULE_FEED_FOLDER: root, BASCULE_FEED_LOOK_SECONDS: '0.1', BASCULE_LOG_LEVEL: 'info' };
  const api = await startApi(environment, destination);
  onTestFinished(() => api.stop());
  const { pool } = api.foundation.ledger;
  await pool.query("insert into feed_source (name, settings, changed_by) values ('hr', $1, 'test')", [
    JSON.stringify({ drop }),
  ]);
  const taken = () => {
    try {
      return readdirSync(join(hr, 'taken'))
        .filter((name) => !name.startsWith('.'))
        .sort();
    } catch {
      return [];
    }
  };
  const results = (name: string) =>
    taken()
      .filter((one) => one.endsWith(`-${name}.result.json`))
      .map((one) => resultSchema.parse(JSON.parse(readFileSync(join(hr, 'taken', one), 'utf8'))));
  return {
    root,
    hr,
    pool,
    api,
    taken,
    results,
    log: () => log,
    /** Leaves a file as one that is complete. */
    leave: (path: string, content: string | Uint8Array) => {
      writeFileSync(join(hr, path), content);
      writeFileSync(join(hr, `${path}.done`), '');
    },
    /** Waits until what became of so many files of a name is told, the oldest first. */
    told: async (name: string, count = 1) => {
      await until(() => expect(results(name)).toHaveLength(count));
      return results(name);
    },
    deliveries: async () => (await pool.query('select from feed_delivery')).rowCount,
  };
}

test('a complete file becomes a delivery, and what became of it is told beside it row by row', async () => {
  const folder = await watchedFolder();
  folder.leave('full/people.csv', csv(row(1), row('=2+3', 'FIRED'), row(3)));
  const [result] = await folder.told('people.csv');
  expect(result).toMatchObject({ state: 'done', source: 'hr', mode: 'full', rows: { total: 3, new: 2, rejected: 1 } });
  const [name = ''] = folder.taken();
  expect(name).toMatch(new RegExp(`^\\d{8}T\\d{6}Z-${result?.id}-people\\.csv$`));
  expect(folder.taken()).toEqual([name, `${name}.result.csv`, `${name}.result.json`]);
  expect(readFileSync(join(folder.hr, 'taken', name), 'utf8')).toBe(csv(row(1), row('=2+3', 'FIRED'), row(3)));
  const [columns, first, ...others] = readFileSync(join(folder.hr, 'taken', `${name}.result.csv`), 'utf8').split('\n');
  expect(columns).toBe('row,line,worker_id,outcome,fields,reasons,messages');
  expect(first).toMatch(/^2,3,'=2\+3,rejected,status,status_unknown,/);
  expect(others).toEqual(['']);
  expect(readdirSync(join(folder.hr, 'full'))).toEqual([]);
});

test('mode, format and packing are told by where a file lies and what it is called', async () => {
  const folder = await watchedFolder();
  folder.leave('full/people.csv.gz', gzipSync(csv(row(1), row(2))));
  expect(await folder.told('people.csv.gz')).toMatchObject([{ mode: 'full', rows: { new: 2 } }]);
  const changed = {
    worker_id: '1',
    legal_family_name: 'M',
    worker_type: 'TEMP',
    status: 'ACTIVE',
    hire_date: '2020-01-01',
    country: 'FR',
  };
  folder.leave('delta/changes.ndjson', `${JSON.stringify(changed)}\n`);
  expect(await folder.told('changes.ndjson')).toMatchObject([{ mode: 'delta', rows: { updated: 1, absent: 0 } }]);
});

test('a file in a folder within full is the whole of that population, and of no other', async () => {
  const folder = await watchedFolder();
  for (const population of ['DE', 'FR']) mkdirSync(join(folder.hr, 'full', population));
  folder.leave('full/DE/people.csv', csv(row(1), row(2)));
  expect(await folder.told('people.csv')).toMatchObject([{ population: 'DE', rows: { new: 2 } }]);
  folder.leave('full/FR/people-of-france.csv', csv(row(3)));
  expect(await folder.told('people-of-france.csv')).toMatchObject([
    { mode: 'full', population: 'FR', rows: { new: 1, absent: 0 } },
  ]);
  folder.leave('full/DE/fewer.csv', csv(row(1)));
  expect(await folder.told('fewer.csv')).toMatchObject([{ population: 'DE', rows: { unchanged: 1, absent: 1 } }]);
});

test('a file that cannot be used is told as refused, with what to do', async () => {
  const folder = await watchedFolder();
  folder.leave('full/people.csv', 'worker_id,status\n1,ACTIVE\n');
  const [result] = await folder.told('people.csv');
  expect(result).toMatchObject({ state: 'refused', cause: expect.stringMatching(/^header_missing_column: The file /) });
});

test('a file under a passing name is not taken until it is renamed', async () => {
  const folder = await watchedFolder({ settleSeconds: 0 });
  writeFileSync(join(folder.hr, 'full', 'people.csv.part'), csv(row(1)).slice(0, 50));
  writeFileSync(join(folder.hr, 'full', 'other.csv'), csv(row(2)));
  await folder.told('other.csv');
  writeFileSync(join(folder.hr, 'full', 'people.csv.part'), csv(row(1), row(2)));
  renameSync(join(folder.hr, 'full', 'people.csv.part'), join(folder.hr, 'full', 'people.csv'));
  expect(await folder.told('people.csv')).toMatchObject([{ rows: { total: 2, new: 1, unchanged: 1 } }]);
});

test('where .done is asked for, a file without it stays, however long it lies there', async () => {
  const folder = await watchedFolder();
  writeFileSync(join(folder.hr, 'full', 'half.csv'), csv(row(1)));
  utimesSync(join(folder.hr, 'full', 'half.csv'), 0, 0);
  folder.leave('full/whole.csv', csv(row(2)));
  await folder.told('whole.csv');
  expect(readdirSync(join(folder.hr, 'full'))).toEqual(['half.csv']);
  expect(await folder.deliveries()).toBe(1);
});

test('a file that is met again after a crash between storing and moving makes no second delivery', async () => {
  const folder = await watchedFolder();
  folder.leave('full/people.csv', csv(row(1)));
  const [first] = await folder.told('people.csv');
  const [name = ''] = folder.taken();
  // As it lay there before it was moved: the same bytes, name and time.
  renameSync(join(folder.hr, 'taken', name), join(folder.hr, 'full', 'people.csv'));
  writeFileSync(join(folder.hr, 'full', 'people.csv.done'), '');
  await until(() => expect(readdirSync(join(folder.hr, 'full'))).toEqual([]));
  expect(folder.taken()).toContain(name);
  expect(await folder.deliveries()).toBe(1);
  expect(folder.results('people.csv')).toEqual([first]);
});

test('the same bytes left anew are a new delivery: someone may have gone back to where they were', async () => {
  const folder = await watchedFolder();
  folder.leave('delta/changes.csv', csv(row(1)));
  await folder.told('changes.csv');
  folder.leave('delta/changes.csv', csv(row(1, 'LEAVE')));
  await folder.told('changes.csv', 2);
  writeFileSync(join(folder.hr, 'delta', 'changes.csv'), csv(row(1)));
  const later = Math.floor(Date.now() / 1_000) + 60;
  utimesSync(join(folder.hr, 'delta', 'changes.csv'), later, later);
  writeFileSync(join(folder.hr, 'delta', 'changes.csv.done'), '');
  await folder.told('changes.csv', 3);
  const { rows } = await folder.pool.query("select status from employee where employee_number = '1'");
  expect(rows).toEqual([{ status: 'active' }]);
});

test('links out of the folder are never followed', async () => {
  const folder = await watchedFolder({ settleSeconds: 0 });
  const outside = mkdtempSync(join(tmpdir(), 'bascule-outside-'));
  onTestFinished(() => rmSync(outside, { recursive: true }));
  writeFileSync(join(outside, 'secret.csv'), csv(row(666)));
  symlinkSync(join(outside, 'secret.csv'), join(folder.hr, 'full', 'secret.csv'));
  rmSync(join(folder.hr, 'delta'), { recursive: true });
  symlinkSync(outside, join(folder.hr, 'delta'));
  symlinkSync(outside, join(folder.root, 'linked'));
  mkdirSync(join(outside, 'full'));
  writeFileSync(join(outside, 'full', 'more.csv'), csv(row(667)));
  folder.leave('full/honest.csv', csv(row(1)));
  await folder.told('honest.csv');
  expect(await folder.deliveries()).toBe(1);
  expect(readdirSync(outside).sort()).toEqual(['full', 'secret.csv']);
});

test('a link in the place of the taken folder lets nothing out, and is told of once', async () => {
  const folder = await watchedFolder();
  const outside = mkdtempSync(join(tmpdir(), 'bascule-outside-'));
  onTestFinished(() => rmSync(outside, { recursive: true }));
  symlinkSync(outside, join(folder.hr, 'taken'));
  folder.leave('full/people.csv', csv(row(1)));
  const lines = () => folder.log().match(/cannot be taken/g) ?? [];
  await until(() => expect(lines()).toHaveLength(1));
  mkdirSync(join(folder.root, 'other', 'full'), { recursive: true });
  writeFileSync(join(folder.root, 'other', 'full', 'people.csv'), csv(row(1)));
  writeFileSync(join(folder.root, 'other', 'full', 'people.csv.done'), '');
  await until(() => expect(readdirSync(join(folder.root, 'other', 'taken')).length).toBeGreaterThan(2));
  expect(readdirSync(outside)).toEqual([]);
  expect(lines()).toHaveLength(1);
});

test('a file of an unknown kind stays where it is, and why is told beside it and once in the log', async () => {
  const folder = await watchedFolder();
  folder.leave('full/people.pdf', 'not a feed');
  const told = join(folder.hr, 'full', 'people.pdf.result.json');
  await until(() => expect(statSync(told).size).toBeGreaterThan(0));
  expect(JSON.parse(readFileSync(told, 'utf8'))).toEqual({
    state: 'not taken',
    detail: expect.stringContaining('.csv'),
  });
  folder.leave('full/people.csv', csv(row(1)));
  await folder.told('people.csv');
  expect(folder.log().match(/cannot be taken/g)).toHaveLength(1);
  expect(folder.log()).not.toContain('people');
});

test('taken files and what was told are deleted after the days that are settled for the source', async () => {
  const folder = await watchedFolder({ ready: 'done', keepDays: 7 });
  folder.leave('full/old.csv', csv(row(1)));
  folder.leave('full/new.csv', csv(row(1)));
  await folder.told('old.csv');
  await folder.told('new.csv');
  await folder.pool.query("update dropped_file set taken_at = now() - interval '8 days' where path like '%old.csv'");
  await until(() => expect(folder.taken().filter((name) => name.includes('old.csv'))).toEqual([]));
  expect(folder.taken().filter((name) => name.includes('new.csv'))).toHaveLength(3);
});

test('figures tell how many files were taken and when was looked last', async () => {
  const folder = await watchedFolder();
  folder.leave('full/people.csv', csv(row(1)));
  await folder.told('people.csv');
  const { text } = await folder.api.foundation.metrics.scrape();
  expect(text).toMatch(/bascule_dropped_files_total\{place="folder",source="hr",result="taken",process="api"\} 1\n/);
  const [, moment = '0'] =
    /bascule_drop_last_look_timestamp_seconds\{[^}]*source="hr"[^}]*\} ([\d.e+]+)/.exec(text) ?? [];
  expect(Number(moment)).toBeGreaterThan(1_700_000_000);
});
