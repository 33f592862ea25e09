import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deliveryRecords, searchEmployees, settleSource, type DeliveryRow, type Ledger } from '#libs/ledger';
import { feedSourceSettingsSchema } from '#libs/vocabulary';
import { foldedWords, intake } from '../src/index.js';
import { csv, header, patient, row, setup, type Options } from './source.js';

const sum = ({ rows }: DeliveryRow) => rows.new + rows.updated + rows.unchanged + rows.rejected;

async function versions(ledger: Ledger): Promise<string[]> {
  const { rows } = await ledger.pool.query<{ text: string }>(
    `select employee_number || ' ' || employee_version.version || ' ' || (record ->> 'department') as text
     from employee join employee_version on employee_id = id order by 1`,
  );
  return rows.map(({ text }) => text);
}

test('says of each row whether it is new, updated, unchanged, repeated or rejected, and writes only what changed', async () => {
  const { ledger, push, told: say } = await setup();
  const first = await push(csv(row('1'), row('2'), row('3'), row('3')));
  expect(first).toMatchObject({ state: 'done', cause: null });
  expect(first.rows).toMatchObject({ total: 4, new: 3, updated: 0, unchanged: 1, duplicate: 1, rejected: 0 });
  const second = await push(csv(row('4'), row('2', 'HR'), row('1'), row('3', 'IT', 'FIRED'), 'x,y'));
  expect(second.rows).toMatchObject({ total: 5, new: 1, updated: 1, unchanged: 1, rejected: 2, absent: 0 });
  expect(await say(second.id)).toEqual([
    'new',
    'updated',
    'unchanged',
    'rejected status_unknown',
    'rejected row_column_count',
  ]);
  expect(await versions(ledger)).toEqual(['1 1 IT', '2 1 IT', '2 2 HR', '3 1 IT', '4 1 IT']);
  const again = await push(csv(row('4'), row('2', 'HR'), row('1'), row('3')));
  expect(again.rows).toMatchObject({ total: 4, new: 0, updated: 0, unchanged: 4 });
  expect(await versions(ledger)).toHaveLength(5);
});

test('the same people are unchanged whatever the format, the order of columns and the spelling of values', async () => {
  const { push } = await setup();
  await push(csv(row('1'), row('2')));
  const employee = (number: string) => ({
    country: 'de',
    Department: ' IT ',
    'Hire Date': '2020-01-01T00:00:00Z',
    surname: 'Müller',
    FirstName: 'Zoë',
    status: 'Active',
    'Worker-Type': 'employee',
    worker_id: number,
    shoe_size: 38,
  });
  const people = [employee('1'), employee('2')];
  const json = await push(JSON.stringify({ page: 1, people }), { mediaType: 'application/json' });
  expect(json.rows).toMatchObject({ total: 2, unchanged: 2 });
  const ndjson = gzipSync(people.map((one) => `${JSON.stringify(one)}\r\n`).join(''));
  const packed = await push(ndjson, { mediaType: 'application/x-ndjson', contentEncoding: 'gzip' });
  expect(packed.rows).toMatchObject({ total: 2, unchanged: 2 });
});

