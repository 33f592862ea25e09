import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import {
  startDeployment,
  startReceiver,
  startSimulator,
  verifyMessage,
  type TestDeployment,
  type TestReceiver,
  type TestSimulator,
} from '#libs/testing';

vi.setConfig({ testTimeout: 240_000 });

const project = fileURLToPath(new URL('../../../', import.meta.url));
const program = join(project, 'dist/apps/cli/src/main.js');

let simulator: TestSimulator;
let bascule: TestDeployment;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bascule-cli-'));
  simulator = await startSimulator({ changes: { poison: { invalidInsert: ['000033'] } } });
  bascule = await startDeployment(simulator, { workers: 1, environment: { BASCULE_WEBHOOK_TARGETS: 'private' } });
}, 120_000);
afterAll(async () => {
  await bascule.stop();
  await simulator.stop();
  rmSync(folder, { recursive: true, force: true });
});

const environment = (change: Readonly<Record<string, string>> = {}) => {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('BASCULE_'));
  return {
    ...Object.fromEntries(inherited),
    BASCULE_API: bascule.address,
    BASCULE_TOKEN: bascule.token,
    ...change,
  };
};

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the built program as a shell would. */
function run(args: readonly string[], change: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program, ...args], { env: environment(change) }, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

async function json<T>(args: readonly string[], schema: z.ZodType<T>): Promise<T> {
  const { code, out, err } = await run(['--json', ...args]);
  expect({ args, code, err }).toEqual({ args, code: 0, err: '' });
  return schema.parse(JSON.parse(out));
}

const toldSchema = z.looseObject({ type: z.string(), data: z.looseObject({ workers: z.array(z.string()) }) });

/** The workers whom messages of a kind named, one message after the other. */
const toldWorkers = (receiver: TestReceiver, event: string) =>
  receiver.received
    .map(({ body }) => toldSchema.parse(JSON.parse(body)))
    .flatMap(({ type, data }) => (type === event ? data.workers : []));

const withId = z.looseObject({ id: z.string() });

function feedOf(people: number, ...more: string[]): string {
  const file = join(folder, `feed-${people}-${more.length}.csv`);
  const feed = execFileSync(process.execPath, [
    join(project, 'scripts/generate-feed.mjs'),
    '--employees',
    String(people),
  ]);
  writeFileSync(file, `${feed.toString().trimEnd()}\n${more.map((line) => `${line}\n`).join('')}`);
  return file;
}

describe('a mistake at the keyboard is told in one line that names the way out, with code 2', () => {
  test.each([
    [['status'], { BASCULE_TOKEN: '' }, /no token: set BASCULE_TOKEN/],
    [['status'], { BASCULE_API: 'nonsense' }, /nonsense is no address: set BASCULE_API/],
    [['feed', 'push', 'hr', '/nowhere.csv'], {}, /nowhere\.csv cannot be read/],
    [['feed', 'push', 'hr', '/nowhere.xls'], {}, /must be \.csv, .*\.json, \.xlsx or \.zip, perhaps packed: \.gz/],
    [['blueprint', 'check', '/nowhere.yaml'], {}, /nowhere\.yaml cannot be read/],
    [['create', 'x', '--blueprint', 'y'], {}, /say for whom: --everyone/],
    [['employee', 'nobody-at-all'], {}, /nobody is known by “nobody-at-all”/],
    [['create'], {}, /missing required argument|required option/],
    [['zzzzzzzz'], {}, /unknown command 'zzzzzzzz'/],
  ])('%j', async (args, change, message) => {
    const { code, out, err } = await run(args, Object.fromEntries(Object.entries(change)));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
    expect(err.trim().split('\n')).toHaveLength(1);
  });
});

