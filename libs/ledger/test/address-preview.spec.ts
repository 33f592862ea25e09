import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AddressPreviewDesk, type PreviewedRow } from '#libs/ledger';
import { rejection } from '#libs/vocabulary';
import { openTestLedger, type TestLedger } from './fixture.js';

let opened: TestLedger;
beforeEach(async () => {
  opened = await openTestLedger();
});
afterEach(() => opened.close());

const domain = 'shop.example';

/** People of the source whom the ledger knows, numbered from 1; every one of them wants the local part `bob`. */
async function hire(count: number): Promise<void> {
  await opened.ledger.pool.query(
    `with person as (
       insert into employee (source, employee_number, version, fingerprint, status, country, effective_at, last_delivery)
       select 'hr', n::text, 1, '', 'active', 'FR', now() - interval '1 day', 1 from generate_series(1, $1) as n
       returning id, employee_number
     )
     insert into employee_version (employee_id, version, record)
     select id, 1, jsonb_build_object('employeeNumber', employee_number, 'status', 'active', 'workerType', 'employee',
       'legalName', '{"givenName": "Bob", "familyName": "Two"}'::jsonb, 'hireDate', '2019-01-01', 'country', 'FR')
     from person`,
    [count],
  );
}

const wanted = (localPart: string, hireDate = '2020-01-01') => ({
  hireDate,
  left: false,
  given: null,
  localParts: [localPart],
  domain,
  numbered: true,
  aliases: [],
  problem: null,
});

interface Sent {
  readonly number: string;
  readonly localPart?: string;
  readonly previous?: string;
  readonly rejected?: 'left' | 'here';
  readonly status?: string;
}

const rowOf = (
  { number, localPart = 'bob', previous, rejected, status = 'active' }: Sent,
  at: number,
): PreviewedRow => ({
  row: at + 1,
  line: at + 2,
  employeeNumber: number,
  problems: rejected === undefined ? [] : [rejection('country_unknown', 'country')],
  hasLeft: rejected === 'left',
  accepted:
    rejected === undefined
      ? {
          fingerprint: createHash('sha256').update(`${number} ${localPart}`).digest(),
          status,
          previousNumber: previous,
          wanted: wanted(localPart),
        }
      : undefined,
});

/** How each row comes by its address, and why, in the order of the file. */
async function preview(sent: readonly Sent[]): Promise<unknown[]> {
  const desk = await AddressPreviewDesk.open(opened.ledger);
  async function* chunks() {
    yield sent.map(rowOf);
  }
  try {
    await desk.storeRows(chunks());
    const rules = { blocked: [], verifiedDomains: [domain], reuseAfter: null };
    await desk.choose('hr', rules, ({ hireDate }) => wanted('bob', hireDate));
    const seen: unknown[] = [];
    for await (const { how, address, reason } of desk.rows({ notable: false, limit: null })) {
      seen.push([how, address?.split('@')[0] ?? null, reason]);
    }
    return seen;
  } finally {
    desk.close();
  }
}

test('a worker who comes under a new number keeps the address, and the row with the former number is left out', async () => {
  await hire(1);
  await opened.ledger.pool.query(
    `insert into address_reservation (address, employee_id, kind, state, issued_at)
     select $1, id, 'primary', 'issued', now() from employee`,
    [`told@${domain}`],
  );
  const sent: Sent[] = [
    { number: '9', localPart: 'eve', previous: '1' },
    { number: '1', status: 'terminated' },
  ];
  expect(await preview(sent)).toEqual([
    ['issued', 'told', null],
    ['repeated', null, 'number_superseded'],
  ]);
});

test('rows are judged as a delivery’s: claims of one person by two, repeated rows, and leavers by a row that is wrong', async () => {
  await hire(3);
  const sent: Sent[] = [
    { number: '8', previous: '1' },
    { number: '9', previous: '1' },
    { number: '2', localPart: 'eve' },
    { number: '2', localPart: 'eve' },
    { number: '3', rejected: 'left' },
    { number: '4', rejected: 'left' },
    { number: '5', rejected: 'here' },
  ];
  expect(await preview(sent)).toEqual([
    ['rejected', null, 'previous_conflict'],
    ['rejected', null, 'previous_conflict'],
    ['pattern', 'eve', null],
    ['repeated', null, null],
    ['left', null, null],
    ['rejected', null, 'country_unknown'],
    ['rejected', null, 'country_unknown'],
  ]);
});

test('everybody else whom the ledger knows comes before, however many pages they are', async () => {
  await hire(2_100);
  expect(await preview([{ number: 'n1' }, { number: 'n2' }])).toEqual([
    ['numbered', 'bob2101', null],
    ['numbered', 'bob2102', null],
  ]);
});