test('a source’s own headers, encoding, dates, numbers and words are read as they are settled for it', async () => {
  const { ledger, push, told: say } = await setup();
  await push(csv(row('0123'), row('0124', 'Entwicklung & Bau', 'LEAVE')));
  const file = {
    encoding: 'windows-1252',
    columns: {
      Personalnummer: 'worker_id',
      Vorname: 'legal_given_name',
      Nachname: 'legal_family_name',
      Beschäftigungsstatus: 'status',
      Eintritt: 'hire_date',
      Land: 'country',
      Abteilung: 'department',
      Geburtsdatum: null,
    },
    constants: { worker_type: 'EMPLOYEE' },
    dates: 'dd.mm.yyyy',
    words: { status: { aktiv: 'ACTIVE', Elternzeit: 'LEAVE' }, country: { Deutschland: 'DE' } },
  };
  await settleSource(ledger.db, { name: 'hr', settings: feedSourceSettingsSchema.parse({ file }), actor: 'test' });
  const german = [
    'Personalnummer;Nachname;Vorname;Beschäftigungsstatus;Eintritt;Land;Abteilung;Geburtsdatum',
    '0123;Müller;Zoë;Aktiv;01.01.2020;Deutschland;IT;24.12.1990',
    '0124;Müller;Zoë;elternzeit;1.1.2020;DE;Entwicklung & Bau;',
    '0125;Müller;Zoë;Aktiv;2020/01/01;Deutschland;IT;',
  ].join('\r\n');
  const delivery = await push(Buffer.from(german, 'latin1'));
  expect(await say(delivery.id)).toEqual(['unchanged', 'unchanged', 'rejected date_invalid']);
  const lost = await push(Buffer.from(german.replace('Abteilung', 'Bereich'), 'latin1'));
  expect([lost.state, lost.cause]).toEqual([
    'refused',
    expect.stringMatching(/^header_missing_column.*\(department\)$/),
  ]);
});

test('a worker who is there twice with different values is rejected each time and stays as they were', async () => {
  const { ledger, push, told: say } = await setup();
  await push(csv(row('1')));
  const delivery = await push(csv(row('1', 'HR'), row('2'), row('1', 'Law')));
  const conflict = 'rejected duplicate_conflict';
  expect(await say(delivery.id)).toEqual([conflict, 'new', conflict]);
  expect(delivery.rows).toMatchObject({ total: 3, new: 1, rejected: 2, absent: 0 });
  expect(await versions(ledger)).toEqual(['1 1 IT', '2 1 IT']);
  const repeated = await push(csv(row('3'), row('3')));
  expect(await say(repeated.id)).toEqual(['new', 'duplicate duplicate_identical']);
});

test('who leaves is counted once, and comes back under the same id', async () => {
  const { ledger, push } = await setup();
  await push(csv(row('1'), row('2')));
  const id = async () => (await ledger.pool.query('select id from employee where employee_number = $1', ['1'])).rows;
  const before = await id();
  expect((await push(csv(row('1', 'IT', 'TERMINATED'), row('2')))).rows).toMatchObject({ updated: 1, leaver: 1 });
  expect((await push(csv(row('1', 'HR', 'TERMINATED'), row('2')))).rows).toMatchObject({ updated: 1, leaver: 0 });
  expect((await push(csv(row('1'), row('2')))).rows).toMatchObject({ updated: 1, leaver: 0 });
  expect(await id()).toEqual(before);
});

test('who has left is ended by a row of which nothing else can be used, and a whole row puts the record right', async () => {
  const { ledger, push, told } = await setup();
  await push(csv(row('1'), row('2')));
  const broken = (number: string) => row(number, 'IT', 'TERMINATED').replace('2020-01-01', '');
  const delivery = await push(csv(broken('1'), row('2'), broken('3')), { mode: 'delta' });
  expect(await told(delivery.id)).toEqual([
    'updated hire_date_missing left_all_the_same',
    'unchanged',
    'rejected hire_date_missing',
  ]);
  expect(delivery.rows).toMatchObject({ total: 3, updated: 1, rejected: 1, leaver: 1 });
  const records = async () =>
    (
      await ledger.pool.query(
        `select status, record ->> 'status' as recorded, record ->> 'department' as department from employee
         join employee_version on employee_id = id and employee_version.version = employee.version order by employee_number`,
      )
    ).rows;
  expect(await records()).toEqual([
    { status: 'terminated', recorded: 'terminated', department: 'IT' },
    { status: 'active', recorded: 'active', department: 'IT' },
  ]);
  // Twice the same is nothing new, and rows that contradict each other end nobody.
  expect(await told((await push(csv(broken('1')), { mode: 'delta' })).id)).toEqual(['rejected hire_date_missing']);
  const contradicted = await push(csv(broken('2'), row('2')), { mode: 'delta' });
  expect(await told(contradicted.id)).toEqual(['rejected hire_date_missing', 'unchanged']);
  const whole = await push(csv(row('1', 'IT', 'TERMINATED')), { mode: 'delta' });
  expect(await told(whole.id)).toEqual(['updated']);
});