test('a file’s mapping is shown, settled once what is open is decided, and changes no other setting', async () => {
  const file = join(folder, 'personal.csv');
  const headers = 'Personalnummer;Nachname;Status;Mitarbeiterkreis;Eintritt;Land';
  const rows = ['007;Müller;Aktiv;Angestellte;03.04.2019;Deutschland', '008;Groß;Wartestand;Aushilfe;01.02.2020;DE'];
  writeFileSync(file, [headers, ...rows, ''].join('\n'));
  const settled = join(folder, 'settings.yaml');
  writeFileSync(settled, 'absence: { hoursApart: 40 }');
  await json(['feed', 'settings', 'mapped', settled], z.unknown());

  const open = await run(['feed', 'map', 'mapped', file, '--save']);
  expect(open).toMatchObject({ code: 1, err: '' });
  expect(open.out).toMatch(/Personalnummer +worker_id +certain/);
  expect(open.out).not.toContain('{}');
  expect(open.out).toMatch(/words \/ status \/ Wartestand: What does this word for status mean\?/);
  expect((await run(['feed', 'settings', 'mapped'])).out).not.toContain('Personalnummer');

  const decided = join(folder, 'decided.yaml');
  writeFileSync(decided, 'file: { words: { status: { Wartestand: LEAVE } } }');
  const saved = await run(['feed', 'map', 'mapped', file, '--with', decided, '--save']);
  expect(saved).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/Settled for mapped\.\n$/) });
  const settings = await json(
    ['feed', 'settings', 'mapped'],
    z.looseObject({ absence: z.unknown(), file: z.unknown() }),
  );
  expect(settings).toMatchObject({
    absence: { hoursApart: 40 },
    file: { dates: 'dd.mm.yyyy', words: { status: { Aktiv: 'ACTIVE', Wartestand: 'LEAVE' } } },
  });
  expect((await run(['feed', 'push', 'mapped', file])).out).toMatch(/: done\n.*new 2/s);
}, 60_000);

test('what a mapping shows is what it settles: what was settled before is kept, and nothing is passed over in silence', async () => {
  const file = join(folder, 'twice.csv');
  const headers = 'Personalnummer,Nachname,Surname,Status,Vertragsart,Eintritt,Notiz,Geburtsdatum';
  writeFileSync(file, [headers, '007,Groß,Müller,Aktiv,Angestellte,2020-02-01,x,1990-01-01', ''].join('\n'), 'latin1');
  const before = join(folder, 'before.yaml');
  const known = { columns: { geburtsdatum: null, Notiz: 'department' }, constants: { country: 'DE' }, sheet: 'People' };
  writeFileSync(before, JSON.stringify({ file: { ...known, words: { status: { Ruhend: 'LEAVE' } } } }));
  await json(['feed', 'settings', 'twice', before], z.unknown());

  const decided = join(folder, 'other.yaml');
  writeFileSync(decided, 'columns: { Eintritt: hire_date }');
  const open = await run(['feed', 'map', 'twice', file, '--charset', 'latin1', '--with', decided, '--save']);
  expect(open.code).toBe(1);
  expect(open.out.match(/columns \/ (Nachname|Surname): Several headers seem to mean legal_family_name/g)).toHaveLength(
    2,
  );
  expect(open.out).not.toMatch(/encoding:.*likely|columns \/ Geburtsdatum/);

  writeFileSync(decided, 'columns: { Nachname: null, Surname: legal_family_name, Notiz: null }');
  const saved = await run(['feed', 'map', 'twice', file, '--charset', 'latin1', '--with', decided, '--save']);
  expect(saved).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/Settled for twice\.\n$/) });
  const { file: settled } = await json(['feed', 'settings', 'twice'], z.looseObject({ file: z.unknown() }));
  expect(settled).toMatchObject({
    sheet: 'People',
    constants: { country: 'DE' },
    columns: { Geburtsdatum: null, Nachname: null, Surname: 'legal_family_name', Notiz: null },
    words: { status: { Ruhend: 'LEAVE', Aktiv: 'ACTIVE' } },
  });
  expect((await run(['feed', 'push', 'twice', file, '--charset', 'latin1'])).out).toMatch(/: done\n.*new 1/s);
}, 60_000);