test('absent from a full delivery is counted and marked until somebody names them again; nobody is suspended for it', async () => {
  const { ledger, push } = await setup();
  const absent = async () => {
    const { rows } = await ledger.pool.query<{ number: string }>(
      'select employee_number as number from employee where absent_since is not null order by 1',
    );
    return rows.map(({ number }) => number);
  };
  await push(csv(row('1'), row('2'), row('3'), row('4', 'IT', 'TERMINATED')));
  await push(csv(row('9')), { source: 'other' });
  expect((await push(csv(row('1')), { mode: 'delta' })).rows.absent).toBe(0);
  expect(await absent()).toEqual([]);
  const delivery = await push(csv(row('1'), row('2', 'IT', 'FIRED'), '3,broken'));
  expect(delivery.rows).toMatchObject({ rejected: 2, absent: 0 });
  expect((await push(csv(row('1')))).rows.absent).toBe(2);
  expect((await push(csv(row('1')))).rows.absent).toBe(2);
  expect(await absent()).toEqual(['2', '3']);
  await push(csv(row('2')), { mode: 'delta' });
  expect(await absent()).toEqual(['3']);
  const { rows } = await ledger.pool.query("select from employee where status <> 'active'");
  expect(rows).toHaveLength(1);
});

test('a file that cannot be used is refused with its cause, and nothing of it is applied', async () => {
  const { ledger, push } = await setup();
  const refusedAs = async (content: string | Buffer, options?: Options) => {
    const { state, cause, rows } = await push(content, options);
    return `${state} ${rows.total} ${cause?.split(':')[0]}`;
  };
  const broken = gzipSync(csv(row('1'))).subarray(0, 40);
  expect(await refusedAs('')).toBe('refused 0 empty_file');
  expect(await refusedAs(`${csv(row('1'))}2,"never closed`)).toBe('refused 0 row_unbalanced_quote');
  expect(await refusedAs(csv(row('1')).slice(0, -20))).toBe('refused 0 file_cut');
  expect(await refusedAs(broken, { contentEncoding: 'gzip' })).toBe('refused 0 gzip_broken');
  expect(await refusedAs(csv(row('1')), { contentEncoding: 'gzip' })).toBe('refused 0 gzip_broken');
  expect(await refusedAs(gzipSync(Buffer.alloc(50_000_000)), { contentEncoding: 'gzip' })).toMatch(/^refused 0 /);
  const latin = Buffer.from(csv(...Array.from({ length: 50 }, (_, index) => row(`${index}`))), 'latin1');
  expect(await refusedAs(latin)).toBe('refused 0 encoding_undecodable');
  const { rows } = await ledger.pool.query(
    'select from employee union all select from feed_row union all select from feed_row_pack',
  );
  expect(rows).toEqual([]);
  expect((await ledger.pool.query('select from feed_payload')).rowCount).toBe(0);
});

test('a small file that unpacks to a huge one is refused where the limit is met, and so are too many rows', async () => {
  const { ledger, receive, read } = await setup();
  const rows = Array.from({ length: 20_000 }, (_, index) => row(`${index}`));
  const bomb = gzipSync(csv(...rows));
  const packed = await receive(bomb, { contentEncoding: 'gzip' });
  await intake(ledger, patient, { rows: 1_000_000, unpackedBytes: bomb.length });
  expect((await read(packed)).cause).toMatch(/^file_too_large: /);
  const long = await receive(csv(...rows));
  await intake(ledger, patient, { rows: 19_999, unpackedBytes: 1_000_000_000 });
  expect(await read(long)).toMatchObject({ state: 'refused', cause: expect.stringMatching(/^too_many_rows: /) });
  expect((await ledger.pool.query('select from employee')).rowCount).toBe(0);
});