test('what the API refuses is told in its own words, with code 1', async () => {
  const unreachable = await run(['status'], { BASCULE_API: 'http://127.0.0.1:9' });
  expect(unreachable).toMatchObject({ code: 1, err: expect.stringContaining('no API answers at http://127.0.0.1:9') });
  const wrongToken = await run(['status'], { BASCULE_TOKEN: 'bsc_wrong' });
  expect(wrongToken).toMatchObject({ code: 1, err: expect.stringMatching(/unknown or revoked\. Set BASCULE_TOKEN/) });
  const unknown = await run(['status', '00000000-0000-4000-8000-000000000000']);
  expect(unknown).toMatchObject({ code: 1, err: 'bascule: There is no migration with this id.\n' });
  const watched = await run(['watch', '00000000-0000-4000-8000-000000000000']);
  expect(watched).toMatchObject({ code: 1, err: 'bascule: There is no migration with this id.\n' });
});

test('a preview tells everybody’s address before anything is delivered, as a table and as CSV', async () => {
  const blueprint = join(folder, 'preview.yaml');
  writeFileSync(
    blueprint,
    'blueprint: 1\nname: Preview\ndomains: [bascule-retail.example]\npassword: sso\norgUnit: /\nlicence: none\n',
  );
  await run(['blueprint', 'push', blueprint]);
  const feed = join(folder, 'preview.csv');
  const row = (number: string, given: string, country = 'FR') =>
    `${number},${given},Blum,EMPLOYEE,ACTIVE,2020-01-01,${country}`;
  const header = 'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country';
  writeFileSync(
    feed,
    [header, row('P-1', 'Ada'), row('P-2', 'Eve'), row('P-3', 'Ada'), row('P-4', 'X', 'XX')].join('\n'),
  );

  const shown = await run(['addresses', 'preview', feed, '--blueprint', 'Preview', '--source', 'desk']);
  expect(shown).toMatchObject({ code: 0, err: '' });
  expect(shown.out).toMatch(/^4 rows as desk would deliver them, under Preview \(version 1\); nothing is stored\.$/m);
  expect(shown.out).toMatch(/^ {2}pattern +2 +new, by the pattern$/m);
  expect(shown.out).toMatch(/^ {2}line 4 +P-3 +numbered +ada\.blum2@\S+ +ada\.blum@\S+ is P-1’s \(desk\)$/m);
  expect(shown.out).toMatch(/^ {2}line 5 +P-4 +rejected +country_unknown$/m);
  expect(shown.out).not.toContain('P-2');

  const full = await run(['addresses', 'preview', feed, '--blueprint', 'Preview', '--full']);
  expect(full.out).toMatch(/^ {2}line 3 +P-2 +pattern +eve\.blum@bascule-retail\.example$/m);
  const { people } = await json(
    ['addresses', 'preview', feed, '--blueprint', 'Preview'],
    z.object({ people: z.array(z.unknown()) }),
  );
  expect(people).toHaveLength(4);
  const csv = await run(['addresses', 'preview', feed, '--blueprint', 'Preview', '--csv']);
  expect(csv.out.split('\n')[2]).toBe('2,3,P-2,pattern,eve.blum@bascule-retail.example,,,,,,,');
  await run(['feed', 'push', 'desk', feed]);
  const changed = await run(['addresses', 'change', 'P-2', 'Eve@bascule-retail.example', '--blueprint', 'Preview']);
  expect(changed).toEqual({
    code: 0,
    err: '',
    out: 'P-2 has eve@bascule-retail.example from now on; plan again to carry it out\n',
  });
  const issued = await run(['addresses', 'preview', feed, '--blueprint', 'Preview', '--source', 'desk', '--full']);
  expect(issued.out).toMatch(/^ {2}line 3 +P-2 +issued +eve@\S+ +eve\.blum@\S+ would be the one now/m);
  const unknown = await run(['addresses', 'preview', feed, '--blueprint', 'Nothing']);
  expect(unknown).toMatchObject({ code: 1, out: '', err: expect.stringContaining('no such blueprint') });
});

test('help names every verb and never shows the token', async () => {
  const { code, out } = await run(['--help']);
  expect(code).toBe(0);
  for (const verb of [
    'feed',
    'blueprint',
    'addresses',
    'create',
    'plan',
    'approve',
    'start',
    'pause',
    'resume',
    'cancel',
    'retry',
    'stand',
    'rounds',
  ]) {
    expect(out).toContain(`\n  ${verb} `);
  }
  for (const verb of ['status', 'watch', 'employee', 'report', 'google', 'token'])
    expect(out).toContain(`\n  ${verb} `);
  expect(out).not.toContain(bascule.token);
});