test('bytes that are not UTF-8 reject their row, and no nonsense is stored', async () => {
  const { ledger, push, told: say } = await setup();
  const content = Buffer.concat([Buffer.from(`${header}\n${row('1')}\n`), Buffer.from(row('2'), 'latin1')]);
  const delivery = await push(content);
  expect(await say(delivery.id)).toEqual(['new', 'rejected row_invalid_encoding row_invalid_encoding']);
  const surrogate = await push(`{"worker_id":"3","department":"\\ud800"}\n`, { mediaType: 'application/x-ndjson' });
  expect((await say(surrogate.id))[0]).toContain('row_invalid_encoding');
  expect(await versions(ledger)).toEqual(['1 1 IT']);
});

test('a source’s deliveries are applied in the order in which their bytes came, and sources do not know each other', async () => {
  const { ledger, receive, read } = await setup();
  const first = await receive(csv(row('1', 'first')));
  const second = await receive(csv(row('1', 'second')));
  const other = await receive(csv(row('1', 'other')), { source: 'other' });
  // Several processes look at once.
  await Promise.all([1, 2, 3].map(async () => intake(ledger, patient)));
  while (await intake(ledger, patient));
  expect((await read(first)).rows.new).toBe(1);
  expect((await read(second)).rows.updated).toBe(1);
  expect((await read(other, 'other')).rows.new).toBe(1);
  expect(await versions(ledger)).toEqual(['1 1 first', '1 1 other', '1 2 second']);
});

test('a row that says the same again is not read again, until the rules for it change', async () => {
  const { ledger, push, told } = await setup();
  const files = [row('1'), row('2', '=HR'), row('3')];
  await push(csv(...files));
  // Whatever is read anew gives another record than this.
  await ledger.pool.query(String.raw`update employee set fingerprint = '\x00'`);
  const again = await push(csv(...files));
  expect(await told(again.id)).toEqual(['unchanged', 'updated formula_like_text', 'unchanged']);
  expect(await told((await push(csv(...files))).id)).toEqual(['unchanged', 'unchanged formula_like_text', 'unchanged']);
  // The same words by another name of the column, in another order and another format are the same row.
  const ndjson = (number: string) =>
    JSON.stringify({
      country: 'DE',
      department: 'IT',
      employee_number: number,
      hire_date: '2020-01-01',
      legal_family_name: 'Müller',
      legal_given_name: 'Zoë',
      status: 'ACTIVE',
      worker_type: 'EMPLOYEE',
    });
  const lines = await push(`${ndjson('1')}\n${ndjson('3')}\n`, { mediaType: 'application/x-ndjson', mode: 'delta' });
  expect(await told(lines.id)).toEqual(['unchanged', 'unchanged']);
  await settleSource(ledger.db, {
    name: 'hr',
    settings: feedSourceSettingsSchema.parse({ file: { words: { status: { ACTIVE: 'LEAVE' } } } }),
    actor: 'test',
  });
  expect((await push(csv(...files))).rows).toMatchObject({ updated: 3 });
  expect((await push(csv(...files))).rows).toMatchObject({ unchanged: 3 });
});

test('a source speaks only of the countries that are settled for it', async () => {
  const { ledger, push, told } = await setup();
  const of = (countries: string[]) =>
    settleSource(ledger.db, {
      name: 'hr',
      settings: feedSourceSettingsSchema.parse({ authority: { countries } }),
      actor: 'test',
    });
  const both = csv(row('1'), row('2').replace(',DE,', ',FR,'));
  await of(['FR', 'ES']);
  expect(await told((await push(both)).id)).toEqual(['rejected not_your_worker', 'new']);
  await of([]);
  expect(await told((await push(both)).id)).toEqual(['new', 'unchanged']);
  // Who is known already is no longer taken from a source that may not speak of them, not even unread.
  await of(['FR']);
  expect(await told((await push(both)).id)).toEqual(['rejected not_your_worker', 'unchanged']);
});