test('tokens are made, listed without their secrets, and revoked', async () => {
  const made = await json(
    ['token', 'create', 'Service desk', '--role', 'viewer'],
    z.looseObject({ id: z.string(), token: z.string() }),
  );
  expect((await run(['status'], { BASCULE_TOKEN: made.token })).code).toBe(0);
  const refused = await run(['token', 'list'], { BASCULE_TOKEN: made.token });
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('needs the role admin') });
  expect((await run(['token', 'list'])).out).not.toContain(made.token);
  const bound = await json(
    ['token', 'create', 'HR', '--role', 'feed', '--source', 'hr'],
    z.looseObject({ id: z.string(), source: z.string() }),
  );
  expect(bound.source).toBe('hr');
  expect((await run(['token', 'revoke', made.id])).out).toBe(`revoked ${made.id}\n`);
  expect((await run(['status'], { BASCULE_TOKEN: made.token })).code).toBe(1);
});

test('a push shows the rejected rows with line, field and reason, the first twenty, and how to get the rest', async () => {
  const broken = Array.from(
    { length: 25 },
    (_, n) => `9${n},Anna,Test,,,,EMPLOYEE,ACTIVE,not-a-date,,FR${','.repeat(11)}`,
  );
  const pushed = await run(['feed', 'push', 'broken', feedOf(5, ...broken)]);
  expect(pushed.code).toBe(0);
  expect(pushed.out).toMatch(/new 5 .*rejected 25/);
  expect(pushed.out.match(/^ +line \d+ .*hire_?date/gim)).toHaveLength(20);
  const rest = /and 5 more: bascule (feed records broken \S+)/.exec(pushed.out)?.[1] ?? '';
  const all = await run(rest.split(' '));
  expect(all.out.match(/^ +line \d+/gm)).toHaveLength(25);
  const records = await json(rest.split(' '), z.array(z.looseObject({ line: z.number() })));
  expect(records.map(({ line }) => line)).toContain(7);
  const csv = await run([...rest.split(' '), '--csv', '--outcome', 'all']);
  expect(csv.out).toMatch(/^row,line,worker_id,outcome,fields,reasons,messages\n/);
  expect(csv.out.trim().split('\n')).toHaveLength(31);
  expect((await run(['feed', 'deliveries', 'broken'])).out).toMatch(
    /full +done +new 5 +updated 0 +leaver 0 +rejected 25/,
  );
});

test('webhooks are added, listed, tried out, rotated and removed; the secret is shown once', async () => {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.close());
  const added = await run(['webhook', 'add', receiver.url, 'delivery.held', 'delivery.done', '--source', 'nobody']);
  const [, secret = '', id = ''] = /^(whsec_\S+)\n\(of webhook (\S+);/.exec(added.out) ?? [];
  expect((await run(['webhook', 'list'])).out).toMatch(`${id}  nobody  pending 0  dead 0  enabled  ${receiver.url}/`);
  await run(['webhook', 'test', id]);
  await vi.waitFor(() => expect(receiver.received).toHaveLength(1), { timeout: 30_000 });
  for (const message of receiver.received)
    expect(verifyMessage(message, secret)).toMatchObject({ type: 'webhook.test' });
  await vi.waitFor(
    async () => expect((await run(['webhook', 'messages', id])).out).toMatch(/webhook\.test +sent +1 try +204/),
    { timeout: 30_000 },
  );
  expect((await run(['webhook', 'rotate', id])).out).toMatch(/^whsec_[^]*signs as well until/);
  expect((await run(['webhook', 'dead', id])).out.trim()).toBe('');
  expect((await run(['webhook', 'redeliver', id])).out).toBe('0 are sent again\n');
  expect((await run(['webhook', 'enable', id])).out).toBe(`enabled ${id}\n`);
  expect((await run(['webhook', 'remove', id])).out).toBe(`removed ${id}\n`);
  const refused = await run(['webhook', 'add', 'http://hr.example/', 'delivery.done']);
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('url: must be an https address') });
});

test('what is in the way of files that are to be fetched is told, with code 1', async () => {
  expect(await run(['feed', 'drops', 'far'])).toMatchObject({ code: 0, out: expect.stringContaining('nobody looks') });
  const file = join(folder, 'far.yaml');
  const sftp = { host: '127.0.0.1', port: 1, user: 'hr', key: 'hr', hostKeys: [`SHA256:${'A'.repeat(43)}`] };
  writeFileSync(file, JSON.stringify({ sftp }));
  expect(await run(['feed', 'settings', 'far', file])).toMatchObject({ code: 0, err: '' });
  await vi.waitFor(
    async () => {
      const drops = await run(['feed', 'drops', 'far']);
      expect(drops).toMatchObject({ code: 1, out: expect.stringContaining('BASCULE_SFTP_KEYS is not set') });
    },
    { timeout: 60_000, interval: 500 },
  );
});

test('the whole way: each verb says what comes next, a watch survives the death of the API, the end has a code', async () => {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.close());
  const listening = ['workers.provisioned', 'workers.failed', 'workers.addresses_allocated'];
  await json(['webhook', 'add', receiver.url, ...listening, '--source', 'hr'], withId);
  expect((await run(['feed', 'push', 'hr', feedOf(40)])).out).toMatch(/: done\n/);
  expect((await run(['google', 'check'])).code).toBe(0);
  const blueprint = join(project, 'config/blueprints/retailer.yaml');
  expect((await run(['blueprint', 'check', blueprint])).out).toContain('is sound');
  await json(['blueprint', 'push', blueprint], withId);
  expect((await run(['blueprint', 'list'])).out).toContain('Bascule Retail');
  const created = await run(['create', 'Big move', '--blueprint', 'Bascule Retail', '--everyone']);
  const id = /next: bascule plan (\S+)/.exec(created.out)?.[1] ?? '';
  const planned = await run(['plan', id]);
  expect(planned).toMatchObject({
    code: 0,
    out: expect.stringMatching(/Plan for [45]\d employees[^]*next: bascule approve/),
  });
  expect((await run(['approve', id])).out).toContain(`next: bascule start ${id} && bascule watch ${id}`);
  expect((await run(['start', id])).out).toContain('running');
  expect((await run(['pause', id])).code).toBe(0);
  expect((await run(['status', id])).out).toMatch(/Paused for paused_by_admin since .*: Resume when you are ready/);

  const watching = spawn(process.execPath, [program, 'watch', id], { env: environment() });
  let out = '';
  let err = '';
  watching.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  watching.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const ended = once(watching, 'exit');
  await vi.waitFor(() => expect(out).toContain('paused'), { timeout: 30_000 });
  const { startAgain } = await bascule.killApi();
  await vi.waitFor(() => expect(err).toContain('the connection is lost; trying again'), { timeout: 30_000 });
  await startAgain();
  expect((await run(['resume', id])).out).toContain('running');
  const [code] = await ended;
  expect(code).toBe(3);
  expect(out).toMatch(/Big move: completedWithIssues/);
  expect(out).toMatch(/failed +account +invalid_field +1 +e\.g\. 000033 +Correct the record/);

  const failed = await run(['employee', '000033']);
  expect(failed.out).toMatch(/^Cannot sign in: there is no account yet\..*Making the account failed.*Tell the caller/);
  const person = await json(['employee', '000032'], z.looseObject({ sentence: z.string() }));
  expect(person.sentence).toMatch(/^Can sign in as .*Mail and calendar are ready\. Everything is done/);
  const worker = await run(['feed', 'worker', 'hr', '000033']);
  expect(worker.out).toMatch(/^Cannot sign in: [^]*\n000033: failed \(invalid_field\) since [^]*\(allocated\)/);
  const workers = await json(
    ['feed', 'workers', 'hr', '--state', 'provisioned'],
    z.array(
      z.looseObject({
        workerId: z.string(),
        address: z.string(),
        addressState: z.literal('in_force'),
        accountExists: z.literal(true),
      }),
    ),
  );
  const writeBack = await run(['feed', 'workers', 'hr', '--csv']);
  for (const { address } of workers) expect(writeBack.out).toContain(`,${address},in_force,provisioned,`);
  expect(workers.length).toBeGreaterThan(30);
  await vi.waitFor(
    () => {
      const provisioned = toldWorkers(receiver, 'workers.provisioned');
      expect(new Set(provisioned)).toEqual(new Set(workers.map(({ workerId }) => workerId)));
      expect(toldWorkers(receiver, 'workers.failed')).toEqual(['000033']);
      expect(toldWorkers(receiver, 'workers.addresses_allocated')).toEqual(expect.arrayContaining(provisioned));
    },
    { timeout: 60_000, interval: 200 },
  );
  expect((await run(['employee', 'a'])).out).toMatch(/people are known by “a”; ask again by number:/);
  expect((await run(['report', id])).out.trim().split('\n').length).toBeGreaterThan(40);
  await json(['report', id], z.array(z.looseObject({ employeeNumber: z.string() })));
  expect(await json(['retry', id], z.object({ reopened: z.number() }))).toEqual({ reopened: 1 });
  expect((await run(['--json', 'watch', id])).code).toBe(3);

  const guard = join(folder, 'guard.yaml');
  writeFileSync(guard, 'everySeconds: 30\nguard: { suspend: { people: 10, share: 0.005 } }\n');
  const stands = await run(['stand', id, guard]);
  expect(stands.out).toMatch(/^Stands, in the name of .*every 30 s\n[^]*suspend +10 people or 0.5 % in 24 hours/);
  expect(stands.out).toContain(`next: bascule rounds ${id}`);
  await json(['rounds', id], z.object({ rounds: z.array(z.looseObject({ people: z.number() })) }));
  expect((await run(['pause', id])).code).toBe(0);
});