test('a row that is known counts among its repetitions, and as a person who is here', async () => {
  const { push, told } = await setup();
  await push(csv(row('1'), row('2')));
  const repeated = await push(csv(row('1'), row('1'), row('2'), row('2', 'HR')));
  expect(await told(repeated.id)).toEqual([
    'unchanged',
    'duplicate duplicate_identical',
    'rejected duplicate_conflict',
    'rejected duplicate_conflict',
  ]);
  const claimed = await push(
    [`${header},previous_worker_id`, `${row('1')},`, `${row('2')},`, `${row('3')},2`, ''].join('\n'),
  );
  expect(await told(claimed.id)).toEqual(['unchanged', 'unchanged', 'rejected previous_conflict']);
});

test('the same record from another row is unchanged, and that row is the known one from then on', async () => {
  const { ledger, push } = await setup();
  await push(csv(row('1')));
  const spelt = csv(row('1').replace('ACTIVE', 'active').replace('DE', 'de'));
  expect((await push(spelt)).rows).toMatchObject({ unchanged: 1 });
  await ledger.pool.query(String.raw`update employee set fingerprint = '\x00'`);
  expect((await push(spelt)).rows).toMatchObject({ unchanged: 1 });
  expect((await push(csv(row('1')))).rows).toMatchObject({ updated: 1 });
});

test('what became of each of many rows is read in pages, whatever the outcome that is asked for', async () => {
  const { ledger, push } = await setup();
  await push(csv(...Array.from({ length: 3_550 }, (_, index) => row(String(index + 1)))));
  const rows = Array.from({ length: 3_700 }, (_, index) => {
    const number = String(index + 1);
    if (index % 9 === 0) return row(number, '=SUM(A1)');
    return index % 900 === 5 ? row(number, 'IT', 'AWAY') : row(number, index % 10 === 0 ? 'HR' : 'IT');
  });
  const { id, state } = await push(csv(...rows), { mode: 'delta' });
  expect(state).toBe('done');
  const pages = async (limit: number, outcome?: string) => {
    const found: { row: number; line: number; employeeNumber: string | null; outcome: string }[] = [];
    for (let after = 0; ;) {
      const page = await deliveryRecords(ledger.db, id, { after, limit, outcome });
      found.push(...page);
      const last = page.at(-1);
      if (last === undefined) return found;
      after = last.row;
    }
  };
  const all = await pages(1_000);
  expect(all.map((one) => one.row)).toEqual(rows.map((_, index) => index + 1));
  expect(all.every((one) => one.line === one.row + 1 && one.employeeNumber === String(one.row))).toBe(true);
  expect(await pages(333)).toEqual(all);
  for (const outcome of ['new', 'updated', 'unchanged', 'rejected', 'older']) {
    expect(await pages(90, outcome)).toEqual(all.filter((one) => one.outcome === outcome));
  }
  expect(new Set(all.map((one) => one.outcome))).toEqual(new Set(['new', 'updated', 'unchanged', 'rejected']));
});

test('a delivery whose process dies at work is taken up by another, from the start', async () => {
  const { ledger, receive, read } = await setup();
  const id = await receive(csv(row('1'), row('2')));
  const dying = new AbortController();
  dying.abort(new Error('the process stops'));
  await expect(intake(ledger, dying.signal)).rejects.toThrow('the process stops');
  expect((await read(id)).state).toBe('received');
  // As a killed process leaves it: noted as being checked, with nobody at work.
  await ledger.pool.query("update feed_delivery set state = 'applying', attempts = 1");
  expect(await intake(ledger, patient)).toBe(true);
  expect(await read(id)).toMatchObject({ state: 'done', rows: { total: 2, new: 2 } });
});

test('a delivery that fails again and again is given up, so that it holds its source up no longer', async () => {
  const { ledger, receive, read } = await setup();
  const id = await receive(csv(row('1')));
  const next = await receive(csv(row('2')));
  await ledger.pool.query('alter table feed_row rename to gone');
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await expect(intake(ledger, patient)).rejects.toThrow('feed_row');
    await ledger.pool.query("update feed_delivery set try_after = '-infinity'");
  }
  await ledger.pool.query('alter table gone rename to feed_row');
  while (await intake(ledger, patient));
  expect(await read(id)).toMatchObject({ state: 'refused', rows: { total: 0 } });
  expect((await read(id)).cause).toMatch(/^internal_fault: /);
  expect((await read(next)).rows.new).toBe(1);
});

test('a failed delivery is not tried again at once, and those after it wait', async () => {
  const { ledger, receive } = await setup();
  await receive(csv(row('1')));
  await receive(csv(row('2')));
  await ledger.pool.query('alter table feed_row rename to gone');
  await expect(intake(ledger, patient)).rejects.toThrow('feed_row');
  await expect(intake(ledger, patient)).rejects.toThrow('feed_row');
  expect(await intake(ledger, patient)).toBe(false);
});

test('what the service desk searches follows the record', async () => {
  const { ledger, push } = await setup();
  const found = async (query: string) => {
    const hits = await searchEmployees(ledger.db, query, foldedWords(query));
    return hits.map(({ employeeNumber }) => employeeNumber);
  };
  const people = (family: string, email: string) =>
    `${header},work_email,legacy_emails\n${row('1').replace('Müller', family)},${email},old@b.example\n${row('2')},,\n`;
  await push(people('Lefèvre', 'zl@b.example'));
  expect(await found('lef')).toEqual(['1']);
  expect(await found('ZL@b.example')).toEqual(['1']);
  expect(await found('muller zoe')).toEqual(['2']);
  await push(people('Nuñez', 'zn@b.example'));
  expect(await found('lefevre')).toEqual([]);
  expect(await found('nunez')).toEqual(['1']);
  expect(await found('zl@b.example')).toEqual([]);
  expect(await found('old@b.example')).toEqual(['1']);
});

test('whatever rows come, each has one outcome, the sums are equal, and the same again changes nothing', async () => {
  const { ledger, push } = await setup();
  const cell = fc.oneof(
    fc.constantFrom(
      '1',
      '2',
      '3',
      'ACTIVE',
      'EMPLOYEE',
      '2020-01-01',
      'DE',
      '',
      ' ',
      '\\N',
      '\\.',
      '"',
      "'",
      'a\tb\nc',
    ),
    fc.string({ unit: 'binary', maxLength: 12 }),
  );
  const number = fc.constantFrom('1', '2', '3', '4');
  const good = fc.record({ number, department: fc.constantFrom('IT', 'HR', '\\', '{a,"b"}') });
  const line = fc.oneof(
    good.map(({ number: one, department }) => Object.values(wholeRow(one, department))),
    fc.array(cell, { minLength: 8, maxLength: 8 }),
  );
  let source = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 12 }), fc.boolean(), async (lines, asJson) => {
      source += 1;
      const names = header.split(',');
      const rows = lines.map((cells) => Object.fromEntries(names.map((name, index) => [name, cells[index]])));
      const options: Options = asJson
        ? { source: `s${source}`, mediaType: 'application/json' }
        : { source: `s${source}` };
      const quoted = lines.map((cells) => cells.map((one) => `"${one.replaceAll('"', '""')}"`).join(','));
      const content = asJson ? JSON.stringify(rows) : csv(...quoted);
      const first = await push(content, options);
      if (first.state === 'refused') return;
      expect(first.state).toBe('done');
      expect([first.rows.total, sum(first)]).toEqual([lines.length, lines.length]);
      const records = await deliveryRecords(ledger.db, first.id, { after: 0, limit: 1_000 });
      expect(records.map(({ row: counted }) => counted)).toEqual(lines.map((_, index) => index + 1));
      const again = await push(content, options);
      expect(again.rows).toMatchObject({ new: 0, updated: 0, rejected: first.rows.rejected, absent: 0 });
      expect(sum(again)).toBe(lines.length);
    }),
    { numRuns: 60 },
  );
});

const wholeRow = (number: string, department: string) => [
  number,
  'Zoë',
  'Müller',
  'EMPLOYEE',
  'ACTIVE',
  '2020-01-01',
  'DE',
  department,
];