test('a push that would change too much says how to look at it and how to decide, and the decision holds', async () => {
  const header = 'worker_id,family_name,worker_type,status,hire_date,country';
  const people = (status: string, count: number) =>
    [header, ...Array.from({ length: count }, (_, at) => `${at},Müller,TEMP,${status},2020-01-01,PT`), ''].join('\n');
  const file = join(folder, 'held.csv');
  writeFileSync(file, people('ACTIVE', 60));
  expect(await run(['feed', 'push', 'portugal', file])).toMatchObject({ code: 0 });
  writeFileSync(file, people('TERMINATED', 55));
  const held = await run(['feed', 'push', 'portugal', file, '--delta']);
  expect(held.code).toBe(1);
  expect(held.out).toContain('held (changes_too_much: 55 people would leave, of 60 (limit 50)');
  const look = /bascule (feed difference portugal \S+)/.exec(held.out)?.[1]?.split(' ') ?? [];
  const list = await run(['feed', 'held']);
  expect(list).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^portugal: held since 20.* UTC\n  too much: 55 people/),
  });
  expect(list.out).toContain(`  next: bascule ${look.join(' ')}\n`);
  const { out } = await run(look);
  expect(out).toContain('too much: 55 people would leave in PT, of 60 (limit 20)');
  expect(out).toMatch(/leavers +0 +PT +active +-> +terminated/);
  expect(out).toContain('--all shows');
  expect((await run([...look, '--all', '--measure', 'leavers'])).out.match(/ {2}leavers /g)).toHaveLength(55);
  const [approve, reject] = ['approve', 'reject'].map(
    (verb) => new RegExp(`bascule (feed ${verb} .*)`).exec(out)?.[1]?.trim().split(/ +/) ?? [],
  );
  const approved = await run([...(approve ?? []), '--note', 'The shops in Porto close.']);
  expect(approved).toMatchObject({ code: 0, out: expect.stringMatching(/^approved; the delivery is /) });
  const late = await run(reject ?? []);
  expect(late).toMatchObject({ code: 1, err: expect.stringContaining('This delivery is not held') });
  expect((await run(['feed', 'held'])).out).toBe('Nothing is held.\n');
});
